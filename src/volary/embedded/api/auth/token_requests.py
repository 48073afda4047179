"""POST of a ServiceAccount's `token`: a new token for an audience, for a while, bound to an object if wanted.

Source: Kubernetes, pkg/registry/core/serviceaccount/storage/token.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from volary.embedded.api.apply.managed import blank, pack, track, writer
from volary.embedded.api.apply.versions import views_of
from volary.embedded.api.auth.authentication import ISSUER
from volary.embedded.api.auth.identity import account_name
from volary.embedded.api.auth.tokens import AccountTokens
from volary.embedded.api.bodies import object_in
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core, time_text
from volary.embedded.api.defaults.omission import fill_always
from volary.embedded.api.errors import FieldError, bad_request, conflict, invalid, invalid_object
from volary.embedded.api.registry import Kind, definition_names, definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.store import Entry
from volary.embedded.api.text.go_text import go_quoted
from volary.embedded.api.verbs.creating import place
from volary.embedded.api.verbs.updating import find

Object = dict[str, Any]

GROUP, VERSION, KIND = "authentication.k8s.io", "v1", "TokenRequest"
USUAL_SECONDS = 3600
LEAST_SECONDS, MOST_SECONDS = 600, 1 << 32
UID_DIFFERS = (
    "the UID in the bound object reference ({}) does not match the UID in record. The object might have been deleted "
    "and then recreated"
)


def request_token(core: Core, tokens: AccountTokens, call: Call) -> Object:
    """Return the TokenRequest of the body with its token. Raises: Problem."""
    account = find(core, call.type, call.namespace, call.name)
    request = _read(core, call)
    meta, spec = request["metadata"], request["spec"]
    _check_account(meta, account, call)
    now = core.now()
    meta |= {"name": call.name, "namespace": call.namespace, "uid": account.obj["metadata"]["uid"]}
    meta["creationTimestamp"] = time_text(now)
    spec["audiences"] = spec.get("audiences") or [ISSUER]
    seconds = spec["expirationSeconds"]
    _check_seconds(seconds)
    moment = int(now.timestamp())
    claims = {
        "aud": spec["audiences"],
        "exp": moment + seconds,
        "iat": moment,
        "iss": ISSUER,
        "jti": core.new_id(),
        "kubernetes.io": _bound(core, account, spec.get("boundObjectRef"), call),
        "nbf": moment,
        "sub": account_name(call.namespace, call.name),
    }
    request["status"] = {
        "token": tokens.issue(claims),
        "expirationTimestamp": time_text(now + timedelta(seconds=seconds)),
    }
    request["metadata"] = {key: meta[key] for key in ORDER if key in meta}
    return request


ORDER = ("name", "namespace", "uid", "creationTimestamp", "labels", "annotations", "managedFields")


def _read(core: Core, call: Call) -> Object:
    """Return the body, with defaults and with who set what. Raises: Problem."""
    type_ = _type(call.type)
    call = replace(call, type=type_)
    request = object_in(call)
    named = call.name
    if request["metadata"].get("name") not in (None, "", named):
        error = invalid(
            "metadata.name", request["metadata"]["name"], "must match the service account name if specified"
        )
        raise invalid_object(GROUP, KIND, named, [error])
    given = request["metadata"].get("namespace")
    place(type_, request, call.namespace)
    if not given:
        del request["metadata"]["namespace"]
    fill_always(request, type_.node)
    if request["spec"].get("expirationSeconds") is None:
        request["spec"]["expirationSeconds"] = USUAL_SECONDS
    by = writer(type_, call.options, "token", core.stamp())
    pack(request, track(blank(type_), request, views_of(core.catalog, type_, "token"), {}, by))
    return request


def _type(account: ResourceType) -> ResourceType:
    """Return the type of a TokenRequest, served below ServiceAccounts."""
    name = definition_names()[GROUP, VERSION, KIND]
    node = Node(definitions()[name], definitions(), name)
    kind = Kind(GROUP, VERSION, account.plural, "", KIND, namespaced=True)
    return ResourceType(kind, node, account.storage, f"{GROUP}/{VERSION}", "")


def _check_account(meta: Object, account: Entry, call: Call) -> None:
    uid = account.obj["metadata"]["uid"]
    if meta.get("uid") not in (None, "", uid):
        why = f"the UID in the token request ({meta['uid']}) does not match the UID of the service account ({uid})"
        raise conflict(GROUP, KIND, call.name, why)


def _check_seconds(seconds: int) -> None:
    errors: list[FieldError] = []
    if seconds < LEAST_SECONDS:
        errors.append(invalid(SECONDS, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > MOST_SECONDS:
        errors.append(invalid(SECONDS, seconds, "may not specify a duration larger than 2^32 seconds"))
    if errors:
        raise invalid_object(GROUP, KIND, "", errors)


SECONDS = "spec.expirationSeconds"


def _bound(core: Core, account: Entry, reference: Mapping[str, Any] | None, call: Call) -> Object:
    """Return the claims of what a token stands for and falls with. Raises: Problem."""
    found: Object = {"namespace": call.namespace}
    if reference is not None:
        found |= _bound_object(core, reference, call)
    return {**found, "serviceaccount": named(account.obj)}


def _bound_object(core: Core, reference: Mapping[str, Any], call: Call) -> Object:
    version, kind = str(reference.get("apiVersion") or ""), str(reference.get("kind") or "")
    if "/" in version or kind not in ("Pod", "Node", "Secret"):
        raise bad_request(f"cannot bind token to object of type {version}, Kind={kind}")
    type_ = core.catalog.find("", "v1", f"{kind.lower()}s")
    assert type_, "built-in kinds are always served"
    name = str(reference.get("name") or "")
    entry = find(core, type_, call.namespace if type_.kind.namespaced else "", name)
    if kind == "Pod" and (entry.obj["spec"].get("serviceAccountName") or "") != call.name:
        why = f"cannot bind token for serviceaccount {go_quoted(call.name)} to pod running with different "
        raise bad_request(f"{why}serviceaccount name.")
    if reference.get("uid") not in (None, "", entry.obj["metadata"]["uid"]):
        raise conflict("", kind, name, UID_DIFFERS.format(reference["uid"]))
    found = {kind.lower(): named(entry.obj)}
    node = str(entry.obj["spec"].get("nodeName") or "") if kind == "Pod" else ""
    if node:
        there = core.store.get("/nodes", "", node)
        found["node"] = named(there.obj) if there else {"name": node}
    return found


def named(obj: Mapping[str, Any]) -> Object:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}
