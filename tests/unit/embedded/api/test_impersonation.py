"""To ask in somebody else's name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.embedded.api.server import Asked, Object
from volary.embedded.api.auth.identity import User

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
GROUP = "rbac.authorization.k8s.io"


def who(server: Asked, **headers: str) -> Object:
    response = server.raw("POST", WHO, {}, **headers)
    found: Object = msgspec.json.decode(response.body)
    return found["status"]["userInfo"] if response.status == 201 else found


def allow(server: Asked, user: str, **rule: Any) -> None:
    server.post(f"/apis/{GROUP}/v1/clusterroles", {"metadata": {"name": user}, "rules": [rule]})
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": user}
    body = {"metadata": {"name": user}, "roleRef": reference, "subjects": [{"kind": "User", "name": user}]}
    server.post(f"/apis/{GROUP}/v1/clusterrolebindings", body)


def test_several_groups_and_extra_values_come_through() -> None:
    headers = {
        "impersonate-user": "anna",
        "impersonate-group": "a,b\nc",
        "impersonate-uid": "7",
        "impersonate-extra-acme.com%2Fscope": "x\ny",
    }
    assert who(Asked(), **headers) == {
        "username": "anna",
        "uid": "7",
        "groups": ["a,b", "c", "system:authenticated"],
        "extra": {"acme.com/scope": ["x", "y"]},
    }


def test_a_master_may_be_anybody_and_then_is_only_that() -> None:
    server = Asked()
    assert server.raw("GET", "pods", **{"impersonate-user": "anna"}).status == 403
    assert (
        server.raw("GET", "pods", **{"impersonate-user": "anna", "impersonate-group": "system:masters"}).status == 200
    )


def ask(server: Asked, user: User, **headers: str) -> int:
    answer = server.api.handle(server.request("GET", "pods", None, "", headers), user)
    return int(getattr(answer, "status", 0))


def test_an_impersonated_user_cannot_impersonate_further() -> None:
    server = Asked()
    allow(server, "anna", apiGroups=[""], resources=["users", "groups"], verbs=["impersonate"])
    anna = User("anna", ("system:authenticated",))
    assert ask(server, anna, **{"impersonate-user": "ben"}) == 403  # as ben: no right to list
    assert ask(server, anna, **{"impersonate-user": "ben", "impersonate-group": "system:masters"}) == 200
    assert ask(server, User("ben"), **{"impersonate-user": "anna"}) == 403


def test_being_a_node_or_an_account_takes_a_right_of_its_own() -> None:
    server = Asked()
    mode = {"verbs": ["impersonate:serviceaccount", "impersonate:arbitrary-node", "impersonate-on:arbitrary-node:list",
                      "impersonate-on:serviceaccount:list"]}  # fmt: skip
    allow(server, "anna", apiGroups=["*"], resources=["serviceaccounts", "nodes", "pods"], **mode)
    allow(server, "system:serviceaccount:n:s", apiGroups=[""], resources=["pods"], verbs=["list"])
    anna = User("anna", ("system:authenticated",))
    assert ask(server, anna, **{"impersonate-user": "system:serviceaccount:n:s"}) == 200
    assert ask(server, anna, **{"impersonate-user": "system:serviceaccount:n:t"}) == 403
    assert ask(server, anna, **{"impersonate-user": "ben"}) == 403


@pytest.mark.parametrize("only", ["impersonate-group", "impersonate-uid", "impersonate-extra-x"])
def test_something_of_nobody_is_a_bad_request(only: str) -> None:
    assert Asked().raw("GET", "pods", **{only: "x"}).status == 400


SERVER = Asked()


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["user", "group", "uid", "extra-a", "extra-%zz", "extra-", ""]), st.text()))
def test_no_header_is_too_strange(headers: dict[str, str]) -> None:
    response = SERVER.raw("GET", "pods", **{f"impersonate-{key}": value for key, value in headers.items()})
    assert response.status in (200, 400, 403)
