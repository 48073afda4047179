"""What `volary install` prints is taken by a real server without a warning, with the stock kubectl."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conformance.conftest import ControlPlanes

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not shutil.which("kubectl"), reason="There is no kubectl on this machine."),
]
SECONDS = 120


@pytest.fixture(scope="module")
def installed(control_planes: ControlPlanes) -> Iterator[ControlPlanes]:
    """Install, test, and take everything away again."""
    manifests = volary(control_planes, "install")
    out = kubectl(control_planes, "apply", "--warnings-as-errors", "-f", "-", given=manifests)
    assert "customresourcedefinition.apiextensions.k8s.io/fleetrollouts.volary.dev created" in out
    yield control_planes
    kubectl(control_planes, "delete", "--ignore-not-found", "--wait=false", "-f", "-", given=manifests)


def volary(planes: ControlPlanes, *arguments: str) -> str:
    command = [sys.executable, "-m", "volary", *arguments, "--kubeconfig", str(planes.kubeconfig)]
    return run([*command, "--context", planes.contexts[-1]])


def kubectl(planes: ControlPlanes, *arguments: str, given: str = "") -> str:
    where = ["--kubeconfig", str(planes.kubeconfig), "--context", planes.contexts[-1]]
    return run(["kubectl", *where, *arguments], given)


def run(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, f"{' '.join(command[:3])} …: {done.stderr}"
    return done.stdout


def test_every_definition_is_established_with_a_structural_schema(installed: ControlPlanes) -> None:
    kubectl(installed, "wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
    definitions = json.loads(kubectl(installed, "get", "crd", "-o", "json"))["items"]
    assert len(definitions) >= 8
    for definition in definitions:
        conditions = {one["type"]: one["status"] for one in definition["status"]["conditions"]}
        assert conditions["NamesAccepted"] == "True"
        assert "NonStructuralSchema" not in conditions, definition["metadata"]["name"]


def test_a_second_install_changes_nothing(installed: ControlPlanes) -> None:
    out = kubectl(installed, "apply", "--warnings-as-errors", "-f", "-", given=volary(installed, "install"))
    assert [line for line in out.splitlines() if not line.endswith("unchanged")] == []


def test_it_is_taken_by_server_side_apply_too(installed: ControlPlanes) -> None:
    manifests = volary(installed, "install", "--offline")
    kubectl(installed, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", given=manifests)


def test_get_lists_what_is_there(installed: ControlPlanes) -> None:
    for what in ("clusters", "rollouts", "runs", "canaries"):
        assert volary(installed, "get", what).strip() == ""
        assert json.loads(volary(installed, "get", what, "-o", "json"))["items"] == []


def test_a_wrong_field_is_refused_by_the_server_itself(installed: ControlPlanes) -> None:
    wrong = {"apiVersion": "volary.dev/v1alpha1", "kind": "FleetRollout", "metadata": {"name": "x"}, "spec": {}}
    with pytest.raises(AssertionError, match=r"spec\.(source|stages|inCluster)"):
        kubectl(installed, "apply", "-f", "-", given=json.dumps(wrong))
