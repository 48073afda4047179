"""Kubeconfigs: merging, every kind of credential, and a clear sentence for each that cannot be used."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from volary.kube.kubeconfig import Access, BadKubeconfig, from_bytes, in_cluster, load

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
NOTHING: Mapping[str, Any] = {}


def now() -> datetime:
    return NOW


def config(user: Mapping[str, Any] | None = None, cluster: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """Return a kubeconfig with one of each."""
    return {
        "current-context": "west",
        "contexts": [{"name": "west", "context": {"cluster": "w", "user": "me", "namespace": "apps"}}],
        "clusters": [{"name": "w", "cluster": {"server": "https://w.example:6443", **cluster}}],
        "users": [{"name": "me", "user": user or {"token": "s3cret"}}],
    }


def oidc(**more: str) -> dict[str, Any]:
    given = {"idp-issuer-url": "https://i.example", "client-id": "kubernetes", "id-token": "s3cret", **more}
    return {"auth-provider": {"name": "oidc", "config": given}}


def data(document: object) -> bytes:
    return msgspec.json.encode(document)


def read(document: object, context: str = "") -> Access:
    return from_bytes(data(document), "Secret fleet/west", now, context)


def token(access: Access) -> str:
    return asyncio.run(access.credentials.current()).token


def test_a_secret_with_a_token_gives_the_way_in() -> None:
    access = read(
        config(cluster={"certificate-authority-data": PEM, "tls-server-name": "kube", "proxy-url": "http://p:1"})
    )
    assert (access.server, access.context, access.namespace) == ("https://w.example:6443", "west", "apps")
    assert access.authority == b"-----BEGIN CERTIFICATE-----"
    assert (access.verify, access.server_name, access.proxy) == (True, "kube", "http://p:1")
    assert token(access) == "s3cret"
    assert "s3cret" not in repr(access) + repr(asyncio.run(access.credentials.current()))


def test_impersonation_becomes_headers_and_an_https_proxy_is_one() -> None:
    extra = {"Scopes": ["view", "dev"], "acme.com/team": ["a"]}
    user = {"token": "t", "as": "jane", "as-uid": "7", "as-groups": ["dev", "ops"], "as-user-extra": extra}
    access = read(config(user, {"proxy-url": "https://p:3128"}))
    assert access.impersonation == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-scopes", "view"),
        ("Impersonate-Extra-scopes", "dev"),
        ("Impersonate-Extra-acme.com%2Fteam", "a"),
    )
    assert access.proxy == "https://p:3128"


def test_another_context_can_be_chosen() -> None:
    document = config()
    document["contexts"].append({"name": "east", "context": {"cluster": "w"}})
    access = read(document, "east")
    assert (access.context, access.namespace, token(access)) == ("east", "default", "")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({**config(), "current-context": "east"}, 'there is no context "east"; there are: west'),
        ({**config(), "clusters": None}, 'there is no cluster "w"; there are: none'),
        ({**config(), "users": []}, 'there is no user "me"; there are: none'),
        ({**config(), "current-context": ""}, "no current-context is set; name one with --context; there are: west"),
        ([], "it is of another kind; allowed: a mapping"),
        (config({"token": 7}), "users[0].user.token is of another kind; allowed: a text"),
        (config(cluster={"server": "w.example"}), 'cluster "w": server must be a URL such as https://10.0.0.1:6443'),
        (
            config(cluster={"server": "http://w.example"}),
            'cluster "w": credentials would go over plain http; use https',
        ),
        (config(cluster={"proxy-url": "socks5://p"}), 'cluster "w": proxy-url must be http://HOST:PORT'),
        (config(cluster={"certificate-authority-data": "%%"}), 'cluster "w": certificate-authority-data is not base64'),
        (
            config(cluster={"certificate-authority-data": PEM, "insecure-skip-tls-verify": True}),
            'cluster "w" has certificate-authority and insecure-skip-tls-verify; remove one',
        ),
        (config(cluster={"certificate-authority": "/etc/hosts"}), 'cluster "w" names a file (certificate-authority)'),
        (config({"tokenFile": "/etc/hosts"}), 'user "me" names a file (tokenFile)'),
        (config({"client-key": "/etc/hosts"}), 'user "me" names a file (client-key)'),
        (config({"exec": {"command": "aws"}}), 'user "me" has exec; a kubeconfig in a Secret may not run programs'),
        (config({"username": "u", "password": "p"}), 'user "me" has a user name and password'),
        (config({"auth-provider": {"name": "gcp"}}), 'user "me" has auth-provider gcp, which Kubernetes 1.26 removed'),
        (config({"auth-provider": {"name": "oidc"}}), "oidc needs idp-issuer-url and client-id in its config"),
        (config(oidc(**{"idp-issuer-url": "http://i"})), "idp-issuer-url must begin with https://"),
        (config(oidc(**{"idp-certificate-authority": "/etc/hosts"})), "names a file (idp-certificate-authority)"),
        (config({**oidc(), "token": "t"}), 'user "me" has auth-provider beside another credential; keep one'),
        (config({"token": "t", "as-groups": ["admins"]}), 'user "me" has as-uid, as-groups or as-user-extra without'),
        (config({"client-certificate-data": PEM}), 'user "me" has a client certificate without its key'),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(document: object, sentence: str) -> None:
    with pytest.raises(BadKubeconfig) as caught:
        read(document)
    assert str(caught.value).startswith("Secret fleet/west")
    assert sentence in str(caught.value)


def test_yaml_that_is_none_is_located_but_never_quoted() -> None:
    with pytest.raises(BadKubeconfig) as caught:
        from_bytes(b"users:\n- name: [s3cret\n", "Secret fleet/west", now)
    assert str(caught.value) == "Secret fleet/west, line 3: this is not YAML"


def test_files_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(data({"users": [{"name": "me", "user": {"token": "first"}}]}))
    second.write_bytes(data(config({"token": "second"})))
    environ = {"KUBECONFIG": f"{first}:{tmp_path / 'absent'}::{second}", "HOME": str(tmp_path)}
    assert token(load(now, environ=environ)) == "first"
    with pytest.raises(BadKubeconfig, match=f'{first} and {second}: there is no context "no"; there are: west'):
        load(now, context="no", environ=environ)


def test_paths_count_from_the_file_they_stand_in(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "token").write_text("of the file\n")
    (folder / "ca.crt").write_text("an authority")
    file = folder / "config"
    file.write_bytes(data(config({"tokenFile": "token"}, {"certificate-authority": "ca.crt"})))
    access = load(now, path=str(file), environ={})
    assert (token(access), access.authority) == ("of the file", folder / "ca.crt")


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadKubeconfig, match=f"cannot read {tmp_path}/no: No such file or directory"):
        load(now, path=f"{tmp_path}/no", environ={})
    with pytest.raises(BadKubeconfig, match=rf"there is no kubeconfig \(looked for {tmp_path}/.kube/config\)"):
        load(now, environ={"HOME": str(tmp_path)})
    file = tmp_path / "config"
    file.write_bytes(data(config({"tokenFile": "gone"})))
    with pytest.raises(BadKubeconfig, match=f'{file}: user "me": tokenFile: cannot read {tmp_path}/gone'):
        load(now, path=str(file), environ={})


def test_a_token_file_is_read_again_when_it_may_have_changed(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    (tmp_path / "config").write_bytes(data(config({"tokenFile": "token"})))
    moment = NOW
    access = load(lambda: moment, path=str(tmp_path / "config"), environ={})
    assert token(access) == "old"
    (tmp_path / "token").write_text("new")
    assert token(access) == "old"
    moment = NOW + timedelta(seconds=11)
    assert token(access) == "new"
    (tmp_path / "token").write_text("newer")
    assert access.credentials.rejected(asyncio.run(access.credentials.current()))
    assert token(access) == "newer"


def test_in_a_pod_the_service_account_is_the_way_in(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of the pod")
    (tmp_path / "ca.crt").write_text("an authority")
    (tmp_path / "namespace").write_text("volary-system")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    access = in_cluster(now, environ, tmp_path)
    assert (access.server, access.namespace) == ("https://[fd00::1]:6443", "volary-system")
    assert (token(access), access.authority) == ("of the pod", tmp_path / "ca.crt")
