"""What a body leaves out and the server's comparison tells from what is stored, though both read the same.

A divisor that was not sent is an empty quantity, one that was read back is "0": in a list that is compared as a whole
an update that leaves it out takes the list over.

Source: what a server of Kubernetes 1.36 answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
DIVISOR = "divisor"


def unsaid_divisors(obj: Object) -> list[Object]:
    """Return the references to resources in a body's volumes that have no divisor."""
    return [it for it in _references(obj) if DIVISOR not in it]


def _references(obj: Object) -> Iterator[Object]:
    spec = obj.get("spec") or {}
    if "template" in spec:
        spec = (spec.get("template") or {}).get("spec") or {}
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for item in [item for it in sources for item in (it.get("downwardAPI") or {}).get("items") or ()]:
            if item.get("resourceFieldRef") is not None:
                yield item["resourceFieldRef"]
