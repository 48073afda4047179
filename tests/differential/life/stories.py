"""What workloads are made to go through, on a real control plane and on the embedded one.

Pods carry both the testbed's annotations, for its simulated nodes, and a command line, for our stand-ins.
"""

# ruff: noqa: E501 - a story stays on its line, however long
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
NAME = "work"
CRASH, LONG = "exit 1", 60
UNREADY = {"testbed/behaviour": "unready"}


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does to the object in mid-story."""

    at: float  # seconds after the creation
    patch: Object | None = None  # a strategic merge patch; None: delete the first pod instead


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    resource: str
    body: Object
    seconds: float
    acts: tuple[Act, ...] = ()
    steady: bool = True  # False: which steps are taken depends on the moments at which pods become ready


def pod(command: str, notes: Object | None = None, **spec: Any) -> Object:
    container: Object = {"name": "main", "image": "busybox:1", "command": ["sh", "-c", command]}
    if notes == UNREADY:
        container["readinessProbe"] = {"tcpSocket": {"port": 9}, "periodSeconds": 1}  # nobody listens there
    return {
        "metadata": {"annotations": notes or {}, "labels": {"app": NAME}},
        "spec": {"containers": [container], **spec},
    }


def job(name: str, seconds: float, *acts: Act, runs: float = 0.5, crash: bool = False, **spec: Any) -> Story:
    """Return the story of a Job whose pods run for a while, and fail or succeed then."""
    notes = {
        "testbed/run-for": f"{runs}s",
        "testbed/stop-after": "1.5s",
        **({"testbed/behaviour": "crash"} if crash else {}),
    }
    command = f"sleep {runs}; {CRASH}" if crash else f"sleep {runs}"
    template = pod(command, notes, restartPolicy=spec.pop("restartPolicy", "Never"))
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": NAME}, "spec": {"template": template, **spec}}
    return Story(name, "batch/jobs", body, seconds, acts)


def workload(
    kind: str, name: str, seconds: float, *acts: Act, notes: Object | None = None, steady: bool = True, **spec: Any
) -> Story:
    """Return the story of a Deployment or DaemonSet."""
    selector = {"matchLabels": {"app": NAME}}
    inner = {"selector": selector, "template": pod("sleep infinity", notes), **spec}
    body = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": NAME}, "spec": inner}
    return Story(name, f"apps/{kind.lower()}s", body, seconds, acts, steady)


def image(at: float, tag: str, **spec: Any) -> Act:
    container = {"name": "main", "image": f"busybox:{tag}"}
    return Act(at, {"spec": {"template": {"spec": {"containers": [container]}}, **spec}})


def set_(at: float, **spec: Any) -> Act:
    return Act(at, {"spec": spec})


INDEXED: Object = {"completionMode": "Indexed"}
FAIL_JOB = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}]}
IGNORE = {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}]}
FIRST_IS_ENOUGH = {"rules": [{"succeededIndexes": "0"}]}

JOBS: Sequence[Story] = (
    job("three pods, two at a time", 6, completions=3, parallelism=2),
    job("indexes", 6, completions=3, parallelism=2, **INDEXED),
    job("no pods", 3, completions=0),
    job("a work queue", 5, parallelism=2),
    job("a retry, then too many failures", 20, crash=True, backoffLimit=1),
    job("two failures where none is allowed", 6, crash=True, backoffLimit=0, parallelism=2, completions=2),
    job("a deadline", 8, runs=LONG, activeDeadlineSeconds=2),
    job("suspended and resumed", 14, set_(2, suspend=False), set_(4, suspend=True), set_(6, suspend=False), runs=3, suspend=True),
    job("cleaned up", 6, ttlSecondsAfterFinished=1),
    job("each index fails", 6, crash=True, completions=2, parallelism=2, backoffLimitPerIndex=0, **INDEXED),
    job("an index gets another try", 24, runs=3, crash=True, completions=1, backoffLimitPerIndex=1, **INDEXED),
    job("too many indexes fail", 8, crash=True, completions=3, parallelism=1, backoffLimitPerIndex=0, maxFailedIndexes=1, **INDEXED),
    job("a failure policy fails the Job", 6, crash=True, podFailurePolicy=FAIL_JOB),
    job("a failure policy ignores failures", 8, crash=True, backoffLimit=0, podFailurePolicy=IGNORE),
    job("a success policy is content early", 8, runs=1, completions=3, parallelism=1, successPolicy=FIRST_IS_ENOUGH, **INDEXED),
    job("fewer at a time", 16, set_(2, parallelism=1), runs=3, parallelism=3, completions=3),
    job("a pod is deleted", 8, Act(2), runs=LONG),
    job("a pod is deleted and its end awaited", 8, Act(2), runs=LONG, podReplacementPolicy="Failed"),
)  # fmt: skip

ROLLING = {"type": "RollingUpdate"}
DAEMON_SETS: Sequence[Story] = (
    workload("DaemonSet", "daemons on all nodes", 3),
    workload("DaemonSet", "daemons one after the other", 8, image(3, "2")),
    workload("DaemonSet", "daemons with a surge", 8, image(3, "2"), updateStrategy={**ROLLING, "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
    workload("DaemonSet", "daemons all at once", 8, image(3, "2"), updateStrategy={**ROLLING, "rollingUpdate": {"maxUnavailable": "100%"}}),
    workload("DaemonSet", "daemons when deleted", 8, image(3, "2"), Act(5), updateStrategy={"type": "OnDelete"}),
    workload("DaemonSet", "daemons there and back", 12, image(3, "2"), image(7, "1")),
    workload("DaemonSet", "daemons for no node", 8, set_(3, template={"spec": {"nodeSelector": {"nope": "yes"}}})),
    workload("DaemonSet", "daemons ready for a while", 8, minReadySeconds=3),
)  # fmt: skip


def rolling(surge: int | str, unavailable: int | str) -> Object:
    return {**ROLLING, "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


DEPLOYMENTS: Sequence[Story] = (
    *(
        workload("Deployment", f"ten pods, surge {surge}, unavailable {unavailable}", 12, image(3, "2"), steady=unavailable in (0, 1), replicas=10, strategy=rolling(surge, unavailable))
        for surge, unavailable in ((1, 0), (0, 1), ("25%", "25%"), ("50%", 3))
    ),
    workload("Deployment", "all anew", 9, image(3, "2"), replicas=3, strategy={"type": "Recreate"}),
    workload("Deployment", "paused, changed, resumed", 12, set_(3, paused=True), image(4, "2"), set_(6, paused=False), replicas=2),
    workload("Deployment", "there and back", 12, image(3, "2"), image(7, "1"), replicas=2),
    workload("Deployment", "two revisions kept", 14, image(3, "2"), image(6, "3"), image(9, "4"), replicas=1, revisionHistoryLimit=1),
    workload("Deployment", "never ready in time", 9, notes=UNREADY, replicas=1, progressDeadlineSeconds=4),
    workload("Deployment", "more and fewer", 9, set_(3, replicas=4), set_(6, replicas=1), replicas=2),
)  # fmt: skip

ALL = (*JOBS, *DAEMON_SETS, *DEPLOYMENTS)
