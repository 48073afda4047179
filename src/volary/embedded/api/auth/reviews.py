"""Questions about who asks and what somebody may do, and whose a token is.

Source: Kubernetes, pkg/registry/authentication and pkg/registry/authorization.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from volary.embedded.api.apply.managed import blank, pack, track, writer
from volary.embedded.api.apply.versions import views_of
from volary.embedded.api.auth.attributes import Attributes
from volary.embedded.api.auth.authentication import Authentication
from volary.embedded.api.auth.identity import User
from volary.embedded.api.auth.rbac import Decision
from volary.embedded.api.auth.review_rules import check
from volary.embedded.api.bodies import object_in
from volary.embedded.api.call import Call
from volary.embedded.api.core import Core
from volary.embedded.api.errors import bad_request, not_implemented
from volary.embedded.api.verbs.creating import place

Object = dict[str, Any]
Review = Callable[[Core, Authentication, Call], Object]

# Kinds that are asked, never stored.
VIRTUAL = {
    "selfsubjectreviews",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "tokenreviews",
    "bindings",
    "componentstatuses",
}


def review(core: Core, authentication: Authentication, call: Call) -> Object:
    """Return the body of a review with its answer. Raises: Problem."""
    answer = REVIEWS.get(call.type.plural)
    if answer is None:
        raise not_implemented(call.type.plural)
    return answer(core, authentication, call)


def _who(core: Core, authentication: Authentication, call: Call) -> Object:
    obj = object_in(call)
    return {**_head(obj), "metadata": {"creationTimestamp": core.stamp()}, "status": {"userInfo": user_of(call).info()}}


def _access(core: Core, authentication: Authentication, call: Call) -> Object:
    """Answer whether somebody may do something."""
    obj = _asked(core, call)
    spec = obj.get("spec") or {}
    check(call.type.plural, obj)
    user = user_of(call) if call.type.plural.startswith("self") else user_in(spec)
    decision = core.rbac.decide(user, attributes_in(spec))
    obj["status"] = status_of(decision)
    return obj


def _rules(core: Core, authentication: Authentication, call: Call) -> Object:
    obj = object_in(call)
    namespace = (obj.get("spec") or {}).get("namespace")
    if not namespace:
        raise bad_request("no namespace on request")
    rights = core.rbac.rights(user_of(call), namespace)
    on_resources, on_paths = [], []
    for rule in rights.rules:
        verbs = list(rule.verbs)
        if rule.resources:
            said = {"verbs": verbs, "apiGroups": list(rule.groups), "resources": list(rule.resources)}
            on_resources.append({**said, **({"resourceNames": list(rule.names)} if rule.names else {})})
        if rule.urls:
            on_paths.append({"verbs": verbs, "nonResourceURLs": list(rule.urls)})
    status: Object = {"resourceRules": on_resources, "nonResourceRules": on_paths, "incomplete": False}
    if error := rights.error():
        status["evaluationError"] = error
    return {**_head(obj), "metadata": {}, "spec": {}, "status": status}


def _token(core: Core, authentication: Authentication, call: Call) -> Object:
    """Answer whose a token is."""
    obj = _asked(core, call)
    spec = obj.get("spec") or {}
    if not spec.get("token"):
        raise bad_request("token is required for TokenReview in authentication")
    reading = authentication.read(spec["token"], spec.get("audiences") or ())
    status: Object = {"user": {}}
    if reading.user is not None:
        status = {"authenticated": True, "user": reading.user.info(), "audiences": list(reading.audiences)}
    if reading.error:
        status["error"] = reading.error
    obj["status"] = status
    return obj


def _asked(core: Core, call: Call) -> Object:
    """Return the object of a review, in its namespace and with who set its fields. Raises: Problem."""
    obj = object_in(call)
    place(call.type, obj, call.namespace)
    by = writer(call.type, call.options, "", core.stamp())
    pack(obj, track(blank(call.type), obj, views_of(core.catalog, call.type, ""), {}, by))
    return obj


def _head(obj: Object) -> Object:
    return {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}


def user_of(call: Call) -> User:
    return call.options.user


def user_in(spec: Mapping[str, Any]) -> User:
    """Return whom a review asks about; groups are only those that it names."""
    extra = {key: tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    groups = tuple(spec.get("groups") or ())
    return User(spec.get("user") or "", groups, spec.get("uid") or "", tuple(sorted(extra.items())))


def attributes_in(spec: Mapping[str, Any]) -> Attributes:
    """Return what a review asks for."""
    on_path = spec.get("nonResourceAttributes")
    if on_path is not None:
        return Attributes(on_path.get("verb") or "", path=on_path.get("path") or "")
    on = spec["resourceAttributes"]
    keys = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(*(str(on.get(key) or "") for key in keys))


def status_of(decision: Decision) -> Object:
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


REVIEWS: dict[str, Review] = {
    "selfsubjectreviews": _who,
    "selfsubjectaccessreviews": _access,
    "selfsubjectrulesreviews": _rules,
    "subjectaccessreviews": _access,
    "localsubjectaccessreviews": _access,
    "tokenreviews": _token,
}
