"""The templates that a DaemonSet has had, as ControllerRevisions: what `kubectl rollout undo` goes back to.

Source: Kubernetes DaemonSet controller (`constructHistory`, `snapshot`, `cleanupHistory` in `update.go`).
"""

from __future__ import annotations

from collections.abc import Sequence

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import Problem
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.claim import claim
from volary.embedded.controllers.daemons.pods import HASH
from volary.embedded.controllers.objects import (
    annotations_of,
    edited,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    owner_ref,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.rollouts.template_hash import template_hash
from volary.embedded.controllers.world import MANAGER, World

DAEMON_SETS, REVISIONS = "apps/daemonsets", "apps/controllerrevisions"


class History:
    """Keeps the revisions of DaemonSets."""

    def __init__(self, world: World) -> None:
        self.local = world.local

    def current(self, daemon_set: Object) -> tuple[Object | None, list[Object]]:
        """Return the revision of the template as it is, made if need be, and the old ones; None: try once more."""
        revisions = claim(self.local, daemon_set, REVISIONS)
        wanted = data_of(daemon_set)
        now = [each for each in revisions if each.get("data") == wanted]
        old = [each for each in revisions if each.get("data") != wanted]
        newest = max([int(each["revision"]) for each in old], default=0) + 1
        if not now:
            return self._create(daemon_set, newest), old
        current = max(now, key=lambda each: int(each["revision"]))
        if int(current["revision"]) < newest:
            current = self.local.update(REVISIONS, {**edited(current), "revision": newest}, MANAGER)
        return current, old

    def _create(self, daemon_set: Object, number: int) -> Object | None:
        new = new_revision(daemon_set, number)
        try:
            return self.local.create(REVISIONS, new, MANAGER)
        except Problem:
            if self.local.get(REVISIONS, namespace_of(daemon_set), name_of(new)) is None:
                raise
        status = {**status_of(daemon_set)}  # the name is taken by another template: count on for another name
        status["collisionCount"] = int(status.get("collisionCount") or 0) + 1
        self.local.update_status(DAEMON_SETS, {**daemon_set, "status": status}, MANAGER)
        return None

    def forget(self, daemon_set: Object, old: Sequence[Object], pods: Sequence[Object]) -> None:
        """Delete the oldest revisions beyond `revisionHistoryLimit` that no pod is of."""
        too_many = len(old) - int(spec_of(daemon_set).get("revisionHistoryLimit", 10))
        live = {labels_of(pod).get(HASH) for pod in pods}
        idle = [each for each in old if labels_of(each).get(HASH) not in live]
        for each in sorted(idle, key=lambda it: int(it["revision"]))[: max(0, too_many)]:
            self.local.delete(REVISIONS, *key_of(each), uid=uid_of(each))


def data_of(daemon_set: Object) -> NewObject:
    """Return the patch that brings a DaemonSet to its template."""
    return {"spec": {"template": {"$patch": "replace", **copy_of(dict(spec_of(daemon_set)["template"]))}}}


def new_revision(daemon_set: Object, number: int) -> NewObject:
    template = spec_of(daemon_set)["template"]
    digest = template_hash(template, int(status_of(daemon_set).get("collisionCount") or 0))
    metadata = {
        "name": f"{name_of(daemon_set)}-{digest}",
        "namespace": namespace_of(daemon_set),
        "labels": {**((template.get("metadata") or {}).get("labels") or {}), HASH: digest},
        "annotations": dict(annotations_of(daemon_set)),
        "ownerReferences": [owner_ref(daemon_set)],
    }
    head = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}
    return {**head, "data": data_of(daemon_set), "revision": number}
