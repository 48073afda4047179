"""A hub and two members, prepared once for all tests of the command line, and a way to run `volary` on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.asking import Answered, Volary
from tests.unit.cli.embedded import Servers, serving
from tests.unit.cli.objects import fill_hub, fill_member


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A hub whose members are west, east and one that is not there; and a server with nothing in it."""
    with serving(tmp_path_factory.mktemp("servers"), "hub", "west", "east", "bare") as running:
        for name in ("hub", "west", "east"):
            running.do(running.prepare(name))
        for name in ("west", "east"):
            running.do(fill_member(running.client(name), name))
        running.do(fill_hub(running))
        yield running


@pytest.fixture
def volary(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Volary:
    """Run `volary ARGUMENTS` against the hub."""
    monkeypatch.setenv("KUBECONFIG", str(servers.kubeconfig))
    monkeypatch.setenv("VOLARY_BY", "ada")
    return Volary()


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volary:
    """Run `volary ARGUMENTS` where there is no cluster and no kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return Volary()


__all__ = ["Answered"]
