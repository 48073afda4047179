"""Finished Jobs that say so are deleted after a while: `ttlSecondsAfterFinished`.

Source: Kubernetes TTL-after-finished controller (`ttlafterfinished_controller.go`), KEP-592.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from volary.embedded.api.local import Object
from volary.embedded.controllers.jobs.look import over
from volary.embedded.controllers.jobs.pods import JOBS
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import deleting, key_of, parse_time, spec_of, status_of
from volary.embedded.controllers.world import World


class FinishedJobs:
    """Deletes Jobs whose time is up, with their pods."""

    name = "job-cleanup"
    sources = (JOBS,)

    def __init__(self, world: World) -> None:
        self.world = world

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == JOBS and new is not None and spec_of(new).get("ttlSecondsAfterFinished") is not None:
            yield key_of(new)

    def reconcile(self, key: Key) -> float | None:
        job = self.world.local.get(JOBS, *key)
        if job is None or deleting(job) or not over(job):
            return None
        seconds = spec_of(job).get("ttlSecondsAfterFinished")
        ends = [each for each in status_of(job)["conditions"] if each["type"] in ("Complete", "Failed")]
        if seconds is None:
            return None
        end = parse_time(ends[0]["lastTransitionTime"]) + timedelta(seconds=int(seconds))
        left = (end - self.world.now()).total_seconds()
        if left > 0:
            return left
        self.world.local.delete(JOBS, key[0], key[1], policy="Foreground")
        return None
