"""The real control planes run, and answer as they were recorded: the transcripts are not out of date."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.conftest import ControlPlanes
from tests.differential.real import RealServer
from tests.differential.record import real_server, record
from tests.differential.replay import differences, transcript
from tests.differential.scripts import ALL
from tests.differential.steps import Script

pytestmark = pytest.mark.conformance
# As far as a controller of the server has come by then, or by whichever of two bindings it looks at first.
NEVER_TWICE_THE_SAME = {
    ("definitions-names", "its names are free"),
    ("definitions-names", "and taken"),
    ("reviews", "may anna see a path"),
}


def unordered(response: Any) -> Any:
    """Return an answer whose causes, which may come in the order of a Go map, are in one order, in the message too."""
    body = response.get("body")
    causes = (body.get("details") or {}).get("causes") if isinstance(body, dict) else None
    if not causes:
        return response
    sorted_causes = sorted(causes, key=lambda it: json.dumps(it, sort_keys=True))
    message = sorted(re.split(r"[\[\], ]+", body.get("message", "")))
    return {**response, "body": {**body, "message": message, "details": {**body["details"], "causes": sorted_causes}}}


@pytest.fixture(scope="module")
def quiet_server() -> Iterator[RealServer]:
    """Start a real API server without controllers, which would write in between."""
    if not shutil.which("go") and "DIFF_KUBECONFIG" not in os.environ:
        pytest.skip("The real control plane is built with Go, which is not on this machine.")
    with real_server() as server:
        yield server


def test_all_of_them_are_ready(control_planes: ControlPlanes) -> None:
    for context in control_planes.contexts:
        server = RealServer(control_planes.kubeconfig, context)
        assert server.json("GET", "/version")["major"] == "1"


@pytest.mark.parametrize("script", ALL, ids=lambda it: it.name)
def test_the_transcripts_are_still_what_it_answers(quiet_server: RealServer, script: Script) -> None:
    lines = json.loads(json.dumps(record(quiet_server, script)))
    for old, new in zip(transcript(script.name), lines, strict=True):
        if (script.name, old["name"]) not in NEVER_TWICE_THE_SAME:
            found = differences(unordered(old["response"]), unordered(new["response"]), "")
            assert not list(found), old["name"]
