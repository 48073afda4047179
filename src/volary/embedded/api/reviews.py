"""Questions about who asks and what they may do: whoever holds the token may do all.

Source: Kubernetes, pkg/registry/authentication and authorization.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volary.embedded.api.bodies import object_in
from volary.embedded.api.call import Call
from volary.embedded.api.core import Core
from volary.embedded.api.errors import FieldError, invalid, invalid_object, not_implemented
from volary.embedded.api.identity import User
from volary.embedded.api.managed import blank, pack, track, writer
from volary.embedded.api.versions import views_of

Object = dict[str, Any]

EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def _self(obj: Object, user: User) -> Object:
    return {"userInfo": user.info()}


def _access(obj: Object, user: User) -> Object:
    spec = obj.get("spec") or {}
    given = [key for key in ("resourceAttributes", "nonResourceAttributes") if spec.get(key) is not None]
    if len(given) != 1:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        error: FieldError = invalid("spec.resourceAttributes", spec.get("resourceAttributes"), detail)
        raise invalid_object("authorization.k8s.io", "", "", [error])
    return {"allowed": True}


def _rules(obj: Object, user: User) -> Object:
    nothing = {"verbs": ["*"], "nonResourceURLs": ["*"]}
    return {"resourceRules": [EVERYTHING], "nonResourceRules": [nothing], "incomplete": False}


REVIEWS: dict[str, Callable[[Object, User], Object]] = {
    "selfsubjectreviews": _self,
    "selfsubjectaccessreviews": _access,
    "selfsubjectrulesreviews": _rules,
}
VIRTUAL = {
    *REVIEWS,
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "tokenreviews",
    "bindings",
    "componentstatuses",
}


def review(core: Core, call: Call) -> Object:
    """Return the body of a review with its answer. Raises: Problem."""
    answer = REVIEWS.get(call.type.plural)
    if answer is None:
        raise not_implemented(call.type.plural)
    obj = object_in(call)
    now = core.stamp()
    if call.type.group == "authentication.k8s.io":
        obj["metadata"]["creationTimestamp"] = now
    else:
        empty = blank(call.type)
        views = views_of(core.catalog, call.type, "")
        pack(obj, track(empty, obj, views, {}, writer(call.type, call.options, "", now)))
    obj["status"] = answer(obj, call.options.user)
    return obj
