"""The parts of a Canary that are Istio's words: matches, rewrites, retries, headers, traffic policy.

They are taken into the VirtualService and the DestinationRules as they are.
Source: flagger.app/v1beta1 CRD of Flagger 1.44, `spec.service`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Labels = dict[str, str]


class Part(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of all: camel case, and what is not set is not written."""


class StringMatch(Part, frozen=True):
    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    regex: str | None = None


class PlainMatch(Part, frozen=True):
    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


class Match(Part, frozen=True):
    name: str = ""
    uri: PlainMatch | None = None
    scheme: PlainMatch | None = None
    method: PlainMatch | None = None
    authority: PlainMatch | None = None
    headers: dict[str, PlainMatch] = {}
    port: int | None = None
    source_labels: Labels = {}
    gateways: list[str] = []
    query_params: dict[str, PlainMatch] = {}
    ignore_uri_case: bool = False
    without_headers: dict[str, PlainMatch] = {}
    source_namespace: str = ""


class Rewrite(Part, frozen=True):
    uri: str = ""
    authority: str = ""
    type: str = ""


class Retries(Part, frozen=True):
    attempts: int = 0
    per_try_timeout: str = ""
    retry_on: str = ""


class HeaderChange(Part, frozen=True):
    set: Labels = {}
    add: Labels = {}
    remove: list[str] = []


class Headers(Part, frozen=True):
    request: HeaderChange | None = None
    response: HeaderChange | None = None


class CorsPolicy(Part, frozen=True):
    allow_origin: list[str] = []
    allow_origins: list[PlainMatch] = []
    allow_methods: list[str] = []
    allow_headers: list[str] = []
    expose_headers: list[str] = []
    max_age: str = ""
    allow_credentials: bool | None = None


class HttpPool(Part, frozen=True):
    h2_upgrade_policy: Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] | None = field(
        default=None, name="h2UpgradePolicy"
    )
    http1_max_pending_requests: int | None = field(default=None, name="http1MaxPendingRequests")
    http2_max_requests: int | None = field(default=None, name="http2MaxRequests")
    idle_timeout: str = ""
    max_requests_per_connection: int | None = None
    max_retries: int | None = None


class ConnectionPool(Part, frozen=True):
    http: HttpPool | None = None


class HttpCookie(Part, frozen=True):
    name: str = ""
    path: str = ""
    ttl: str = ""


class ConsistentHash(Part, frozen=True):
    http_header_name: str = ""
    http_cookie: HttpCookie | None = None
    use_source_ip: bool = False
    http_query_parameter_name: str = ""
    minimum_ring_size: int | None = None


class Distribute(Part, frozen=True):
    from_: str = field(default="", name="from")
    to: dict[str, int] = {}


class Failover(Part, frozen=True):
    from_: str = field(default="", name="from")
    to: str = ""


class Locality(Part, frozen=True):
    enabled: bool | None = None
    distribute: list[Distribute] = []
    failover: list[Failover] = []


class LoadBalancer(Part, frozen=True):
    simple: Literal["ROUND_ROBIN", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "LEAST_REQUEST"] | None = None
    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: Locality | None = None
    warmup_duration_secs: str = ""


class OutlierDetection(Part, frozen=True):
    base_ejection_time: str = ""
    consecutive5xx_errors: int | None = field(default=None, name="consecutive5xxErrors")
    consecutive_errors: int | None = None
    consecutive_gateway_errors: int | None = None
    consecutive_local_origin_failures: int | None = None
    interval: str = ""
    max_ejection_percent: int | None = None
    min_health_percent: int | None = None
    split_external_local_origin_errors: bool | None = None


class Tls(Part, frozen=True):
    mode: Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] | None = None
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    subject_alt_names: list[str] = []
    sni: str = ""


class TrafficPolicy(Part, frozen=True):
    connection_pool: ConnectionPool | None = None
    load_balancer: LoadBalancer | None = None
    outlier_detection: OutlierDetection | None = None
    tls: Tls | None = None
