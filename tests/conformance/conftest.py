"""Real control planes for the conformance tests: the testbed's, or a throw-away cluster that DIFF_KUBECONFIG names."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CLUSTERS = 3  # a hub, west and east


class ControlPlanes:
    """A kubeconfig and the contexts in it, one a cluster. `processes` is the testbed's, None for a cluster of yours."""

    def __init__(self, kubeconfig: Path, processes: Any = None) -> None:
        self.kubeconfig = kubeconfig
        self.processes = processes
        config = yaml.safe_load(kubeconfig.read_text("utf-8"))
        self.contexts: list[str] = [entry["name"] for entry in config["contexts"]]


@pytest.fixture(scope="session")
def control_planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlanes]:
    """Start three real control planes, once for all tests; the first start builds them, in about five minutes."""
    if given := os.environ.get("DIFF_KUBECONFIG"):
        yield ControlPlanes(Path(given))
        return
    if not shutil.which("go"):
        pytest.skip(
            "The real control plane is built with Go, which is not on this machine; DIFF_KUBECONFIG may name one."
        )
    directory = tmp_path_factory.mktemp("testbed")
    with testbed().Clusters(directory, clusters=CLUSTERS, audit=True) as running:
        yield ControlPlanes(running.kubeconfig, running)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Any]:
    """Start three control planes with nothing in them, for one test: a hub, west and east; give the testbed's own."""
    if not shutil.which("go"):
        pytest.skip("The real control plane is built with Go, which is not on this machine.")
    with testbed().Clusters(tmp_path / "testbed", clusters=CLUSTERS, audit=True) as running:
        yield running


def testbed() -> Any:
    """Return the module `testbed/testbed.py`, which is not part of a package."""
    spec = importlib.util.spec_from_file_location("testbed", ROOT / "testbed" / "testbed.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["testbed"] = module
    spec.loader.exec_module(module)
    return module


testbed.__test__ = False  # type: ignore[attr-defined]
