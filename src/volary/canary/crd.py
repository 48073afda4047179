"""Flagger's three kinds, field by field, as types: what a Canary may hold, and what a server prunes.

The tree is Flagger's own, with the fields that this version refuses too: an object written for Flagger must come back
whole from a server that has our CRD. Numbers are `number`, as there. `wire` turns these into `spec`.
Source: flagger.app/v1beta1 CRDs of Flagger 1.44.
"""

# ruff: noqa: RUF012  (msgspec copies such defaults for each object)

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from volary.canary.crd_traffic import (
    CorsPolicy,
    Headers,
    Labels,
    Match,
    Part,
    PlainMatch,
    Retries,
    Rewrite,
    StringMatch,
    TrafficPolicy,
)

Duration = Annotated[str, Meta(pattern="^[0-9]+(m|s)")]
DateTime = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
PROVIDERS = Literal[
    "apisix", "appmesh", "appmesh:v1beta2", "contour", "gatewayapi:v1", "gatewayapi:v1beta1", "gloo", "istio",
    "knative", "kubernetes", "kuma", "linkerd", "nginx", "osm", "skipper", "smi:v1alpha1", "smi:v1alpha2",
    "smi:v1alpha3", "traefik",
]  # fmt: skip


class TargetRef(Part, frozen=True):
    api_version: str
    kind: Literal["DaemonSet", "Deployment", "Service"]
    name: str


class ScalerReplicas(Part, frozen=True):
    min_replicas: Annotated[int, Meta(ge=1)] | None = None
    max_replicas: Annotated[int, Meta(ge=1)] | None = None


class AutoscalerRef(Part, frozen=True):
    api_version: str
    kind: Literal["HorizontalPodAutoscaler", "ScaledObject"]
    name: str
    primary_scaler_queries: Labels = {}
    primary_scaler_replicas: ScalerReplicas | None = None


class IngressRef(Part, frozen=True):
    api_version: str
    kind: Literal["Ingress"]
    name: str


class RouteRef(Part, frozen=True):
    api_version: str
    kind: Literal["ApisixRoute"]
    name: str


class UpstreamRef(Part, frozen=True):
    api_version: str
    kind: Literal["Upstream"]
    name: str
    namespace: str = ""


class GatewayRef(Part, frozen=True):
    name: str
    group: str = "gateway.networking.k8s.io"
    kind: str = "Gateway"
    namespace: str | None = None
    section_name: str | None = None
    port: int | None = None


class BackendRef(Part, frozen=True):
    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str | None = None
    port: int | None = None


class ServiceMirror(Part, frozen=True):
    backend_ref: BackendRef


class ServiceMetadata(Part, frozen=True):
    labels: Labels = {}
    annotations: Labels = {}


class UnmanagedMetadata(Part, frozen=True):
    annotations: list[str] = []
    labels: list[str] = []


class Service(Part, frozen=True):
    port: float
    name: str = ""
    port_name: str = ""
    target_port: int | str | None = None
    app_protocol: str = ""
    traffic_distribution: Literal["PreferClose", "PreferSameZone", "PreferSameNode"] | None = None
    port_discovery: bool = False
    headless: bool = False
    timeout: str = ""
    backend_timeout: str = ""
    gateways: list[str] = []
    gateway_refs: list[GatewayRef] = []
    hosts: list[str] = []
    delegation: bool = False
    traffic_policy: TrafficPolicy | None = None
    match: list[Match] = []
    rewrite: Rewrite | None = None
    retries: Retries | None = None
    headers: Headers | None = None
    mirror: list[ServiceMirror] = []
    cors_policy: CorsPolicy | None = None
    mesh_name: str = ""
    backends: list[str] = []
    apex: ServiceMetadata | None = None
    primary: ServiceMetadata | None = None
    canary: ServiceMetadata | None = None
    unmanaged_metadata: UnmanagedMetadata | None = None


class ThresholdRange(Part, frozen=True):
    min: float | None = None
    max: float | None = None


class TemplateRef(Part, frozen=True):
    name: str
    namespace: str = ""


class Metric(Part, frozen=True):
    name: str
    interval: Duration | None = None
    threshold: float = 0.0
    threshold_range: ThresholdRange | None = None
    query: str = ""
    template_ref: TemplateRef | None = None
    template_variables: Labels = {}


class Webhook(Part, frozen=True):
    name: str
    url: str
    type: Literal[
        "", "confirm-rollout", "pre-rollout", "rollout", "confirm-promotion", "post-rollout", "event", "rollback",
        "confirm-traffic-increase",
    ] = ""  # fmt: skip
    mute_alert: bool = False
    timeout: Duration | None = None
    retries: float = 0.0
    disable_tls: bool = field(default=False, name="disableTLS")
    metadata: Labels = {}


class Alert(Part, frozen=True):
    name: str
    provider_ref: TemplateRef
    severity: Literal["", "info", "warn", "error"] = ""


class AnalysisMatch(Part, frozen=True):
    headers: dict[str, StringMatch] = {}
    query_params: dict[str, PlainMatch] = {}
    source_labels: Labels = {}


class SessionAffinity(Part, frozen=True):
    cookie_name: str
    primary_cookie_name: str = ""
    max_age: float = 86400.0
    domain: str = ""
    path: str = ""
    http_only: bool = False
    partitioned: bool = False
    secure: bool = False
    same_site: Literal["Strict", "Lax", "None"] | None = None


class Analysis(Part, frozen=True):
    interval: Duration | None = None
    threshold: float | None = None
    iterations: float | None = None
    max_weight: float | None = None
    step_weight: float | None = None
    step_weights: list[float] = []
    step_weight_promotion: float = 0.0
    mirror: bool = False
    mirror_weight: float = 0.0
    primary_ready_threshold: float | None = None
    canary_ready_threshold: float | None = None
    match: list[AnalysisMatch] = []
    metrics: list[Metric] = []
    webhooks: list[Webhook] = []
    alerts: list[Alert] = []
    session_affinity: SessionAffinity | None = None


class CanarySpec(Part, frozen=True):
    target_ref: TargetRef
    analysis: Analysis
    provider: PROVIDERS | None = None
    metrics_server: str = ""
    autoscaler_ref: AutoscalerRef | None = None
    ingress_ref: IngressRef | None = None
    route_ref: RouteRef | None = None
    upstream_ref: UpstreamRef | None = None
    service: Service | None = None
    progress_deadline_seconds: float | None = None
    skip_analysis: bool = False
    revert_on_deletion: bool = False
    suspend: bool = False


class Condition(Part, frozen=True):
    type: str
    status: str
    reason: str
    message: str = ""
    last_update_time: DateTime | None = None
    last_transition_time: DateTime | None = None


class CanaryStatus(Part, frozen=True, omit_defaults=False):
    phase: Literal[
        "", "Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising",
        "Succeeded", "Failed", "Terminating", "Terminated",
    ] = ""  # fmt: skip
    failed_checks: float = 0.0
    canary_weight: float = 0.0
    iterations: float = 0.0
    tracked_configs: Labels = {}
    last_applied_spec: str = ""
    last_promoted_spec: str = ""
    last_transition_time: DateTime | None = None
    session_affinity_cookie: str = ""
    previous_session_affinity_cookie: str = ""
    primary_session_affinity_cookie: str = ""
    conditions: list[Condition] = []


class SecretRef(Part, frozen=True):
    name: str


class MetricProvider(Part, frozen=True):
    type: Literal[
        "prometheus", "influxdb", "datadog", "externalmetrics", "stackdriver", "cloudwatch", "newrelic", "graphite",
        "dynatrace", "keptn", "splunk",
    ]  # fmt: skip
    address: str = ""
    headers: dict[str, list[str]] = {}
    secret_ref: SecretRef | None = None
    region: str = ""
    insecure_skip_verify: bool = False


class MetricTemplateSpec(Part, frozen=True):
    provider: MetricProvider
    query: str


class AlertProviderSpec(Part, frozen=True):
    type: Literal["slack", "msteams", "discord", "rocket", "gchat"] | None = None
    channel: str = ""
    username: str = ""
    address: str = ""
    proxy: str = ""
    secret_ref: SecretRef | None = None
