"""What roles and bindings allow, and that a decision is never older than they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.embedded.api.server import Asked, Object
from volary.embedded.api.auth import rbac
from volary.embedded.api.auth.attributes import Attributes, attributes_of
from volary.embedded.api.auth.identity import User
from volary.embedded.api.auth.rules import Rule, missing
from volary.kube.transport import Request, Response

GROUP = "rbac.authorization.k8s.io"
ROLES, BINDINGS = f"/apis/{GROUP}/v1/clusterroles", f"/apis/{GROUP}/v1/clusterrolebindings"
LOCAL_BINDINGS = f"/apis/{GROUP}/v1/namespaces/default/rolebindings"
ANNA = User("anna", ("staff",))


def role(**rule: Any) -> Object:
    return {"metadata": {"name": "r"}, "rules": [rule]}


def binding(**subject: Any) -> Object:
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "r"}
    return {"metadata": {"name": "b"}, "roleRef": reference, "subjects": [subject or {"kind": "User", "name": "anna"}]}


def status(server: Asked, method: str, path: str, user: str = "anna", **headers: str) -> int:
    return server.raw(method, path, **{"impersonate-user": user, **headers}).status


GET_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        (GET_PODS, "GET pods/p", "DELETE pods/p"),
        (GET_PODS, "GET pods/p", "GET pods"),
        (GET_PODS, "GET pods/p", "GET pods/p/log"),
        ({**GET_PODS, "resourceNames": ["p"]}, "GET pods/p", "GET pods/q"),
        ({**GET_PODS, "resources": ["pods/*"]}, "GET /version", "GET pods/p/log"),
        ({**GET_PODS, "resources": ["*/scale"]}, "GET deployments/d/scale", "GET deployments/d/status"),
        ({**GET_PODS, "resources": ["*"]}, "GET secrets/s", "GET deployments/d"),
        ({**GET_PODS, "verbs": ["*"]}, "DELETE pods", "DELETE configmaps"),
        ({**GET_PODS, "verbs": ["deletecollection"]}, "DELETE pods", "DELETE pods/p"),
        ({**GET_PODS, "verbs": ["list"]}, "GET pods", "GET pods?watch=true"),
        ({"nonResourceURLs": ["/logs/*"], "verbs": ["get"]}, "GET /logs/a/b", "GET /logs"),
        ({"nonResourceURLs": ["*"], "verbs": ["*"]}, "POST /anything", "GET pods"),
    ],
)
def test_a_rule_allows_what_it_says(rule: dict[str, Any], allowed: str, refused: str) -> None:
    server = Asked()
    if "scale" in str(rule):
        rule = {**rule, "apiGroups": ["apps"]}
    server.post(ROLES, role(**rule))
    server.post(BINDINGS, binding())
    assert status(server, *allowed.split()) != 403
    assert status(server, *refused.split()) == 403


def test_a_binding_in_a_namespace_counts_there_only() -> None:
    server = Asked()
    server.post("/api/v1/namespaces", {"metadata": {"name": "other"}})
    server.post(ROLES, role(**GET_PODS))
    server.post(LOCAL_BINDINGS, binding())
    assert status(server, "GET", "pods/p") == 404
    assert status(server, "GET", "/api/v1/namespaces/other/pods/p") == 403


@pytest.mark.parametrize(
    ("subject", "user", "headers"),
    [
        ({"kind": "Group", "name": "staff"}, "ben", {"impersonate-group": "staff"}),
        ({"kind": "Group", "name": "staff"}, "ben", {"impersonate-group": "a\nstaff"}),
        ({"kind": "ServiceAccount", "name": "s", "namespace": "n"}, "system:serviceaccount:n:s", {}),
        ({"kind": "Group", "name": "system:serviceaccounts:n"}, "system:serviceaccount:n:s", {}),
        ({"kind": "Group", "name": "system:unauthenticated"}, "system:anonymous", {}),
    ],
)
def test_every_kind_of_subject_is_found(subject: dict[str, str], user: str, headers: dict[str, str]) -> None:
    server = Asked()
    server.post(ROLES, role(**GET_PODS))
    assert status(server, "GET", "pods/p", user, **headers) == 403
    server.post(BINDINGS, binding(**subject))
    assert status(server, "GET", "pods/p", user, **headers) == 404
    assert status(server, "GET", "pods/p", "carl") == 403


def test_a_change_of_a_role_or_a_binding_counts_at_once() -> None:
    server = Asked()
    server.post(ROLES, role(**GET_PODS))
    server.post(BINDINGS, binding())
    assert status(server, "GET", "pods/p") == 404
    server.patch(f"{ROLES}/r", {"rules": []})
    assert status(server, "GET", "pods/p") == 403
    server.patch(f"{ROLES}/r", {"rules": [GET_PODS]})
    assert status(server, "GET", "pods/p") == 404
    server.delete(f"{BINDINGS}/b")
    assert status(server, "GET", "pods/p") == 403


def test_names_that_somebody_makes_up_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rbac, "MOST_REMEMBERED", 10)
    server = Asked()
    for number in range(25):
        assert status(server, "GET", f"pods/p{number}", f"user{number}") == 403
    kept = server.api.core.rbac
    assert max(len(kept._decisions), len(kept._rights)) <= 10


def test_the_gate_comes_before_the_question_whether_something_is_there() -> None:
    server = Asked()
    for path in ("/apis/example.com/v1/things", "/api/v1/namespaces/nope/pods", "things/x", "/nothing"):
        assert status(server, "GET", path) == 403
        assert server.raw("GET", path).status in (200, 404)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("GET /api/v1/namespaces/n", Attributes("get", "", "namespaces", "", "n", "n")),
        ("PUT /api/v1/namespaces/n/finalize", Attributes("update", "", "namespaces", "finalize", "n", "n")),
        ("GET /apis/apps/v1/deployments?watch", Attributes("watch", "apps", "deployments")),
        ("GET /api/v1/pods?watch=0", Attributes("list", "", "pods")),
        ("GET /api/v1/pods?fieldSelector=a=b,metadata.name=p", Attributes("list", "", "pods", name="p")),
        ("GET /api/v1/pods?fieldSelector=metadata.name!=p", Attributes("list", "", "pods")),
        ("GET /api/v1/pods?fieldSelector=metadata.name=a/b", Attributes("list", "", "pods")),
        ("HEAD /api/v1/pods/p", Attributes("get", "", "pods", name="p")),
        ("DELETE /api/v1/namespaces/n/pods", Attributes("deletecollection", "", "pods", "", "n")),
        ("OPTIONS /api/v1/pods/p", Attributes("", "", "pods", name="p")),
        ("POST /api/v1", Attributes("post", path="/api/v1")),
    ],
)
def test_the_verb_is_the_server_s(line: str, wanted: Attributes) -> None:
    method, target = line.split()
    path, _, query = target.partition("?")
    parameters = dict(it.partition("=")[::2] for it in query.split("&")) if query else {}
    if query.startswith("fieldSelector"):
        parameters = {"fieldSelector": query.removeprefix("fieldSelector=")}
    assert attributes_of(Request(method, path, parameters)) == wanted


def test_what_is_missing_is_named_right_by_right() -> None:
    held = [
        Rule(("get", "list"), ("",), ("pods",)),
        Rule(("*",), ("apps",), ("*/scale",)),
        Rule(("get",), urls=("/a*",)),
    ]
    wanted = [
        Rule(("get",), ("", "apps"), ("pods",)),
        Rule(("get",), ("",), ("pods",), ("one",)),
        Rule(("patch",), ("apps",), ("deployments/scale",)),
        Rule(("get", "post"), urls=("/a/b",)),
    ]
    lacking = [it.text() for it in missing(held, wanted)]
    assert lacking == [
        '{APIGroups:["apps"], Resources:["pods"], Verbs:["get"]}',
        '{NonResourceURLs:["/a/b"], Verbs:["post"]}',
    ]


SERVER = Asked()
WORDS = ["api", "apis", "v1", "namespaces", "default", "pods", "p", "log", "status", "..", "", "%", "watch", "ü", "*"]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=9),
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
    st.dictionaries(st.sampled_from(["watch", "fieldSelector", "dryRun"]), st.text()),
    st.text(),
)
def test_who_may_nothing_is_refused_whatever_the_path(
    parts: list[str], method: str, query: dict[str, str], name: str
) -> None:
    request = Request(method, "/" + "/".join(parts), query, {}, b"")
    answer = SERVER.api.handle(request, User(name))
    assert isinstance(answer, Response)
    assert answer.status == 403
