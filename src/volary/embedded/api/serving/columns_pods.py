"""A pod in one line: what it waits for, in one word, is the art of it.

Source: behaviour of kube-apiserver 1.36, printPod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from volary.embedded.api.text.durations import since

Object = Mapping[str, Any]
NONE = "<none>"


def containers_cells(pod: Object) -> list[str]:
    """Return the names and the images of the containers of a pod or a pod template."""
    containers = (pod.get("spec") or {}).get("containers") or ()
    return [",".join(str(it.get(key, "")) for it in containers) for key in ("name", "image")]


def pod_cells(pod: Object, now: datetime) -> list[Any]:
    spec, status, metadata = pod.get("spec") or {}, pod.get("status") or {}, pod["metadata"]
    sidecars = {it["name"] for it in spec.get("initContainers") or () if it.get("restartPolicy") == "Always"}
    total = len(spec.get("containers") or ()) + len(sidecars)
    word, ready, counted = summary(spec, status, sidecars)
    if metadata.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            word = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            word = "Terminating"
    addresses = status.get("podIPs") or [{}]
    return [
        metadata.get("name", ""), f"{ready}/{total}", word, restarts(counted, now),
        since(metadata.get("creationTimestamp"), now), addresses[0].get("ip") or NONE, spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE, gates(spec, status),
    ]  # fmt: skip


def summary(spec: Object, status: Object, sidecars: set[str]) -> tuple[str, int, list[Object]]:
    """Return the word for the pod's state, how many containers are ready, and whose restarts count."""
    word = status.get("reason") or status.get("phase") or ""
    if any(it.get("reason") == "SchedulingGated" and it.get("type") == "PodScheduled" for it in conditions(status)):
        word = "SchedulingGated"
    inits: Sequence[Object] = status.get("initContainerStatuses") or ()
    containers: Sequence[Object] = status.get("containerStatuses") or ()
    ready, waiting_for, seen = initializing(spec, inits, sidecars)
    if waiting_for and not is_true(status, "Initialized"):
        return waiting_for, ready, list(inits[:seen])
    word, running, error = waiting_for or word, False, ""
    for it in reversed(containers):
        if reason := state(it, "waiting").get("reason"):
            word = reason
        elif ended := state(it, "terminated"):
            word = exit_word(ended)
            error = word if ended.get("exitCode") else error
        elif it.get("ready") and "running" in (it.get("state") or {}):
            running, ready = True, ready + 1
    if word == "Completed" and (running or error):
        word = "Running" if running and is_true(status, "Ready") else error or "NotReady"
    return word, ready, [*(it for it in inits[:seen] if it["name"] in sidecars), *containers]


def initializing(spec: Object, inits: Sequence[Object], sidecars: set[str]) -> tuple[int, str, int]:
    """Return ready sidecars, the word for the first init container that is not done, and how many were looked at."""
    ready = 0
    for at, it in enumerate(inits):
        ended, reason = state(it, "terminated"), state(it, "waiting").get("reason")
        if ended and not ended.get("exitCode"):
            continue
        if it["name"] in sidecars and it.get("started"):
            ready += bool(it.get("ready"))
            continue
        if ended:
            return ready, f"Init:{exit_word(ended)}", at + 1
        if reason and reason != "PodInitializing":
            return ready, f"Init:{reason}", at + 1
        return ready, f"Init:{at}/{len(spec.get('initContainers') or ())}", at + 1
    return ready, "", len(inits)


def state(container: Object, name: str) -> Object:
    return (container.get("state") or {}).get(name) or {}


def exit_word(ended: Object) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def restarts(counted: Sequence[Object], now: datetime) -> str:
    count = sum(it.get("restartCount", 0) for it in counted)
    ends = [((it.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or "" for it in counted]
    last = max(ends, default="")
    return f"{count} ({since(last, now)} ago)" if count and last else str(count)


def gates(spec: Object, status: Object) -> str:
    wanted = [it["conditionType"] for it in spec.get("readinessGates") or ()]
    return f"{sum(is_true(status, it) for it in wanted)}/{len(wanted)}" if wanted else NONE


def conditions(status: Object) -> Sequence[Object]:
    return status.get("conditions") or ()


def is_true(status: Object, kind: str) -> bool:
    return any(it.get("type") == kind and it.get("status") == "True" for it in conditions(status))
