"""Kubeconfigs of strangers: whatever the bytes, either a way in or `BadKubeconfig`, and never a secret in its text."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.kube.kubeconfig import Access, BadKubeconfig, from_bytes

CANARY = "c4nary-s3cret"


def read(data: bytes) -> Access | BadKubeconfig:
    try:
        return from_bytes(data, "Secret fleet/west", lambda: datetime(2026, 11, 24, tzinfo=UTC))
    except BadKubeconfig as error:
        return error


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(CANARY) | st.text(string.printable, max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
USER_FIELDS = ["token", "tokenFile", "client-certificate-data", "client-key-data", "exec", "username", "password",
               "auth-provider", "as", "as-groups", "as-user-extra"]  # fmt: skip
CLUSTER_FIELDS = ["server", "certificate-authority-data", "insecure-skip-tls-verify", "tls-server-name", "proxy-url",
                  "extensions"]  # fmt: skip


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(data: bytes) -> None:
    assert isinstance(read(data), BadKubeconfig)


@given(
    st.dictionaries(st.sampled_from(USER_FIELDS), VALUES, max_size=3),
    st.dictionaries(st.sampled_from(CLUSTER_FIELDS), VALUES, max_size=3),
)
def test_any_fields(user: dict[str, Any], cluster: dict[str, Any]) -> None:
    document = {
        "current-context": "w",
        "contexts": [{"name": "w", "context": {"cluster": "w", "user": "me"}}],
        "clusters": [{"name": "w", "cluster": {"server": "https://w.example:6443", **cluster}}],
        "users": [{"name": "me", "user": user}],
    }
    found = read(msgspec.json.encode(document))
    assert CANARY not in repr(found) or cluster.get("tls-server-name") == CANARY or user.get("as") == CANARY


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 5000,
        b"a: &a [*a]\nclusters: *a",
        b"users: 2026-13-45",
        b"current-context: 0b_\nusers: !!int x",
        b'users: "\\ud800"',
        b"? [a]\n: b",
        b"{\x00}",
    ],
)
def test_yaml_that_breaks_readers_is_refused(data: bytes) -> None:
    assert isinstance(read(data), BadKubeconfig)


@pytest.mark.parametrize(
    "server",
    ["https://[::1", "https://w:99999", "https://w:x", "https://w:0", "https://w/#f", "https://w\r\n", "//w", "https://u:c4nary-s3cret@w"],
)  # fmt: skip
def test_a_server_that_is_no_url_is_refused(server: str) -> None:
    cluster = {"name": "w", "cluster": {"server": server}}
    document = {"current-context": "w", "contexts": [{"name": "w", "context": {"cluster": "w"}}], "clusters": [cluster]}
    assert "server must be a URL such as" in str(read(msgspec.json.encode(document)))
