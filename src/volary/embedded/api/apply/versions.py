"""How each apiVersion of a kind sees its objects, and what each way of writing never owns.

Source: GetResetFields of each kind's registry strategy; apimachinery, util/managedfields/internal/versionconverter.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.apply.field_sets import FieldSet
from volary.embedded.api.apply.ownership import View, Views
from volary.embedded.api.catalog import Catalog, ResourceType

STATUS: FieldSet = {"f:status": {}}
SPEC: FieldSet = {"f:spec": {}}
NO_STATUS_BUT: FieldSet = {"f:metadata": {}, "f:spec": {}}  # what a write of the status leaves alone
RESETS: Mapping[tuple[str, str], FieldSet] = {
    ("/pods", "status"): {"f:spec": {}, "f:metadata": {"f:deletionTimestamp": {}, "f:ownerReferences": {}}},
    ("apps/deployments", "status"): {"f:spec": {}, "f:metadata": {"f:labels": {}}},
    ("/namespaces", "finalize"): STATUS,
    ("certificates.k8s.io/certificatesigningrequests", ""): {"f:spec": {}, "f:status": {}},
    ("certificates.k8s.io/certificatesigningrequests", "status"): {"f:spec": {}, "f:status": {"f:conditions": {}}},
    ("certificates.k8s.io/certificatesigningrequests", "approval"): {"f:spec": {}, "f:status": {"f:certificate": {}}},
    ("apiextensions.k8s.io/customresourcedefinitions", "status"): NO_STATUS_BUT,
    ("admissionregistration.k8s.io/validatingadmissionpolicies", "status"): NO_STATUS_BUT,
    ("flowcontrol.apiserver.k8s.io/flowschemas", "status"): NO_STATUS_BUT,
    ("flowcontrol.apiserver.k8s.io/prioritylevelconfigurations", "status"): NO_STATUS_BUT,
    ("networking.k8s.io/servicecidrs", "status"): NO_STATUS_BUT,
    ("storage.k8s.io/volumeattachments", "status"): NO_STATUS_BUT,
}


def views_of(catalog: Catalog, type_: ResourceType, subresource: str) -> Views:
    """Return how the versions of a kind see an object that comes in the version of `type_`."""
    known: dict[str, View] = {type_.api_version: View(type_.node, _reset(type_, type_, subresource))}

    def view(version: str) -> View | None:
        if version not in known:
            other = _other(catalog, type_, version)
            if other is None:
                return None
            known[version] = View(
                other.node,
                _reset(type_, other, subresource),
                partial(_seen, type_, other),
                partial(_seen, other, type_),
            )
        return known[version]

    return view


def _other(catalog: Catalog, type_: ResourceType, version: str) -> ResourceType | None:
    return next((it for it in catalog.versions(type_.storage) if it.api_version == version), None)


def _seen(type_: ResourceType, other: ResourceType, obj: Any) -> Any:
    if type_.custom:  # fields that the other version does not have are left for its schema to complain of
        return {**obj, "apiVersion": other.api_version}
    return conversion.from_storage(other, conversion.to_storage(type_, obj))


def _reset(type_: ResourceType, other: ResourceType, subresource: str) -> FieldSet:
    if type_.custom:
        if subresource == "status":
            return NO_STATUS_BUT if other.has_status else {}
        # Of the object itself the server knows the reset fields of the version in use only.
        return STATUS if subresource == "" and type_.has_status and other is type_ else {}
    if found := RESETS.get((type_.storage, subresource)):
        return found
    if subresource == "status":
        return SPEC
    return STATUS if subresource == "" and type_.has_status else {}
