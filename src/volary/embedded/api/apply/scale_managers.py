"""Who owns the replicas, seen through the scale subresource and carried back into the object.

A scale has managers of its own: those of the object that own its replicas. After a write of the scale they go back,
in a way that shows: whoever owns the replicas by update gets an entry for them alone, without a time.

Source: apimachinery, util/managedfields/scalehandler.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from volary.embedded.api.apply.field_sets import FieldSet, Path, difference, has, insert
from volary.embedded.api.apply.managers import Managers, Owned

SCALE_VERSION = "autoscaling/v1"
REPLICAS: Path = ("f:spec", "f:replicas")

PathOf = Callable[[str], Path | None]  # apiVersion -> where its replicas are; None: no such version, or no scale


def to_scale(managers: Managers, path_of: PathOf) -> Managers:
    """Return the managers of a scale."""
    found: Managers = {}
    for who, owned in managers.items():
        path = path_of(owned.version)
        if path and has(owned.fields, path):
            # What is stored says the scale's version, so an updater is known by that from here on.
            seen = who._replace(version=SCALE_VERSION) if who.operation == "Update" else who
            found[seen] = Owned(_only(REPLICAS), SCALE_VERSION, owned.time)
    return found


def to_object(
    managers: Managers, scale: Managers, version: str, path_of: PathOf, known: Callable[[str], bool]
) -> Managers:
    """Return the object's managers after those of its scale became `scale`; `version` is the request's."""
    left = dict(scale)
    found: Managers = {}
    for who, owned in managers.items():
        if not known(owned.version):
            continue
        path = path_of(owned.version)
        if not path or not has(owned.fields, path):
            found[who] = owned
        elif who in left:
            found[who] = owned
            del left[who]
        elif fields := difference(owned.fields, _only(path)):
            found[who] = replace(owned, fields=fields)
    here = path_of(version)
    for who, owned in left.items():
        if here and has(owned.fields, REPLICAS):
            before = managers.get(who)
            found[who] = Owned(_only(here), version, before.time if before else "")
    return found


def _only(path: Path) -> FieldSet:
    fields: FieldSet = {}
    insert(fields, path)
    return fields
