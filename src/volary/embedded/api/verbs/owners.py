"""Owners that an object names twice: the second is dropped, and the client is told.

Source: apiserver, endpoints/handlers/rest.go.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api.call import Options

DOUBLE = (
    ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject "
    "such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
)


def drop_double_owners(obj: dict[str, Any], options: Options) -> None:
    """Keep the first of equal references."""
    owners = obj["metadata"].get("ownerReferences") or []
    kept: list[Any] = []
    doubles: dict[str, None] = {}
    for owner in owners:
        if owner in kept:
            doubles[str(owner.get("uid"))] = None
        else:
            kept.append(owner)
    if doubles:
        obj["metadata"]["ownerReferences"] = kept
        options.warn(DOUBLE + ", ".join(doubles))
