"""The Canary as this program thinks of it: what the user asked for (`Spec`) and how far we are (`Progress`).

`Progress` is all that we remember, and it is stored in the Canary's own status and nowhere else. Everything else that
a decision needs is read back from the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # "never": older than anything that happens


class Phase(StrEnum):
    """Where a canary stands; the names are Flagger's. `canary.phases.ALLOWED` lists the legal moves."""

    NEW = ""
    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    WAITING = "Waiting"
    PROGRESSING = "Progressing"
    WAITING_PROMOTION = "WaitingPromotion"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"


class HookType(StrEnum):
    """When a webhook is called; only these are answered by this version."""

    PRE_ROLLOUT = "pre-rollout"
    ROLLOUT = "rollout"
    POST_ROLLOUT = "post-rollout"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the user wants on one of the three Services."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """The address that clients use, and how the mesh treats requests to it. Mappings are Istio's JSON."""

    name: str
    port: int
    port_name: str = "http"
    target_port: int | str = 0  # the port itself, where nothing else is asked for
    app_protocol: str = ""
    traffic_distribution: str = ""
    port_discovery: bool = False
    headless: bool = False
    delegation: bool = False
    timeout: str = ""
    gateways: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    match: tuple[Mapping[str, Any], ...] = ()
    rewrite: Mapping[str, Any] | None = None
    retries: Mapping[str, Any] | None = None
    headers: Mapping[str, Any] | None = None
    cors_policy: Mapping[str, Any] | None = None
    traffic_policy: Mapping[str, Any] | None = None
    apex: Metadata | None = None
    primary: Metadata | None = None
    canary: Metadata | None = None
    unmanaged_labels: tuple[str, ...] = ()
    unmanaged_annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """One question to the metrics server and the limits of a good answer."""

    name: str
    interval: timedelta
    query: str = ""  # "": a builtin, found by its name
    low: float | None = None
    high: float | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    interval_text: str = "1m"  # as the user wrote it; it goes into the query


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook."""

    name: str
    type: HookType
    url: str
    timeout: timedelta = timedelta(seconds=10)
    retries: int = 0  # extra attempts
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """The HorizontalPodAutoscaler of the target; its limits on the primary where the user wants others."""

    name: str
    min_replicas: int | None = None
    max_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """What the user asked for, checked and with defaults."""

    target: str
    service: Service
    weights: tuple[int, ...]  # the canary's percent, step by step, rising; the last is the greatest
    interval: timedelta = timedelta(seconds=60)
    threshold: int = 1
    promotion_step: int = 0  # percent given back at once when promoted; 0: all
    metrics: tuple[Metric, ...] = ()
    hooks: tuple[Hook, ...] = ()
    autoscaler: Autoscaler | None = None
    metrics_server: str = ""
    progress_deadline: timedelta = timedelta(seconds=600)
    primary_ready_percent: int = 100
    canary_ready_percent: int = 100
    skip_analysis: bool = False
    suspend: bool = False
    ignored: tuple[str, ...] = ()  # sentences about what is set and has no effect here

    def hooks_of(self, kind: HookType) -> tuple[Hook, ...]:
        """Return the webhooks of one type, in the user's order."""
        return tuple(hook for hook in self.hooks if hook.type is kind)


@dataclass(frozen=True, slots=True)
class Progress:
    """Only what the cluster cannot tell us back: our place in the plan."""

    phase: Phase = Phase.NEW
    applied: str = ""  # the revision on trial, or the last one tried
    promoted: str = ""  # the last one that became primary
    tracked: tuple[tuple[str, str], ...] = ()  # ("configmap/a", checksum) that belong to `applied`, sorted
    weight: int = 0  # percent of traffic that the canary ought to have
    failed_checks: int = 0  # more than the threshold: given up, on the way back
    since: datetime = EPOCH  # when this step began
    entered: datetime = EPOCH  # when this phase, or the trial of this revision, began
    turned: datetime = EPOCH  # when the verdict (promoted: yes, no, unknown) last changed
