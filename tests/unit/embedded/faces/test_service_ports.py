"""From a service to its pods: names and numbers of ports, readiness, and the words when there is nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from volary.embedded.api.answers import Proxy
from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Local
from volary.embedded.api.verbs.service_ports import SLICE_OF, endpoints_of, split_target

SERVICE = {"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80}, {"name": "grpc", "port": 90}]}}
SLICE: dict[str, Any] = {
    "metadata": {"name": "web-1", "labels": {SLICE_OF: "web"}},
    "endpoints": [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
        {"addresses": ["10.0.0.3"]},
    ],
    "ports": [{"name": "http", "port": 8080}, {"name": "grpc", "port": 9090}],
}


class Objects:
    """A cluster with one service and its slices."""

    def __init__(self, slices: list[Mapping[str, Any]]) -> None:
        self.slices = slices

    def get(self, resource: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        return SERVICE if name == "web" else None

    def items(self, resource: str, namespace: str | None = None) -> list[Mapping[str, Any]]:
        return self.slices


def ask(port: str, service: str = "web", slices: list[Mapping[str, Any]] | None = None) -> list[tuple[str, int]]:
    objects = Objects([SLICE] if slices is None else slices)
    return endpoints_of(cast("Local", objects), Proxy("test", service, port, "http", "/"))


@pytest.mark.parametrize("port", ["http", "80"])
def test_only_ready_pods_are_found_by_name_and_by_number(port: str) -> None:
    assert ask(port) == [("10.0.0.1", 8080), ("10.0.0.3", 8080)]


@pytest.mark.parametrize(
    ("port", "service", "slices", "code", "message"),
    [
        ("http", "nope", None, 404, 'services "nope" not found'),
        ("81", "web", None, 503, 'no service port 81 found for service "web"'),
        ("http", "web", [], 503, 'no endpoints available for service "web"'),
        ("", "web", None, 503, 'no endpoints available for service "web"'),
    ],
)
def test_nobody_there(port: str, service: str, slices: Any, code: int, message: str) -> None:
    with pytest.raises(Problem) as problem:
        ask(port, service, slices)
    assert (problem.value.code, problem.value.message) == (code, message)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("web", ("http", "web", "")),
        ("web:80", ("http", "web", "80")),
        ("https:web:80", ("https", "web", "80")),
        (":web:80", ("http", "web", "80")),
        ("ftp:web:80", None),
        ("a:b:c:d", None),
        ("", None),
    ],
)
def test_the_name_of_a_target(text: str, target: tuple[str, str, str] | None) -> None:
    assert split_target(text) == target
