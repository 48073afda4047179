from __future__ import annotations

import pytest

from volary.embedded.node.image_table import (
    LOADTESTER,
    PODINFO,
    NotRunnable,
    arguments,
    expand,
    find,
    ports,
    split_image,
)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/stefanprodan/podinfo:6.0.0", ("ghcr.io/stefanprodan/podinfo", "6.0.0")),
        ("docker.io/stefanprodan/podinfo", ("stefanprodan/podinfo", "latest")),
        ("localhost:5000/podinfo", ("localhost:5000/podinfo", "latest")),
        ("stefanprodan/podinfo:6.1.0@sha256:0123456789abcdef", ("stefanprodan/podinfo", "6.1.0")),
        ("stefanprodan/podinfo@sha256:0123456789abcdef", ("stefanprodan/podinfo", "0123456789ab")),
    ],
)
def test_an_image_is_split_into_repository_and_version(image: str, expected: tuple[str, str]) -> None:
    assert split_image(image) == expected


def test_an_unknown_image_is_refused_with_the_list() -> None:
    with pytest.raises(NotRunnable) as caught:
        find("nginx:1.27")
    assert caught.value.reason == "ErrImagePull"
    for known in ("ghcr.io/stefanprodan/podinfo", "ghcr.io/fluxcd/flagger-loadtester"):
        assert known in str(caught.value)


@pytest.mark.parametrize("command", [["sh", "-c", "rm -rf /"], ["/bin/podinfo2"], ["podcli", "check"]])
def test_a_command_is_read_and_never_run(command: list[str]) -> None:
    with pytest.raises(NotRunnable, match=r"\./podinfo"):
        arguments(PODINFO, {"command": command}, {})


def test_a_command_may_be_the_program_and_its_flags() -> None:
    container = {"command": ["./podinfo", "--port=$(PORT)"], "args": ["--level", "info"]}
    assert arguments(PODINFO, container, {"PORT": "9000"}) == ["--port=9000", "--level", "info"]
    assert arguments(PODINFO, {}, {}) == []
    assert arguments(PODINFO, {"args": ["--port=1"]}, {}) == ["--port=1"]


def test_ports_come_from_flags_environment_and_defaults() -> None:
    assert ports(PODINFO, [], {}) == (9898,)
    assert ports(PODINFO, ["--port=9898", "--port-metrics", "9797"], {}) == (9898, 9797)
    assert ports(PODINFO, [], {"PODINFO_PORT": "8000"}) == (8000,)
    assert ports(PODINFO, ["--port=1", "--port=2"], {}) == (2,)
    assert ports(LOADTESTER, ["-port=8080", "-timeout=1h"], {}) == (8080,)


def test_variables_are_expanded_as_kubernetes_does() -> None:
    assert expand("a $(B) $(C) $$(B) $", {"B": "b"}) == "a b $(C) $(B) $"
