"""One line a kind for `volary get`: columns, and how an object fills them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from volary.cli.output import age
from volary.fleet.names import short
from volary.kube.objects import Object, Resource, condition, dig, name_of, namespace_of
from volary.kube.resources import CANARIES, CLUSTERS, FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind is listed. The last column is a time; a watch says there that an object is gone."""

    resource: Resource
    columns: tuple[str, ...]
    row: Callable[[Object, datetime], list[str]]


def created(obj: Object, now: datetime) -> str:
    return age(str(dig(obj, "metadata", "creationTimestamp") or ""), now)


def cluster_row(obj: Object, now: datetime) -> list[str]:
    reachable = condition(obj, "Reachable") or {}
    features = ",".join(dig(obj, "spec", "features") or ()) or "none"
    state = str(reachable.get("status") or "Unknown")
    version = str(dig(obj, "status", "version") or "-")
    return [name_of(obj), state, str(reachable.get("reason") or "-"), features, version, created(obj, now)]


def rollout_row(obj: Object, now: datetime) -> list[str]:
    ready = condition(obj, "Ready") or {}
    current, run = short(str(dig(obj, "status", "current", "commit") or "")), str(dig(obj, "status", "activeRun") or "")
    ahead = condition(obj, "GitAhead") or {}
    said = str(ready.get("message") or "")
    if ahead.get("status") == "True" and not run:
        said = str(ahead.get("message") or said)
    where = [namespace_of(obj), name_of(obj)]
    return [*where, str(ready.get("status") or "Unknown"), current or "-", run or "-", said or "-", created(obj, now)]


def run_row(obj: Object, now: datetime) -> list[str]:
    status = dig(obj, "status") or {}
    fields = [str(status.get(key) or "-") for key in ("phase", "stage", "verified")]
    hold = str(dig(status, "hold", "reason") or "-")
    where = [namespace_of(obj), name_of(obj)]
    return [*where, str(dig(obj, "spec", "revision", "short") or "-"), *fields, hold, created(obj, now)]


def canary_row(obj: Object, now: datetime) -> list[str]:
    status = dig(obj, "status") or {}
    figures = [f"{float(status.get(key) or 0):g}" for key in ("canaryWeight", "failedChecks")]
    changed = age(str(status.get("lastTransitionTime") or ""), now)
    return [namespace_of(obj), name_of(obj), str(status.get("phase") or "-"), *figures, changed or "-"]


KINDS: Mapping[str, Kind] = {
    "clusters": Kind(CLUSTERS, ("name", "reachable", "reason", "features", "version", "age"), cluster_row),
    "rollouts": Kind(FLEET_ROLLOUTS, ("namespace", "name", "ready", "commit", "run", "status", "age"), rollout_row),
    "runs": Kind(
        FLEET_ROLLOUT_RUNS,
        ("namespace", "name", "revision", "phase", "stage", "verified", "hold", "age"),
        run_row,
    ),
    "canaries": Kind(CANARIES, ("namespace", "name", "phase", "weight", "failed", "changed"), canary_row),
}
