"""What every script begins with: a namespace of its own, with the service account that pods need."""

from __future__ import annotations

from typing import Any

from tests.differential.steps import Script, Step, post


def script(name: str, *steps: Step) -> Script:
    """Return a script in the namespace t-NAME; the paths of its steps go there unless they begin with "/"."""
    namespace = f"t-{name}"
    account = {"metadata": {"name": "default"}, "automountServiceAccountToken": False}
    first = (
        post("namespace", "/api/v1/namespaces", {"metadata": {"name": namespace}}),
        post("service account", f"/api/v1/namespaces/{namespace}/serviceaccounts", account),
    )
    return Script(name, (*first, *(placed(step, namespace) for step in steps)))


def placed(step: Step, namespace: str) -> Step:
    if step.path.startswith("/"):
        return step
    group, _, rest = step.path.partition("!")
    root = f"/apis/{group}" if "/" in group else "/api/v1"
    return Step(step.name, step.method, f"{root}/namespaces/{namespace}/{rest}", step.body, step.headers, step.capture)


def obj(name: str, **members: Any) -> dict[str, Any]:
    """Return an object without a kind: the path says it."""
    return {"metadata": {"name": name}, **members}
