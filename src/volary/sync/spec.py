"""What a GitRepository and a Kustomization ask for, and how far we are. How JSON spells it is for `wire.py` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from volary.sources.revision import Ref, Revision

NEVER_OBSERVED = -1  # Flux's mark for "no controller has seen this yet"


@dataclass(frozen=True, slots=True)
class GitRepository:
    """The spec of a GitRepository."""

    url: str
    interval: timedelta
    timeout: timedelta
    ref: Ref
    secret: str = ""  # name of the Secret with the credentials
    suspend: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One status condition."""

    type: str
    status: str  # True | False | Unknown
    reason: str
    message: str
    since: datetime | None = None  # lastTransitionTime; None: not written yet
    generation: int = 0  # observedGeneration


Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """What was fetched last."""

    revision: Revision
    digest: str  # sha256 over the names and contents of the tree
    updated: datetime
    path: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class GitRepositoryStatus:
    """The status of a GitRepository."""

    observed_generation: int = NEVER_OBSERVED
    artifact: Artifact | None = None
    conditions: Conditions = ()
    handled: str = ""  # lastHandledReconcileAt


@dataclass(frozen=True, slots=True, order=True)
class ObjectId:
    """One object as an inventory names it."""

    namespace: str
    name: str
    group: str
    kind: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind}/{place}"


Inventory = Mapping[ObjectId, str]  # -> API version, without the group


@dataclass(frozen=True, slots=True)
class Reference:
    """Another object by name; "" namespace: that of the one that refers."""

    kind: str
    name: str
    namespace: str = ""
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class Kustomization:
    """The spec of a Kustomization."""

    source: Reference
    path: str
    prune: bool
    interval: timedelta
    retry_interval: timedelta
    timeout: timedelta
    wait: bool = False
    suspend: bool = False
    target_namespace: str = ""
    name_prefix: str = ""
    name_suffix: str = ""
    common_labels: Mapping[str, str] = field(default_factory=dict)
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    images: tuple[Mapping[str, str], ...] = ()
    patches: tuple[Mapping[str, object], ...] = ()
    depends_on: tuple[Reference, ...] = ()
    health_checks: tuple[Reference, ...] = ()
    deletion_policy: str = "MirrorPrune"  # MirrorPrune | Delete | WaitForTermination | Orphan


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the history: reconciliations with the same build and the same outcome, counted."""

    digest: str
    revision: str
    status: str  # the reason of Ready at its end
    first: datetime
    last: datetime
    took: timedelta
    total: int = 1


@dataclass(frozen=True, slots=True)
class KustomizationStatus:
    """The status of a Kustomization."""

    observed_generation: int = NEVER_OBSERVED
    conditions: Conditions = ()
    inventory: Inventory = field(default_factory=dict)
    applied: str = ""  # lastAppliedRevision
    attempted: str = ""  # lastAttemptedRevision
    handled: str = ""
    history: tuple[Attempt, ...] = ()  # newest first


def find(conditions: Conditions, kind: str) -> Condition | None:
    """Return the condition of type `kind`, or None."""
    return next((entry for entry in conditions if entry.type == kind), None)
