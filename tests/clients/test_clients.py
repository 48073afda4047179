"""Each client's program ends well on the embedded API; and, so that we know it to be right, on a real one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.differential.cluster import running_cluster

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
PROGRAMS = Path(__file__).parent / "programs"
CLIENTS = ("kopf", "kr8s", "kubernetes", "lightkube")
SECONDS = 120

needs_clients = pytest.mark.skipif(not PYTHON.exists(), reason="The other projects' clients come with: make clients")


def play(client: str, kubeconfig: Path, home: Path) -> None:
    """Run a client's program in a namespace of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(kubeconfig)}
    command = [str(PYTHON), str(PROGRAMS / f"with_{client}.py"), str(kubeconfig), f"clients-{client}-{uuid4().hex[:6]}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr[-3000:]}"
    assert done.stdout.endswith("ok: all\n")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    kubeconfig = tmp_path_factory.mktemp("clients") / "kubeconfig"
    with running_cluster(kubeconfig):
        yield kubeconfig


@pytest.mark.clients
@needs_clients
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_works_on_the_embedded_api(client: str, embedded: Path, tmp_path: Path) -> None:
    play(client, embedded, tmp_path)


@pytest.mark.clients
@needs_clients
@pytest.mark.skipif("DIFF_KUBECONFIG" not in os.environ, reason="DIFF_KUBECONFIG names no real cluster to try it on.")
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_works_on_a_real_server(client: str, tmp_path: Path) -> None:
    play(client, Path(os.environ["DIFF_KUBECONFIG"]), tmp_path)
