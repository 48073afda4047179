"""The status of a pod, made from what its containers are doing. Pure.

Source: Kubernetes kubelet (`kubelet_pods.go`, `status/generate.go`); KEP-580 (readiness gates).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import condition, format_time, spec_of, status_of, true


@dataclass(slots=True)
class ContainerState:
    """What one container is doing."""

    name: str
    image: str
    state: NewObject = field(default_factory=lambda: waiting("ContainerCreating"))
    last_state: NewObject = field(default_factory=dict)
    restarts: int = 0
    started: bool = False  # passed its startup probe
    ready: bool = False
    id: str = ""
    over: bool = False  # ended, and will not be started again

    def status(self) -> NewObject:
        """Return the entry of `containerStatuses`."""
        known = bool(self.id)
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"embedded://{self.image}" if known else "",
            **({"containerID": f"embedded://{self.id}"} if known else {}),
            "state": self.state,
            "lastState": self.last_state,
            "restartCount": self.restarts,
            "started": self.started,
            "ready": self.ready,
        }


def waiting(reason: str, message: str = "") -> NewObject:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(now: datetime) -> NewObject:
    return {"running": {"startedAt": format_time(now)}}


def terminated(code: int, began: datetime, now: datetime, container: str) -> NewObject:
    """Return the state of a container that ended with an exit code (128 plus the signal, if one ended it)."""
    entry = {
        "exitCode": code,
        "reason": "Completed" if code == 0 else "Error",
        "startedAt": format_time(began),
        "finishedAt": format_time(now),
        "containerID": f"embedded://{container}",
    }
    return {"terminated": entry}


LOST = 255  # the exit code that a kubelet shows for a container that ended while it did not look


def taken_up(pod: Object, spec: Object, now: datetime) -> ContainerState:
    """Return a container as a node finds it that begins with this pod: a fresh one, or one whose process is lost."""
    name, policy = str(spec["name"]), spec_of(pod).get("restartPolicy", "Always")
    state = ContainerState(name, str(spec.get("image") or ""))
    before = next((it for it in status_of(pod).get("containerStatuses") or () if it["name"] == name), None)
    if before is None or not before.get("containerID"):
        return state
    ended: NewObject = {"terminated": before["state"].get("terminated") or lost(before, now)}
    code = ended["terminated"].get("exitCode", LOST)
    if policy == "Never" or (policy == "OnFailure" and code == 0):
        state.state, state.over, state.restarts = ended, True, int(before.get("restartCount") or 0)
        state.id = str(before["containerID"]).partition("://")[2]
    else:
        state.last_state, state.restarts = ended, int(before.get("restartCount") or 0) + 1
    return state


def lost(before: Object, now: datetime) -> NewObject:
    """Return the end of a container that ran when it was last seen."""
    began = (before["state"].get("running") or {}).get("startedAt") or format_time(now)
    ended = {"exitCode": LOST, "reason": "Unknown", "startedAt": began, "finishedAt": format_time(now)}
    return {**ended, "containerID": before["containerID"]}


@dataclass(frozen=True, slots=True)
class Where:
    """The addresses of a pod."""

    ip: str
    host_ip: str
    since: datetime


def pod_status(pod: Object, containers: Sequence[ContainerState], where: Where, now: datetime) -> NewObject:
    """Return the whole status; the times of conditions that did not change stay."""
    unready = [each.name for each in containers if not each.ready]
    text = f"containers with unready status: [{' '.join(unready)}]"
    bad: NewObject = {"reason": "ContainersNotReady", "message": text} if unready else {}
    gates = _closed_gates(pod)
    if gates and not bad:
        pod_bad: NewObject = {"reason": "ReadinessGatesNotReady", "message": f"conditions not true: {' '.join(gates)}"}
    else:
        pod_bad = bad
    conditions = [
        _condition(pod, "PodReadyToStartContainers", True, {}, now),
        _condition(pod, "Initialized", True, {}, now),
        _condition(pod, "Ready", not pod_bad, pod_bad, now),
        _condition(pod, "ContainersReady", not bad, bad, now),
        _condition(pod, "PodScheduled", True, {}, now),
    ]
    own = {entry["type"] for entry in conditions}
    others = [entry for entry in status_of(pod).get("conditions") or () if entry["type"] not in own]
    return {
        **status_of(pod),
        "phase": phase(pod, containers),
        "conditions": [*conditions, *others],
        "hostIP": where.host_ip,
        "hostIPs": [{"ip": where.host_ip}],
        "podIP": where.ip,
        "podIPs": [{"ip": where.ip}],
        "startTime": format_time(where.since),
        "containerStatuses": [each.status() for each in containers],
    }


def phase(pod: Object, containers: Sequence[ContainerState]) -> str:
    """Return Pending until every container was started once, then Running, until all have ended for good."""
    if all(each.over for each in containers):
        codes = [each.state.get("terminated", {}).get("exitCode") for each in containers]
        return "Succeeded" if all(code == 0 for code in codes) else "Failed"
    return "Running" if all(each.id for each in containers) else "Pending"


def _closed_gates(pod: Object) -> list[str]:
    gates: list[dict[str, Any]] = list(spec_of(pod).get("readinessGates") or ())
    return [gate["conditionType"] for gate in gates if not true(pod, gate["conditionType"])]


def _condition(pod: Object, kind: str, holds: bool, why: Object, now: datetime) -> NewObject:
    word = "True" if holds else "False"
    last = condition(pod, kind)
    since = last["lastTransitionTime"] if last is not None and last["status"] == word else format_time(now)
    return {"type": kind, "status": word, "lastProbeTime": None, "lastTransitionTime": since, **why}
