"""The end of a definition: its objects go first, then what served them, then its names are free for others.

The server marks the definition at once, and its controller does the rest; here all of it happens inside the request.

Source: apiextensions-apiserver, registry/customresourcedefinition/etcd.go and controller/finalizer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from volary.embedded.api.apply.managed import managers_of, pack, track, writer
from volary.embedded.api.apply.versions import views_of
from volary.embedded.api.call import Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core, fresh
from volary.embedded.api.custom import crd_rules, crds
from volary.embedded.api.custom.names_accepted import with_condition
from volary.embedded.api.store import Entry

Object = dict[str, Any]
Remove = Callable[[ResourceType, str, str], object]

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
PENDING = (
    "InstanceDeletionPending",
    "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
)
RUNNING = ("InstanceDeletionInProgress", "CustomResource deletion is in progress")


def begin_end(core: Core, entry: Entry, stamp: str, remove: Remove) -> Entry:
    """Mark a definition, and delete its objects with `remove`; return it as it was marked."""
    marked = fresh(entry.obj)
    meta = marked["metadata"]
    meta["deletionTimestamp"] = stamp
    meta["finalizers"] = [*dict.fromkeys([*(meta.get("finalizers") or ()), CLEANUP])]
    marked["status"] = _with_terminating(marked, PENDING, stamp)
    pending = core.store.put(crds.CRDS, marked)
    served = [it for it in core.catalog.kinds() if it.definition == meta["name"]]
    if crd_rules.established(marked) and served:
        _told(core, pending, stamp)
        stored = core.catalog.stored(served[0].storage) or served[0]
        for item in core.store.items(served[0].storage):
            remove(stored, *item.key)
    finish(core, meta["name"])
    return pending


def finish(core: Core, name: str) -> None:
    """Let a definition go once none of its objects is left."""
    entry = core.store.get(crds.CRDS, "", name)
    if entry is None or CLEANUP not in (entry.obj["metadata"].get("finalizers") or ()):
        return
    resource = f"{entry.obj['spec']['group']}/{entry.obj['spec']['names']['plural']}"
    if crd_rules.established(entry.obj) and core.store.items(resource):
        return
    changed = fresh(entry.obj)
    left = [it for it in changed["metadata"]["finalizers"] if it != CLEANUP]
    changed["metadata"]["finalizers"] = left
    if not left:
        del changed["metadata"]["finalizers"]
    core.store.put(crds.CRDS, changed)
    if not left:
        gone = core.store.remove(crds.CRDS, "", name)
        crds.withdraw(core, gone.obj)


def _with_terminating(obj: Mapping[str, Any], words: tuple[str, str], stamp: str) -> Object:
    status = obj.get("status") or {}
    condition = {"type": "Terminating", "status": "True", "reason": words[0], "message": words[1]}
    return {**status, "conditions": with_condition(status.get("conditions") or (), condition, stamp)}


def _told(core: Core, entry: Entry, stamp: str) -> None:
    """Say that the objects are being deleted."""
    changed = fresh(entry.obj)
    changed["status"] = _with_terminating(changed, RUNNING, stamp)
    type_ = core.catalog.stored(crds.CRDS)
    assert type_ is not None, "definitions are built in"
    by = writer(type_, Options(crds.SERVER), "status", stamp)
    pack(changed, track(entry.obj, changed, views_of(core.catalog, type_, "status"), managers_of(entry.obj), by))
    core.store.put(crds.CRDS, changed)


def terminating(core: Core, type_: ResourceType) -> bool:
    """Is the definition of this kind on its way out?"""
    entry = core.store.get(crds.CRDS, "", type_.definition) if type_.custom else None
    return entry is not None and bool(entry.obj["metadata"].get("deletionTimestamp"))
