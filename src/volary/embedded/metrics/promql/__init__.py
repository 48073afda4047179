"""A part of PromQL, evaluated exactly: what the usual canary queries need, and a refusal by name for everything else.

Pure. Source: Prometheus 2.x, promql and its documentation; windows include both ends, as there.
"""

from volary.embedded.metrics.promql.evaluate import Sample, Source, Value, evaluate
from volary.embedded.metrics.promql.parser import parse
from volary.embedded.metrics.promql.syntax import Refused

__all__ = ["Refused", "Sample", "Source", "Value", "evaluate", "parse"]
