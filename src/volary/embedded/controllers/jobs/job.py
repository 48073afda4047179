"""Jobs: pods that end, as many at a time and as many in all as asked for, and the account of how they ended.

A pass looks (`job_look`), decides whether the Job is over (`job_end`), makes or ends pods, and keeps the count
(`job_tracking`).
Source: Kubernetes Job controller (`job_controller.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.claim import claim
from volary.embedded.controllers.jobs.backoff import Record, finish_time, wait_after
from volary.embedded.controllers.jobs.end import End, find_end, reached, seconds_left
from volary.embedded.controllers.jobs.indexes import all_failures_of, first_free, indexed
from volary.embedded.controllers.jobs.look import (
    TRACKING,
    Look,
    indexes_of,
    over,
    replaces_only_failed,
    suspended,
    tracked,
)
from volary.embedded.controllers.jobs.pods import JOBS, PODS, JobPods, too_many
from volary.embedded.controllers.jobs.tracking import counted, finish, noted, released, with_condition
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import (
    controller_of,
    deleting,
    format_time,
    key_of,
    labels_of,
    namespace_of,
    ready,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.world import MANAGER, Line, World

OURS = (None, "", "kubernetes.io/job-controller")  # values of `managedBy`; any other controller's Jobs are its own
MOST_AT_ONCE = 500  # pods made or deleted in one pass; the status brings the next


@dataclass
class Running:
    """The pods of a Job that have not ended, as this pass leaves them."""

    active: int
    ready: int
    terminating: int

    def lose(self, pods: Sequence[Object]) -> None:
        self.active -= len(pods)
        self.ready -= sum(ready(pod) for pod in pods)
        self.terminating += len(pods)


class Jobs:
    """The reconciler of Jobs."""

    name = "job"
    sources = (JOBS,)

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local
        self.pods = JobPods(world)
        self._records: dict[str, Record] = {}  # uid -> failures lately; as with the real one, a restart forgets them

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == JOBS and (new or old) is not None:
            yield key_of(new or old or {})
        elif resource == PODS:
            yield from self._of_pod(old, new)

    def _of_pod(self, old: Object | None, new: Object | None) -> Iterable[Key]:
        for pod in (old, new):
            ref = controller_of(pod) if pod is not None else None
            if pod is not None and ref is not None and ref["kind"] == "Job":
                yield namespace_of(pod), str(ref["name"])
        if new is not None and controller_of(new) is None and (old is None or labels_of(old) != labels_of(new)):
            for job in self.local.items(JOBS, namespace_of(new)):
                yield key_of(job)  # an orphan: whoever selects it adopts it

    def reconcile(self, key: Key) -> float | None:
        job = self.local.get(JOBS, *key)
        if job is None or over(job):
            self._records.pop(uid_of(job or {}), None)
            self.pods.release_orphans(key[0])
            return None
        if spec_of(job).get("managedBy") not in OURS:
            return None
        look = Look(job, claim(self.local, job, PODS, TRACKING), self.world.now())
        record = self._records.get(uid_of(job), Record()).after(look.new_succeeded, look.new_failed)
        again = self._work(look, record)
        self._records[uid_of(job)] = record
        return again

    def _work(self, look: Look, record: Record) -> float | None:
        """Bring pods and status to where they should be; return when to look again."""
        status: NewObject = dict(status_of(look.job))
        if "startTime" not in status and not suspended(look.job):
            status["startTime"] = format_time(look.now)
        running = Running(len(look.active), sum(map(ready, look.active)), len(look.terminating))
        again, end = None, find_end(look)
        if end is not None:
            self.pods.delete(look.job, look.active, uncounted=False)
            running.lose(look.active)
        else:
            again = None if deleting(look.job) else self._manage(look, running, record)
            if _complete(look, running):
                end = reached()
            elif not deleting(look.job):
                status = self._note_suspension(look, status)
        counts = {"active": running.active, "ready": running.ready, "terminating": running.terminating}
        self._account(look, {**status, **counts}, end)
        waits = [each for each in (again, _until_deadline(look, status, end)) if each is not None]
        return min(waits, default=None)

    def _manage(self, look: Look, running: Running, record: Record) -> float | None:
        """Bring the number of pods to what is wanted; return when to look again if that must wait."""
        wanted = 0 if suspended(look.job) else _wanted(look)
        going = too_many(look.job, look.active, max(0, running.active - wanted))[:MOST_AT_ONCE]
        if going:
            self.pods.delete(look.job, going, uncounted=True)
            running.lose(going)
            return None
        missing = wanted - running.active - (running.terminating if replaces_only_failed(look.job) else 0)
        if missing <= 0:
            return None
        wait = 0.0 if look.per_index else record.wait(look.now)
        if wait > 0:
            return wait
        return self._create(look, running, min(missing, MOST_AT_ONCE))

    def _create(self, look: Look, running: Running, count: int) -> float | None:
        if not indexed(look.job):
            for _ in range(count):
                self.pods.create(look)
                running.active += 1
            return None
        waits = {index: _index_wait(look, index) for index in _free_indexes(look, count)}
        for index, wait in waits.items():
            if wait <= 0:
                self.pods.create(look, index)
                running.active += 1
        return min((wait for wait in waits.values() if wait > 0), default=None)

    def _note_suspension(self, look: Look, status: NewObject) -> NewObject:
        """Say in a condition that the Job was suspended or goes on; its clock stands still in between."""
        holds = suspended(look.job)
        word = "suspended" if holds else "resumed"
        why = (f"Job{word.capitalize()}", f"Job {word}")
        changed, news = with_condition(status, "Suspended", *why, look.now, holds)
        if news:
            self.pods.say(look.job, Line(word.capitalize(), f"Job {word}"))
            changed.pop("startTime", None)
            if not holds:
                changed["startTime"] = format_time(look.now)
        return changed

    def _account(self, look: Look, status: NewObject, end: End | None) -> None:
        """Count the pods that have ended, free them, and close the Job when there is nothing more to count."""
        pods = released(look, end)
        status = noted(look, status, pods, end)
        if end is not None:
            status, _ = with_condition(status, end.kind, end.reason, end.message, look.now)
        job = self._write(look.job, status)
        for pod in pods:
            self.pods.release(pod)
        free = {uid_of(pod) for pod in pods}
        status = counted(status, {uid_of(pod) for pod in look.pods if tracked(pod)} - free)
        finished = end is not None and not status["uncountedTerminatedPods"] and not status["terminating"]
        if end is not None and finished:
            status = finish(status, end, look.now)
        self._write(job, status)
        if end is not None and finished:
            good = Line("Completed", "Job completed")
            self.pods.say(look.job, good if end.good else Line(end.reason, end.message, "Warning"))

    def _write(self, job: Object, status: NewObject) -> Object:
        if status == status_of(job):
            return job
        return self.local.update_status(JOBS, {**job, "status": status}, MANAGER)


def _wanted(look: Look) -> int:
    """Return how many pods should run now."""
    parallelism = int(look.spec.get("parallelism", 1))
    if look.completions is None:  # a work queue: its pods know when all is done, the first success stops new ones
        return len(look.active) if look.succeeded else parallelism
    return max(0, min(parallelism, look.completions - look.succeeded))


def _complete(look: Look, running: Running) -> bool:
    if look.completions is None:
        return look.succeeded > 0 and running.active == 0
    return look.succeeded >= look.completions and running.active == 0


def _free_indexes(look: Look, count: int) -> list[int]:
    taken = look.done | indexes_of(look.active) | (look.failed_indexes or frozenset())
    if replaces_only_failed(look.job):
        taken |= indexes_of(look.terminating)
    return first_free(taken, count, look.completions or 0)


def _index_wait(look: Look, index: int) -> float:
    before = look.to_replace.get(index)
    if before is None:
        return 0.0
    return wait_after(all_failures_of(before) + 1, finish_time(before), look.now)


def _until_deadline(look: Look, status: Object, end: End | None) -> float | None:
    if end is not None:
        return None
    return seconds_left(Look({**look.job, "status": status}, (), look.now))
