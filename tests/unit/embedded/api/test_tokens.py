"""Tokens of ServiceAccounts: how long they are good, what they fall with, and that none can be made up."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.embedded.api.server import Asked, Object
from volary.embedded.api.auth.authentication import Reading
from volary.embedded.api.auth.tokens import decode_part, encode_part, legacy_claims
from volary.embedded.api.server import ApiServer
from volary.embedded.signing_key import SigningKey

KEY = SigningKey()
HOUR = 3600


class Signing(Asked):
    """A server that issues tokens, with an account to issue them for."""

    def __init__(self) -> None:
        super().__init__()
        self.api = ApiServer("test", lambda: self.time, random.Random(1), self._id, signer=KEY)
        self.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        self.post("serviceaccounts", {"metadata": {"name": "robot"}})

    def token(self, status: int = 201, **spec: Any) -> str:
        found = self.post("serviceaccounts/robot/token", {"spec": spec}, status)
        return str(found.get("status", {}).get("token", "")) if status == 201 else str(found["message"])

    def read(self, token: str) -> Reading:
        return self.api.authentication.read(token)

    def name(self, token: str) -> str:
        user = self.read(token).user
        return user.name if user else ""


ROBOT = "system:serviceaccount:default:robot"


def claims_of(token: str) -> Object:
    found: Object = msgspec.json.decode(decode_part(token.split(".")[1]))
    return found


def test_a_token_names_its_account_until_it_expires() -> None:
    server = Signing()
    token = server.token(expirationSeconds=HOUR)
    assert server.name(token) == ROBOT
    server.later(HOUR + 59)
    assert server.name(token) == ROBOT  # clocks may differ by a minute
    server.later(2)
    assert server.read(token).error == "[invalid bearer token, service account token has expired]"


def test_a_token_from_the_future_is_not_good_yet() -> None:
    server = Signing()
    token = server.token()
    server.later(-61)
    assert "not valid yet" in server.read(token).error


def test_the_claims_are_those_of_a_real_server() -> None:
    server = Signing()
    claims = claims_of(server.token(audiences=["vault"], expirationSeconds=600))
    uid = server.get("serviceaccounts/robot")["metadata"]["uid"]
    assert claims["kubernetes.io"] == {"namespace": "default", "serviceaccount": {"name": "robot", "uid": uid}}
    assert claims["exp"] - claims["iat"] == 600
    assert claims["iat"] == claims["nbf"] == server.time.timestamp()
    assert (claims["aud"], claims["sub"], claims["iss"]) == (["vault"], ROBOT, "https://kubernetes.default.svc")


def bound(server: Signing, kind: str, name: str) -> str:
    return server.token(boundObjectRef={"apiVersion": "v1", "kind": kind, "name": name})


def pod_on_a_node(server: Signing) -> None:
    server.post("/api/v1/nodes", {"metadata": {"name": "n"}})
    container = {"name": "c", "image": "i"}
    server.post("pods", {"metadata": {"name": "p"}, "spec": {"serviceAccountName": "robot", "containers": [container]}})
    server.post("pods/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}})


def test_a_token_of_a_pod_names_pod_and_node_and_goes_with_the_pod() -> None:
    server = Signing()
    pod_on_a_node(server)
    token = bound(server, "Pod", "p")
    user = server.read(token).user
    assert user is not None
    extra = dict(user.extra)
    assert extra["authentication.kubernetes.io/pod-name"] == ("p",)
    assert extra["authentication.kubernetes.io/node-name"] == ("n",)
    server.delete("/api/v1/nodes/n")
    assert server.name(token) == ROBOT  # the node is told, not asked
    server.delete("pods/p", {"gracePeriodSeconds": 0})
    assert server.read(token).error.endswith("service account token has been invalidated]")


def delete_and_make_again(server: Signing) -> None:
    server.delete("serviceaccounts/robot")
    server.post("serviceaccounts", {"metadata": {"name": "robot"}})


@pytest.mark.parametrize(
    ("kind", "gone"),
    [
        ("Secret", lambda server: server.delete("secrets/s")),
        ("Node", lambda server: server.delete("/api/v1/nodes/s")),
        ("Secret", lambda server: server.delete("serviceaccounts/robot")),
        ("Secret", delete_and_make_again),
    ],
)
def test_a_token_goes_with_what_it_is_bound_to(kind: str, gone: Callable[[Signing], object]) -> None:
    server = Signing()
    server.post("secrets", {"metadata": {"name": "s"}})
    server.post("/api/v1/nodes", {"metadata": {"name": "s"}})
    token = bound(server, kind, "s")
    assert server.name(token) == ROBOT
    gone(server)
    assert server.name(token) == ""


def test_a_pod_of_another_account_gets_no_token_of_ours() -> None:
    server = Signing()
    server.post("pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    message = server.token(400, boundObjectRef={"apiVersion": "v1", "kind": "Pod", "name": "p"})
    assert message.startswith('cannot bind token for serviceaccount "robot" to pod')


def with_part(token: str, number: int, part: Object) -> str:
    parts = token.split(".")
    parts[number] = encode_part(msgspec.json.encode(part)).decode()
    return ".".join(parts)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "", None])
def test_another_algorithm_is_refused(algorithm: str | None) -> None:
    server = Signing()
    token = with_part(server.token(), 0, {"alg": algorithm})
    assert server.name(token) == ""
    assert server.name(token.rpartition(".")[0] + ".") == ""


def test_claims_that_were_changed_are_refused() -> None:
    server = Signing()
    token = server.token()
    changed = {**claims_of(token), "exp": claims_of(token)["exp"] + 10 * HOUR}
    assert "cryptographic" in server.read(with_part(token, 1, changed)).error


def test_a_token_of_another_cluster_is_refused() -> None:
    server, other = Signing(), Signing()
    other.api = ApiServer("other", lambda: other.time, random.Random(1), other._id, signer=SigningKey())
    other.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
    other.post("serviceaccounts", {"metadata": {"name": "robot"}})
    assert server.name(other.token()) == ""


def test_a_token_in_a_secret_lives_as_long_as_it_is_there() -> None:
    server = Signing()
    tokens = server.api.tokens
    assert tokens
    token = tokens.issue(legacy_claims(server.get("serviceaccounts/robot"), "s"))
    assert server.name(token) == ""
    data = {"token": base64.b64encode(token.encode()).decode()}
    server.post("secrets", {"metadata": {"name": "s"}, "data": data})
    server.later(1000 * HOUR)
    assert server.name(token) == ROBOT
    server.patch("secrets/s", {"data": {"token": "b3RoZXI="}})
    assert server.read(token).error == "[invalid bearer token, Token does not match server's copy]"
    server.delete("secrets/s")
    assert server.read(token).error == "[invalid bearer token, Token has been invalidated]"


def test_without_a_key_no_tokens_are_issued() -> None:
    server = Asked()
    server.post("serviceaccounts", {"metadata": {"name": "robot"}})
    server.post("serviceaccounts/robot/token", {}, 501)


SERVER = Signing()
GOOD = SERVER.token()


def test_a_token_has_one_spelling() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert [it for it in letters if SERVER.name(GOOD[:-1] + it)] == [GOOD[-1]]


@settings(deadline=None)
@example(":::", GOOD.rindex(".") + 1)
@example("=", len(GOOD))
@given(st.text(), st.integers(0, len(GOOD)))
def test_no_token_is_too_strange(text: str, at: int) -> None:
    for token in (text, GOOD[:at] + text + GOOD[at:], f"{text}.{text}.{text}"):
        assert SERVER.name(token) in ("", ROBOT)
        assert token == GOOD or SERVER.name(token) == ""


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_no_claims_are_too_strange(claims: Object) -> None:
    tokens = SERVER.api.tokens
    assert tokens
    for issuer in ("https://kubernetes.default.svc", "kubernetes/serviceaccount"):
        assert SERVER.name(tokens.issue({**claims, "iss": issuer})) == ""
