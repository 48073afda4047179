"""What a Cluster object says of its cluster. Pure: what is known of the way there -> the object's status.

Unreachable is unknown: only what the other side has told us (refused, not allowed in) is False, silence is Unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from volary.fleet.progress import ClusterStatus, Condition
from volary.kube.credentials import NoCredentials
from volary.kube.errors import KubeError, Unauthorized, Unreachable

SILENCE = timedelta(seconds=90)  # nothing at all for so long is no answer; watches are reopened twice as often
GRACE = timedelta(seconds=15)  # a connection that breaks and comes back is everyday

STATUSES = {"Connected": "True", "Rebuilt": "True", "Timeout": "Unknown"}  # every other reason: False
REASONS = {"Refused": "Refused", "Timeout": "Timeout", "CertificateInvalid": "CertificateInvalid"}


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of the way to one cluster."""

    uid: str = ""  # of its kube-system namespace; "" while never read
    version: str = ""
    heard_at: datetime | None = None  # when it last answered anything
    trouble: KubeError | None = None  # why it is of no use to us now
    problem: str = ""  # why there is no way to it at all: no Secret, a kubeconfig that cannot be read
    twin: str = ""  # the older Cluster that is the same cluster


@dataclass(frozen=True, slots=True)
class Reach:
    """Can it be reached, and if not, why."""

    status: str  # True | False | Unknown
    reason: str
    message: str = ""


def reach(contact: Contact, before: ClusterStatus, now: datetime) -> Reach:
    """Return whether the cluster can be reached."""
    reason, message = why_not(contact, now)
    if not reason and before.uid and contact.uid and before.uid != contact.uid:
        reason, message = "Rebuilt", f"it was {before.uid} before: what was proven there is void"
    if not reason and still_rebuilt(contact, before):
        reason, message = "Rebuilt", before.conditions[0].message
    return Reach(STATUSES.get(reason or "Connected", "False"), reason or "Connected", message)


def still_rebuilt(contact: Contact, before: ClusterStatus) -> bool:
    """Keep the word that it was rebuilt until something else is to be said."""
    return bool(before.conditions) and before.conditions[0].reason == "Rebuilt" and before.uid == contact.uid


def why_not(contact: Contact, now: datetime) -> tuple[str, str]:
    """Return (reason, sentence), or two empty texts while it answers."""
    if contact.problem:
        return "Unauthorized", contact.problem
    if contact.twin:
        return "DuplicateCluster", f"it is the same cluster as Cluster {contact.twin}; delete one of the two"
    silent = now - contact.heard_at if contact.heard_at else None
    match contact.trouble:
        case Unauthorized() | NoCredentials():
            return "Unauthorized", str(contact.trouble)
        case Unreachable() if silent is None or silent >= GRACE:
            return REASONS.get(contact.trouble.reason, "Refused"), str(contact.trouble)
        case KubeError() if silent is None:
            return "Refused", str(contact.trouble)
    if silent is not None and silent >= SILENCE:
        return "Timeout", f"it has not answered for {round(silent.total_seconds())} s"
    return "", ""


def cluster_status(contact: Contact, before: ClusterStatus, generation: int, now: datetime) -> ClusterStatus:
    """Return the Cluster object's status; equal to `before` when there is nothing new to say."""
    found = reach(contact, before, now)
    old = before.conditions[0] if before.conditions else None
    since = old.last_transition_time if old and old.status == found.status else now.replace(microsecond=0)
    condition = Condition("Reachable", found.status, found.reason, found.message, since)  # type: ignore[arg-type]
    if old and (old.status, old.reason) == (condition.status, condition.reason) and found.reason == "Timeout":
        condition = old  # how long it has been silent is no news
    return ClusterStatus(generation, contact.uid or before.uid, contact.version or before.version, (condition,))


def twins(uids: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return name -> name of the older one, for clusters with one uid; `uids` are (name, uid), the oldest first."""
    first: dict[str, str] = {}
    found = {}
    for name, uid in uids:
        if uid and first.setdefault(uid, name) != name:
            found[name] = first[uid]
    return found
