"""Status conditions as Flux keeps them: Ready always; trouble of every other kind only while it lasts. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from volary.sync.spec import Condition, Conditions, find

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
HEALTHY = "Healthy"
ARTIFACT_IN_STORAGE = "ArtifactInStorage"
FETCH_FAILED = "FetchFailed"

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"
LONGEST_MESSAGE = 20000  # the CRD's limit is 32768 bytes


def put(conditions: Conditions, wanted: Condition, now: datetime) -> Conditions:
    """Return the conditions with `wanted` in them; its time moves only when its status does, or when it brings one."""
    if len(wanted.message) > LONGEST_MESSAGE:
        wanted = replace(wanted, message=wanted.message[:LONGEST_MESSAGE] + " …")
    old = find(conditions, wanted.type)
    if wanted.since is None:
        same = old is not None and old.status == wanted.status and old.since is not None
        wanted = replace(wanted, since=old.since if same and old else now)
    if old is None:
        return (*conditions, wanted)
    return tuple(wanted if entry.type == wanted.type else entry for entry in conditions)


def drop(conditions: Conditions, *kinds: str) -> Conditions:
    """Return the conditions without those of these types."""
    return tuple(entry for entry in conditions if entry.type not in kinds)
