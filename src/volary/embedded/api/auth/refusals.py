"""The words of a 403: who cannot do what, where, and why if that is known.

Source: k8s.io/apiserver, pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from volary.embedded.api.auth.attributes import Attributes
from volary.embedded.api.auth.identity import User
from volary.embedded.api.errors import Problem, forbidden
from volary.embedded.api.text.go_text import go_quoted

UNLIKE_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def refusal(user: User, wanted: Attributes, reason: str = "") -> Problem:
    """Return the 403 for somebody who may not do what they want."""
    text = sentence(user, wanted).translate(UNLIKE_HTML)
    why = f"{text}: {reason}" if reason else text
    problem = Problem(403, "Forbidden", f"forbidden: {why}", {})
    if not wanted.path:
        problem = forbidden(wanted.group, wanted.resource, wanted.name, why)
    problem.headers["x-content-type-options"] = "nosniff"
    return problem


def sentence(user: User, wanted: Attributes) -> str:
    if wanted.path:
        return f"User {go_quoted(user.name)} cannot {wanted.verb} path {go_quoted(wanted.path)}"
    what = f"resource {go_quoted(wanted.combined)} in API group {go_quoted(wanted.group)}"
    where = f"in the namespace {go_quoted(wanted.namespace)}" if wanted.namespace else "at the cluster scope"
    return f"User {go_quoted(user.name)} cannot {wanted.verb} {what} {where}"
