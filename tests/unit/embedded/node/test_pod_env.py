from __future__ import annotations

import base64
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from volary.embedded.api.server import ApiServer
from volary.embedded.node.pod_env import Given, Missing

POD = {
    "metadata": {"name": "p", "namespace": "test", "uid": "u", "labels": {"app": "podinfo"}},
    "spec": {
        "nodeName": "node-1",
        "volumes": [
            {"name": "config", "configMap": {"name": "settings"}},
            {"name": "some", "secret": {"secretName": "keys", "items": [{"key": "token", "path": "a/b"}]}},
        ],
    },
}


def given(pod: Any = POD) -> Given:
    local = ApiServer("one", lambda: datetime(2026, 11, 24, tzinfo=UTC), random.Random(1), lambda: "uid").local
    local.create("/namespaces", {"metadata": {"name": "test"}}, "me")
    meta = {"namespace": "test"}
    secret = base64.b64encode(b"hidden").decode()
    local.create("/configmaps", {"metadata": {**meta, "name": "settings"}, "data": {"color": "red"}}, "me")
    local.create("/secrets", {"metadata": {**meta, "name": "keys"}, "data": {"token": secret}}, "me")
    return Given(local, pod, {"status.podIP": "10.1.0.1"})


def reference(kind: str, name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {kind: {"name": name, "key": key, **more}}}


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"name": "X", "value": "plain"}, "plain"),
        ({"name": "X"}, ""),
        (reference("configMapKeyRef", "settings", "color"), "red"),
        (reference("secretKeyRef", "keys", "token"), "hidden"),
        ({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, "p"),
        ({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}, "podinfo"),
        ({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}, "10.1.0.1"),
        ({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}, "node-1"),
    ],
)
def test_a_variable_has_its_value(entry: dict[str, Any], value: str) -> None:
    assert given().environment({"env": [entry]})["X"] == value


def test_a_variable_may_use_those_before_it() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]
    assert given().environment({"env": env}) == {"A": "1", "B": "12"}


def test_a_whole_map_comes_with_a_prefix_and_single_variables_win() -> None:
    source = [{"prefix": "UI_", "configMapRef": {"name": "settings"}}]
    env = [{"name": "UI_other", "value": "x"}]
    assert given().environment({"envFrom": source, "env": env}) == {"UI_color": "red", "UI_other": "x"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (reference("configMapKeyRef", "nobody", "k"), 'configmap "nobody" not found'),
        (reference("secretKeyRef", "keys", "nothing"), "couldn't find key nothing in secret test/keys"),
    ],
)
def test_what_is_missing_is_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(Missing, match=message):
        given().environment({"env": [entry]})


def test_what_is_optional_may_be_missing() -> None:
    assert given().environment({"env": [reference("secretKeyRef", "nobody", "k", optional=True)]}) == {}


def test_volumes_become_files() -> None:
    assert given().files() == {"volumes/config/color": b"red", "volumes/some/a/b": b"hidden"}
    container = {"volumeMounts": [{"name": "config", "mountPath": "/etc/config/"}]}
    assert given().mounts(container) == {"/etc/config": "volumes/config"}


def test_no_file_leaves_its_volume() -> None:
    volume = {"name": "v", "configMap": {"name": "settings", "items": [{"key": "color", "path": "../../x"}]}}
    with pytest.raises(Missing, match="leaves the volume"):
        given({**POD, "spec": {"volumes": [volume]}}).files()
