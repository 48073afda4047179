"""Beginnings other than empty: the objects that were kept on disk, or those of another server as they are now.

What a crash left half done is finished first: a definition is served, an object that only waited to be taken away goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from volary.embedded.api.core import Chance, Core
from volary.embedded.api.custom import crds
from volary.embedded.api.custom.crds import CRDS
from volary.embedded.api.server import ApiServer
from volary.embedded.api.store import Entry

MARK = b'"deletionTimestamp"'


def restore(core: Core, version: int, entries: Iterable[tuple[str, Entry]]) -> None:
    """Fill a server that nobody has used yet. Raises: Problem, where what was half done cannot be finished."""
    core.store.restore(version, entries)
    for entry in core.store.items(CRDS):
        crds.establish(core, entry)
    for resource in core.store.resources():
        for entry in core.store.items(resource):
            if over(resource, entry):
                core.store.remove(resource, *entry.key)


def over(resource: str, entry: Entry) -> bool:
    """Is this an object that was marked as deleted, and not yet taken away when the process ended?"""
    if MARK not in entry.raw:
        return False
    meta = entry.obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return False
    return resource != "/namespaces" or not (entry.obj.get("spec") or {}).get("finalizers")


def clone(
    source: ApiServer, name: str, now: Callable[[], datetime], rng: Chance, new_id: Callable[[], str]
) -> ApiServer:
    """Return a server that begins with the objects of another, uids and versions too, and goes its own way from there.

    Nothing is copied but references: what either of them writes from now on is its own. Tokens of the one are good
    for the other as long as both have what those are bound to.
    """
    core = source.core
    return ApiServer(name, now, rng, new_id, core.store.clone(), core.catalog.clone(), source.signer)
