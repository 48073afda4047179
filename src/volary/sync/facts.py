"""What one look at a Kustomization, its source and its objects showed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from volary.health import Verdict
from volary.kube.decoding import BadField
from volary.kube.objects import Object
from volary.sync.render import Rendering
from volary.sync.spec import Kustomization, KustomizationStatus, ObjectId


@dataclass(frozen=True, slots=True)
class About:
    """What a fact is about. A fact about something else counts as absent."""

    generation: int
    revision: str
    token: str  # requestedAt: somebody wants it done again
    uid: str = ""  # of the Kustomization; one made anew is another


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended."""

    about: About
    reason: str  # ArtifactFailed | BuildFailed | ReconciliationFailed
    message: str
    at: datetime
    began: datetime
    may_pass: bool = True  # trying again without an edit may help


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything `decide` may look at; read in one pass, never changed."""

    obj: Object
    spec: Kustomization | BadField
    status: KustomizationStatus
    about: About
    source_trouble: str = ""  # why there is no revision to apply
    dependency: str = ""  # which dependency is not ready, and why
    rendering: Rendering | None = None  # of exactly `about`
    failure: Failure | None = None  # of exactly `about`
    unwritten: tuple[Object, ...] = ()  # of the first stage that has any: what differs from Git, or was not looked at
    unusable: tuple[str, ...] = ()  # what an earlier stage brought and is not usable yet
    health: tuple[tuple[ObjectId, Verdict], ...] = ()  # of what is waited for; only what is not Current
    gone: frozenset[ObjectId] = frozenset()  # of the inventory: deleted, or somebody else's by now
    began: datetime | None = None  # when work on `about` began
    held_until: datetime | None = None  # others undo our corrections again and again: no more before then
