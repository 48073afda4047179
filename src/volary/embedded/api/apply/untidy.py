"""Empty maps in the metadata of a custom resource that an apply has left in the store of a real server.

Nobody sees them, but the next write, even of nothing new, is stored because it leaves them out, and so is an apply
that brings them along once more. Watches see that.

Source: apiextensions-apiserver, customresource_handler.go: what is read is coerced, what an apply merges is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core, fresh
from volary.embedded.api.store import Entry

Names = tuple[str, ...]


def empties(config: Mapping[str, Any], merged: Mapping[str, Any]) -> Names:
    """Return what an apply has put into the metadata that is empty."""
    meta = merged["metadata"]
    return tuple(sorted(name for name, it in config["metadata"].items() if it in ({}, []) and name not in meta))


def settle(core: Core, type_: ResourceType, before: Entry | None, after: Entry, names: Names, dry_run: bool) -> Entry:
    """Remember what a write has left behind, and store an object anew that differs in nothing else."""
    if not type_.custom or dry_run:
        return after
    uid = after.obj["metadata"]["uid"]
    known = core.untidy.pop(uid, ())
    if names:
        core.untidy[uid] = names
    if after is before and (names or known):
        return core.store.put(type_.storage, fresh(after.obj))
    return after
