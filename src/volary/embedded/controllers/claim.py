"""Which objects belong to a workload: those it controls and selects.

An orphan that its selector matches is adopted; a child whose labels were changed is let go, as a person does to look
at one pod in peace.
Source: Kubernetes `controller_ref_manager.go`.
"""

from __future__ import annotations

from volary.embedded.api.local import Local, Object
from volary.embedded.controllers.objects import (
    controlled_by,
    controller_of,
    deleting,
    edited,
    labels_of,
    meta,
    namespace_of,
    owner_ref,
    selects,
    spec_of,
    uid_of,
)
from volary.embedded.controllers.world import MANAGER


def claim(local: Local, owner: Object, resource: str, finalizer: str = "") -> list[Object]:
    """Return the children of `owner` among a resource, after adopting and letting go; adopted ones get `finalizer`."""
    selector = spec_of(owner).get("selector") or {}
    result = []
    for child in local.items(resource, namespace_of(owner)):
        matches = selects(selector, labels_of(child))
        if controlled_by(child, owner):
            if matches or deleting(owner):
                result.append(child)
            elif not deleting(child):
                _let_go(local, child, owner, resource)
        elif matches and controller_of(child) is None and not deleting(child) and not deleting(owner):
            result.append(_adopt(local, child, owner, resource, finalizer))
    return result


def _adopt(local: Local, child: Object, owner: Object, resource: str, finalizer: str) -> Object:
    new = edited(child)
    if finalizer:
        new["metadata"]["finalizers"] = [*dict.fromkeys([*(meta(child).get("finalizers") or ()), finalizer])]
    new["metadata"]["ownerReferences"] = [*(meta(child).get("ownerReferences") or ()), owner_ref(owner)]
    return local.update(resource, new, MANAGER)


def _let_go(local: Local, child: Object, owner: Object, resource: str) -> None:
    new = edited(child)
    refs = [ref for ref in meta(child).get("ownerReferences") or () if ref.get("uid") != uid_of(owner)]
    new["metadata"]["ownerReferences"] = refs
    local.update(resource, new, MANAGER)
