"""EndpointSlices for Endpoints that a person wrote: for a Service without a selector, whose backends are elsewhere.

Source: Kubernetes EndpointSliceMirroring controller (`endpointslicemirroring`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from volary.embedded.api.local import Local, NewObject, Object
from volary.embedded.controllers.endpoints.backends import CHANGED_AT, MANAGED_BY, SERVICE_LABEL
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import (
    annotations_of,
    deleting,
    edited,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    owner_ref,
    spec_of,
    uid_of,
)
from volary.embedded.controllers.world import MANAGER, World

SERVICES, ENDPOINTS, SLICES = "/services", "/endpoints", "discovery.k8s.io/endpointslices"
OURS = {MANAGED_BY: "endpointslicemirroring-controller.k8s.io"}
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
NOT_MIRRORED = ("kubectl.kubernetes.io/last-applied-configuration", CHANGED_AT)
FIELDS = ("endpoints", "ports")


class MirroredEndpoints:
    """The reconciler of slices that mirror Endpoints."""

    name = "endpointslice-mirroring"
    sources = (ENDPOINTS,)

    def __init__(self, world: World) -> None:
        self.local: Local = world.local

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource in (ENDPOINTS, SERVICES):
            yield key_of(new or old or {})
        elif resource == SLICES and _ours(old or new or {}):
            there = old or new or {}
            yield namespace_of(there), str(labels_of(there).get(SERVICE_LABEL) or "")

    def reconcile(self, key: Key) -> float | None:
        service, endpoints = self.local.get(SERVICES, *key), self.local.get(ENDPOINTS, *key)
        wanted: list[NewObject] = []
        if service is not None and endpoints is not None and not spec_of(service).get("selector"):
            wanted = _slices(endpoints) if _mirrored(endpoints) else []
        there = [it for it in self.local.items(SLICES, key[0]) if _ours(it) and labels_of(it)[SERVICE_LABEL] == key[1]]
        there = [it for it in there if not deleting(it)]
        for old, new in zip(there, wanted):
            if any((old.get(field) or []) != (new.get(field) or []) for field in FIELDS):
                self.local.update(SLICES, {**edited(old), **{field: new[field] for field in FIELDS}}, MANAGER)
        for new in wanted[len(there) :]:
            self.local.create(SLICES, new, MANAGER)
        for old in there[len(wanted) :]:
            self.local.delete(SLICES, *key_of(old), uid=uid_of(old))
        return None


def _ours(endpoint_slice: Object) -> bool:
    labels = labels_of(endpoint_slice)
    return SERVICE_LABEL in labels and all(labels.get(key) == value for key, value in OURS.items())


def _mirrored(endpoints: Object) -> bool:
    return labels_of(endpoints).get(SKIP) != "true" and LEADER not in annotations_of(endpoints)


def _slices(endpoints: Object) -> list[NewObject]:
    """Return a slice for each subset, and one for each of its families of addresses."""
    found: list[NewObject] = []
    for subset in endpoints.get("subsets") or ():
        by_family: dict[str, list[NewObject]] = {}
        for side, takes_traffic in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(side) or ():
                entry = _endpoint(address, takes_traffic)
                by_family.setdefault(_family(str(address["ip"])), []).append(entry)
        ports = [{"name": "", **port} for port in subset.get("ports") or ()]
        found += [_slice(endpoints, family, entries, ports) for family, entries in sorted(by_family.items())]
    return found


def _family(address: str) -> str:
    return f"IPv{ipaddress.ip_address(address).version}"


def _endpoint(address: Mapping[str, Any], takes_traffic: bool) -> NewObject:
    kept = {key: address[key] for key in ("hostname", "nodeName", "targetRef") if address.get(key)}
    return {"addresses": [address["ip"]], "conditions": {"ready": takes_traffic}, **kept}


def _slice(endpoints: Object, family: str, entries: list[NewObject], ports: list[NewObject]) -> NewObject:
    notes = {key: value for key, value in annotations_of(endpoints).items() if key not in NOT_MIRRORED}
    metadata: NewObject = {
        "generateName": f"{name_of(endpoints)}-",
        "namespace": namespace_of(endpoints),
        "labels": {**labels_of(endpoints), SERVICE_LABEL: name_of(endpoints), **OURS},
        "ownerReferences": [owner_ref(endpoints)],
        **({"annotations": notes} if notes else {}),
    }
    head = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
    return {**head, "addressType": family, "endpoints": entries, "ports": ports or None}
