"""What a story comes down to: what must be the same on every cluster, whatever its speed.

Of a Job each step of its account; of a DaemonSet or Deployment the state in which it rests after each change, and how
far it went from what was asked on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from tests.differential.life.stories import NAME, Story

Object = dict[str, Any]
Change = tuple[str, str, Object]  # resource, ADDED or MODIFIED or DELETED, the object
SKIPPED_OF_JOBS = ("ready", "terminating")  # they follow the pods' own pace
TIMES = ("lastTransitionTime", "lastProbeTime", "lastUpdateTime", "startTime", "completionTime")


def digest(story: Story, changes: Sequence[Change]) -> Object:
    """Return the digest of all that was seen in the namespace of a story."""
    mine = [(what, obj) for kind, what, obj in changes if kind == story.resource]
    found: Object = {"events": events(changes)} if story.steady else {}
    if story.resource == "batch/jobs":
        return {**found, "account": account(mine), "pods": pods_of_job(changes)}
    return {**found, "rests": rests(mine), "children": children(changes), **extremes(changes)}


def events(changes: Iterable[Change]) -> list[str]:
    """Return each line about the object with how often it was said, without the names of pods and ReplicaSets."""
    latest: dict[str, Object] = {}
    for resource, _, obj in changes:
        if resource == "/events" and obj["involvedObject"]["name"] == NAME:
            latest[obj["metadata"]["name"]] = obj
    counts: dict[str, int] = {}
    for each in latest.values():
        component = (each.get("source") or {}).get("component") or each.get("reportingComponent")
        line = f"{each['type']} {each['reason']}: {unnamed(each['message'])} [{component}]"
        counts[line] = counts.get(line, 0) + int(each.get("count") or 1)
    return sorted(f"{line} x{count}" for line, count in counts.items())


def unnamed(text: str) -> str:
    return re.sub(r"\bwork-[a-z0-9-]+", "work-X", re.sub(r"life-[0-9a-z-]+/|test/", "", text))


def plain(value: Any) -> Any:
    """Return a value with a word in place of each time, and a count in place of a list of uids."""
    if isinstance(value, dict):
        return {key: "T" if key in TIMES else plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list) and all(isinstance(it, str) for it in value):
        return len(value)
    if isinstance(value, list):
        return [plain(it) for it in value]
    return unnamed(value) if isinstance(value, str) else value


def account(changes: Iterable[tuple[str, Object]]) -> list[Object]:
    """Return the statuses of a Job one after the other, each once."""
    found: list[Object] = []
    for what, obj in changes:
        status = {key: value for key, value in (obj.get("status") or {}).items() if key not in SKIPPED_OF_JOBS}
        step = {**plain(status), **({"gone": True} if what == "DELETED" else {})}
        if step and (not found or found[-1] != step):
            found.append(step)
    return found


def pods_of_job(changes: Iterable[Change]) -> list[str]:
    """Return how each pod was marked, and the phase in which it was last seen."""
    last: dict[str, Object] = {}
    for resource, what, obj in changes:
        if resource == "/pods":
            last[obj["metadata"]["uid"]] = {**obj, "gone": what == "DELETED"}
    return sorted(_of_job(each) for each in last.values())


def _of_job(pod: Object) -> str:
    meta, spec = pod["metadata"], pod["spec"]
    held = "gone" if pod["gone"] else str(meta.get("finalizers"))
    marks = {key: value for key, value in (meta.get("annotations") or {}).items() if key.startswith("batch.")}
    variables = [each["name"] for each in spec["containers"][0].get("env") or ()]
    labels = sorted(meta.get("labels") or ())
    return f"{pod['status'].get('phase')} {marks} {labels} {spec.get('hostname')} {variables} {held}"


def rests(changes: Iterable[tuple[str, Object]]) -> list[Object]:
    """Return the last status of each generation."""
    last: dict[int, Object] = {}
    for _, obj in changes:
        last[obj["metadata"]["generation"]] = obj.get("status") or {}
    return [_sorted_conditions(plain(status)) for status in last.values()]


def _sorted_conditions(status: Object) -> Object:
    conditions = sorted(status.get("conditions") or (), key=lambda it: str(it["type"]))
    return {**status, **({"conditions": conditions} if conditions else {})}


def children(changes: Iterable[Change]) -> list[str]:
    """Return the ReplicaSets or revisions that are left, in order of their revision."""
    last: dict[str, Object] = {}
    for resource, what, obj in changes:
        if resource in ("apps/replicasets", "apps/controllerrevisions"):
            last[obj["metadata"]["uid"]] = {} if what == "DELETED" else obj
    return sorted(_child(each) for each in last.values() if each)


def _child(obj: Object) -> str:
    if "revision" in obj:
        return f"{obj['revision']}: {obj['data']['spec']['template']['spec']['containers'][0]['image']}"
    notes = obj["metadata"]["annotations"]
    revision = notes["deployment.kubernetes.io/revision"]
    before = notes.get("deployment.kubernetes.io/revision-history", "")
    return f"{revision} (before: {before}): {obj['spec']['replicas']} of {_status_count(obj)}"


def _status_count(obj: Object) -> str:
    return str(plain(obj.get("status") or {}).get("availableReplicas", 0))


def extremes(changes: Iterable[Change]) -> Object:
    """Return the most replicas that were asked for in all, over all ReplicaSets, after the first was complete."""
    sizes: dict[str, int] = {}
    most = 0
    for resource, what, obj in changes:
        if resource == "apps/replicasets":
            sizes[obj["metadata"]["uid"]] = 0 if what == "DELETED" else int(obj["spec"]["replicas"])
            most = max(most, sum(sizes.values()))
    return {"most": most} if sizes else {}
