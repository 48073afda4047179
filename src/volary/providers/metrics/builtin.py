"""The two metrics that every mesh has, as PromQL with Go template functions in it.

Source: Flagger's Istio observer.
"""

from __future__ import annotations

from collections.abc import Mapping

SIDE = 'reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload=~"{{ target }}"'
REQUESTS = f"istio_requests_total{{ {SIDE} }}[{{{{ interval }}}}]"
GOOD = f'istio_requests_total{{ {SIDE}, response_code!~"5.*" }}[{{{{ interval }}}}]'
BUCKETS = f"istio_request_duration_milliseconds_bucket{{ {SIDE} }}[{{{{ interval }}}}]"

ISTIO: Mapping[str, str] = {
    "request-success-rate": f"sum( rate( {GOOD} ) ) / sum( rate( {REQUESTS} ) ) * 100",
    "request-duration": f"histogram_quantile( 0.99, sum( rate( {BUCKETS} ) ) by (le) )",
}
