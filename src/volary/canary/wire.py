"""JSON to `Spec` and `Progress`, and back to a status; defaults, checks and refusals. The only file with quirks.

A status is Flagger's to the letter, so that either program can take over from the other in the middle of a run.
What this version does not do is refused with one sentence, never skipped in silence.
Source: flagger.app/v1beta1, its status and its condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from volary.canary import crd
from volary.canary.durations import parse_duration
from volary.canary.service_wire import service_of
from volary.canary.spec import EPOCH, Autoscaler, Hook, HookType, Metric, Phase, Progress, Spec
from volary.canary.weighted import weights_of
from volary.kube.definitions import BadField, Column, decode, definition
from volary.kube.objects import NewObject, Object, Resource, condition, name_of, namespace_of, parse_time
from volary.kube.resources import CANARIES, METRIC_TEMPLATES

PROMOTED = "Promoted"
STALLED = "Stalled"
ALERT_PROVIDERS = Resource("flagger.app/v1beta1", "AlertProvider", "alertproviders")
BUILTIN_METRICS = ("request-success-rate", "request-duration")
HTTP = ("http://", "https://")
DEFAULT_DEADLINE_SECONDS = 600


def spec_of(canary: Object) -> Spec:
    """Return what the user asked for. Raises: BadField."""
    where = f"Canary {namespace_of(canary)}/{name_of(canary)}"
    wire = decode(crd.CanarySpec, canary.get("spec") or {}, where, at="spec")
    return Translation(where, wire).spec()


@dataclass(frozen=True, slots=True)
class Translation:
    """One Canary on its way into a `Spec`."""

    where: str
    wire: crd.CanarySpec

    def bad(self, field: str, sentence: str) -> BadField:
        return BadField(f"spec.{field}", f"{self.where}: spec.{field} {sentence}")

    def spec(self) -> Spec:
        for field, sentence in unsupported(self.wire):
            raise self.bad(field, sentence)
        wire, analysis = self.wire, self.wire.analysis
        assert wire.service is not None, "refused before"
        interval = parse_duration(analysis.interval or "60s")
        if not interval:
            raise self.bad(
                "analysis.interval", f'is "{analysis.interval}"; allowed: a time of more than 0, as 30s or 1m'
            )
        weights = weights_of(analysis.step_weight, analysis.step_weights, analysis.max_weight)
        if isinstance(weights, str):
            raise self.bad("analysis", weights)
        return Spec(
            target=wire.target_ref.name,
            service=service_of(wire.service, wire.target_ref.name),
            weights=weights,
            interval=interval,
            threshold=max(1, whole(analysis.threshold, 1)),
            promotion_step=max(0, whole(analysis.step_weight_promotion, 0)),
            metrics=tuple(self.metric(index, metric) for index, metric in enumerate(analysis.metrics)),
            hooks=tuple(self.hook(index, hook) for index, hook in enumerate(analysis.webhooks)),
            autoscaler=autoscaler_of(wire.autoscaler_ref),
            metrics_server=wire.metrics_server,
            progress_deadline=timedelta(seconds=wire.progress_deadline_seconds or DEFAULT_DEADLINE_SECONDS),
            primary_ready_percent=whole(analysis.primary_ready_threshold, 100),
            canary_ready_percent=whole(analysis.canary_ready_threshold, 100),
            skip_analysis=wire.skip_analysis,
            suspend=wire.suspend,
            ignored=tuple(without_effect(wire)),
        )

    def metric(self, index: int, metric: crd.Metric) -> Metric:
        field = f"analysis.metrics[{index}]"
        if metric.template_ref is not None:
            raise self.bad(f"{field}.templateRef", "is not supported yet; put the query itself into `query`")
        if not metric.query and metric.name not in BUILTIN_METRICS:
            known = " or ".join(BUILTIN_METRICS)
            raise self.bad(
                field, f'has no query, and "{metric.name}" is no builtin; give it a `query`, or name it {known}'
            )
        interval = parse_duration(metric.interval or "1m")
        if not interval:
            raise self.bad(f"{field}.interval", f'is "{metric.interval}"; allowed: a time of more than 0, as 30s or 1m')
        low, high = limits_of(metric)
        text = metric.interval or "1m"
        # A builtin is found by its name, whatever else is set; Flagger does the same.
        query = "" if metric.name in BUILTIN_METRICS else metric.query
        return Metric(metric.name, interval, query, low, high, metric.template_variables, text)

    def hook(self, index: int, hook: crd.Webhook) -> Hook:
        field = f"analysis.webhooks[{index}]"
        kind = hook.type or "rollout"
        if kind not in set(HookType):
            raise self.bad(f"{field}.type", f'"{kind}" is not supported yet; allowed: {", ".join(HookType)}')
        if not hook.url.startswith(HTTP):
            raise self.bad(f"{field}.url", f'is "{hook.url}"; allowed: a URL that begins with http:// or https://')
        if hook.disable_tls:
            raise self.bad(
                f"{field}.disableTLS", "is not supported: certificates are always checked; use http:// or a valid one"
            )
        timeout = parse_duration(hook.timeout or "10s")
        if not timeout:
            raise self.bad(f"{field}.timeout", f'is "{hook.timeout}"; allowed: a time of more than 0, as 10s')
        return Hook(hook.name, HookType(kind), hook.url, timeout, max(0, whole(hook.retries, 0)), hook.metadata)


def unsupported(wire: crd.CanarySpec) -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) for what this version cannot do; the first is told."""
    analysis, service = wire.analysis, wire.service
    if wire.provider not in (None, "istio"):
        yield "provider", f'"{wire.provider}" is not supported yet; allowed: istio'
    if wire.target_ref.kind != "Deployment":
        yield "targetRef.kind", f'"{wire.target_ref.kind}" is not supported yet; allowed: Deployment'
    if wire.autoscaler_ref is not None and wire.autoscaler_ref.kind != "HorizontalPodAutoscaler":
        yield (
            "autoscalerRef.kind",
            f'"{wire.autoscaler_ref.kind}" is not supported yet; allowed: HorizontalPodAutoscaler',
        )
    if service is None:
        yield "service", "is missing; a Deployment's canary needs at least spec.service.port"
    elif service.app_protocol.lower() == "tcp":
        yield "service.appProtocol", '"tcp" is not supported yet: weights are set for HTTP routes'
    elif service.delegation and (service.hosts or service.gateways):
        yield "service.delegation", "cannot go together with spec.service.hosts or spec.service.gateways"
    if analysis.iterations:
        yield "analysis.iterations", "is not supported yet (A/B and Blue/Green); use stepWeight or stepWeights"
    if analysis.match:
        yield "analysis.match", "is not supported yet (A/B); use stepWeight or stepWeights"
    if analysis.mirror:
        yield "analysis.mirror", "is not supported yet; leave it out"
    if analysis.session_affinity is not None:
        yield "analysis.sessionAffinity", "is not supported yet; leave it out"
    if wire.revert_on_deletion:
        yield (
            "revertOnDeletion",
            "is not supported yet; leave it out, and scale the target up before you delete the Canary",
        )


def without_effect(wire: crd.CanarySpec) -> Iterator[str]:
    """Yield a sentence for what is set and means nothing with Istio, or is not sent yet."""
    if wire.analysis.alerts:
        yield "spec.analysis.alerts is set, but this version sends no alerts; Events say the same"
    service = wire.service
    fields: list[tuple[str, object]] = [
        ("spec.ingressRef", wire.ingress_ref),
        ("spec.routeRef", wire.route_ref),
        ("spec.upstreamRef", wire.upstream_ref),
    ]
    if service is not None:
        fields += [
            ("spec.service.gatewayRefs", service.gateway_refs),
            ("spec.service.backendTimeout", service.backend_timeout),
            ("spec.service.mirror", service.mirror),
            ("spec.service.meshName", service.mesh_name),
            ("spec.service.backends", service.backends),
        ]
    for name, value in fields:
        if value:
            yield f"{name} is set, but has no effect with provider istio"


def limits_of(metric: crd.Metric) -> tuple[float | None, float | None]:
    """Return (least, most) that a measurement may be; both bounds are still good."""
    if metric.threshold_range is not None:
        return metric.threshold_range.min, metric.threshold_range.max
    # The older form is one number: a floor for the success rate, a ceiling for all others.
    if metric.name == "request-success-rate":
        return metric.threshold, None
    return None, metric.threshold


def autoscaler_of(ref: crd.AutoscalerRef | None) -> Autoscaler | None:
    if ref is None:
        return None
    replicas = ref.primary_scaler_replicas or crd.ScalerReplicas()
    return Autoscaler(ref.name, replicas.min_replicas, replicas.max_replicas)


def progress_of(canary: Object) -> Progress:
    """Return how far a Canary is, from its status, ours or Flagger's; what cannot be read counts as absent."""
    status: Mapping[str, Any] = canary.get("status") or {}
    verdict = condition(canary, PROMOTED) or {}
    phase = str(status.get("phase") or "")
    tracked = status.get("trackedConfigs") or {}
    return Progress(
        phase=Phase(phase) if phase in set(Phase) else Phase.NEW,
        applied=str(status.get("lastAppliedSpec") or ""),
        promoted=str(status.get("lastPromotedSpec") or ""),
        tracked=tuple(sorted((str(key), str(value)) for key, value in tracked.items())),
        weight=min(100, max(0, whole(status.get("canaryWeight"), 0))),
        failed_checks=max(0, whole(status.get("failedChecks"), 0)),
        since=time_of(status.get("lastTransitionTime")),
        entered=time_of(verdict.get("lastUpdateTime")),
        turned=time_of(verdict.get("lastTransitionTime")),
    )


def status_of(progress: Progress, old: Mapping[str, Any]) -> NewObject:
    """Return the whole status for a progress; cookies that Flagger left in `old` are kept."""
    status: NewObject = {
        **{key: value for key, value in old.items() if key.lower().endswith("sessionaffinitycookie")},
        "phase": progress.phase.value,
        "failedChecks": progress.failed_checks,
        "canaryWeight": progress.weight,
        "iterations": 0,
        "lastAppliedSpec": progress.applied,
        "lastPromotedSpec": progress.promoted,
        "lastTransitionTime": format_moment(progress.since),
        "conditions": [promoted_condition(progress)],
    }
    if progress.tracked:
        status["trackedConfigs"] = dict(progress.tracked)
    return status


def stalled_status(old: Mapping[str, Any], reason: str, message: str, now: datetime) -> NewObject | None:
    """Return `old` with a condition that says what only a person can mend; None if it says so already.

    It stands beside Flagger's one condition and goes with the next `status_of`. Its name is kstatus's, so that
    `kubectl wait`, Flux and others know it.
    """
    before = condition({"status": old}, STALLED)
    if before is not None and (before.get("reason"), before.get("message")) == (reason, message):
        return None
    moment = format_moment(now)
    stalled = {
        "type": STALLED,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
    }
    others = [entry for entry in old.get("conditions") or () if entry.get("type") != STALLED]
    return {**old, "conditions": [*others, stalled]}


def promoted_condition(progress: Progress) -> NewObject:
    verdict, message = VERDICTS[progress.phase]
    return {
        "type": PROMOTED,
        "status": verdict,
        "reason": progress.phase.value or Phase.INITIALIZING.value,
        "message": message,
        "lastUpdateTime": format_moment(progress.entered),
        "lastTransitionTime": format_moment(progress.turned),
    }


def moved(old: Progress, new: Progress, now: datetime) -> Progress:
    """Return `new` with its times: a step begins now, and a phase, a trial or a verdict where it differs from `old`."""
    now = whole_milliseconds(now)
    entered = new.phase is not old.phase or (new.phase is Phase.PROGRESSING and new.applied != old.applied)
    turned = VERDICTS[new.phase][0] != VERDICTS[old.phase][0] or old.phase is Phase.NEW
    return replace(
        new,
        since=now,
        entered=now if entered else old.entered,
        turned=now if turned else old.turned,
    )


STARTING = ("Unknown", "New Deployment detected, starting initialization.")
APPROVAL = ("Unknown", "Waiting for approval.")
VERDICTS: Mapping[Phase, tuple[str, str]] = {  # phase -> (was the revision promoted?, message); texts are an interface
    Phase.NEW: STARTING,
    Phase.INITIALIZING: STARTING,
    Phase.INITIALIZED: ("True", "Deployment initialization completed."),
    Phase.WAITING: APPROVAL,
    Phase.WAITING_PROMOTION: APPROVAL,
    Phase.PROGRESSING: ("Unknown", "New revision detected, progressing canary analysis."),
    Phase.PROMOTING: ("Unknown", "Canary analysis completed, starting primary rolling update."),
    Phase.FINALISING: ("Unknown", "Canary analysis completed, routing all traffic to primary."),
    Phase.SUCCEEDED: ("True", "Canary analysis completed successfully, promotion finished."),
    Phase.FAILED: ("False", "Canary analysis failed, Deployment scaled to zero."),
    Phase.TERMINATING: STARTING,
    Phase.TERMINATED: STARTING,
}


def whole(value: Any, default: int) -> int:
    """Return a number of the wire as a whole number; what is no number counts as `default`."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def time_of(value: object) -> datetime:
    """Return a time of the wire; one that is missing or unreadable is `EPOCH`."""
    try:
        return parse_time(str(value)) if value else EPOCH
    except ValueError:
        return EPOCH


def format_moment(moment: datetime) -> str:
    """Return a time with milliseconds: at an interval of 1 s whole seconds would shorten steps."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def definitions() -> list[NewObject]:
    """Return the CRDs of Flagger's kinds, for servers that have none."""
    canaries = definition(
        CANARIES, spec=crd.CanarySpec, status=crd.CanaryStatus, columns=CANARY_COLUMNS, categories=["all"], required=()
    )
    templates = definition(
        METRIC_TEMPLATES,
        spec=crd.MetricTemplateSpec,
        status=None,
        columns=[Column("Provider", ".spec.provider.type")],
        categories=["all"],
        required=(),
    )
    alerts = definition(
        ALERT_PROVIDERS,
        spec=crd.AlertProviderSpec,
        status=None,
        columns=[Column("Type", ".spec.type")],
        categories=["all"],
        required=(),
    )
    for template in (templates, alerts):
        template["spec"]["versions"][0]["subresources"] = {"status": {}}  # declared by Flagger, written by nobody
    made = [canaries, templates, alerts]
    for crd_object in made:
        drop_empty_defaults(crd_object["spec"]["versions"][0]["schema"])
    return made


def drop_empty_defaults(schema: Any) -> None:
    """Take away defaults that say no more than absence: Flagger's schema has none of them."""
    if isinstance(schema, dict):
        if schema.get("default", 1) in ("", 0, False):
            del schema["default"]
        for child in schema.values():
            drop_empty_defaults(child)


CANARY_COLUMNS = [
    Column("Status", ".status.phase"),
    Column("Weight", ".status.canaryWeight"),
    Column("Suspended", ".spec.suspend", "boolean", 1),
    Column("FailedChecks", ".status.failedChecks", priority=1),
    Column("Interval", ".spec.analysis.interval", priority=1),
    Column("Mirror", ".spec.analysis.mirror", "boolean", 1),
    Column("StepWeight", ".spec.analysis.stepWeight", priority=1),
    Column("StepWeights", ".spec.analysis.stepWeights", priority=1),
    Column("MaxWeight", ".spec.analysis.maxWeight", priority=1),
    Column("LastTransitionTime", ".status.lastTransitionTime"),
]
