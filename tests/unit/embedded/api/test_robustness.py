"""Whatever a client sends, the server answers."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.embedded.api.server import APPLY, JSON, JSON_PATCH, MERGE, STRATEGIC, Asked, config_map, deployment
from tests.unit.embedded.api.test_custom_resources import CRDS, SUBRESOURCES, definition, widget
from volary.kube.transport import Response

SCALARS: list[Any] = [None, True, -1, 0, 3.5, 2**40, "", "x", "\u0000"]
ODD = st.sampled_from([*SCALARS, [], [None], [1, "a"], {}, {"a": None}, {"name": 5}, [{}]])
CONTAINER = {"name": "c", "image": "i", "ports": [{"containerPort": 1}], "env": [{"name": "a", "value": "b"}]}
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u"}
TARGET = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
WORDS = ["api", "apis", "v1", "apps", "namespaces", "default", "pods", "web", "status", "scale", "proxy", "log", ""]
POD = {
    "metadata": {"name": "p", "labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1}]}]},
}
SERVICE = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}}
BODIES: dict[str, Any] = {
    "deployments": deployment("web"),
    "configmaps": config_map("web", labels={"a": "b"}, ownerReferences=[OWNER]),
    "pods": POD,
    "services": SERVICE,
    "widgets": widget(steps=[{"name": "a"}], raw={"x": [1]}),
    CRDS: definition(subresources=SUBRESOURCES) | {"metadata": {"name": "gadgets.example.com"}},
    "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers": {
        "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": TARGET,
            "behavior": {"scaleUp": {}},
        },
    },
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings": {
        "metadata": {"name": "r"},
        "subjects": [{"kind": "User", "name": "x"}],
        "roleRef": {"kind": "Role", "name": "r"},
    },
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each value inside a body."""
    found = [path] if path else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += places(child, (*path, key))
    return found


def spoiled(body: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Return a copy of the body with something odd at `path`."""
    changed = copy.deepcopy(body)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = odd
    return changed


SPOILED = st.sampled_from(sorted(BODIES)).flatmap(
    lambda path: st.tuples(st.just(path), st.sampled_from(places(BODIES[path])), ODD)
)


def server() -> Asked:
    made = Asked()
    made.post(CRDS, definition(subresources=SUBRESOURCES))
    for path, body in BODIES.items():
        if path != CRDS:
            made.post(path, body)
    return made


SERVER = server()


@given(SPOILED, st.sampled_from(["POST", "PUT", MERGE, STRATEGIC, APPLY]))
def test_a_body_with_something_odd_in_it_is_answered(case: tuple[str, tuple[Any, ...], Any], how: str) -> None:
    path, place, odd = case
    body = spoiled(BODIES[path], place, odd)
    name = BODIES[path]["metadata"]["name"]
    kind = how if "/" in how else JSON
    where = path if how == "POST" else f"{path}/{name}"
    query = "?dryRun=All&fieldManager=m"
    request = SERVER.request(how if how in ("POST", "PUT") else "PATCH", where + query, body, kind, {})
    answer = SERVER.api.handle(request)
    assert isinstance(answer, Response)
    assert isinstance(msgspec.json.decode(answer.body), dict)


@given(st.binary(max_size=30), st.sampled_from([JSON, MERGE, STRATEGIC, APPLY, JSON_PATCH, "application/yaml"]))
def test_bytes_that_are_nothing_are_answered(body: bytes, kind: str) -> None:
    for method, path in (
        ("POST", "configmaps"),
        ("PATCH", "configmaps/web?fieldManager=m"),
        ("DELETE", "configmaps/none"),
    ):
        answer = SERVER.api.handle(SERVER.request(method, path, body or b" ", kind, {}))
        assert isinstance(answer, Response)
        assert answer.status >= 400 or method != "DELETE"


PARTS = st.lists(st.sampled_from(WORDS), max_size=9)


@given(PARTS, st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]))
def test_any_path_is_answered(parts: list[str], method: str) -> None:
    SERVER.api.handle(SERVER.request(method, "/" + "/".join(parts) + "?dryRun=All", {}, JSON, {}))
