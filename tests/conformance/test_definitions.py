"""Definitions of others, and objects under them: the real API server and the embedded one answer the same.

The groups get names of their own, so that a cluster that has these definitions keeps them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.conftest import ControlPlanes
from tests.conformance.custom_samples import Sample, samples
from tests.differential.normal import normal
from tests.differential.real import RealServer
from tests.differential.replay import differences, new_server, split_warnings
from volary.embedded.api.server import ApiServer
from volary.kube.transport import Request, Response

pytestmark = pytest.mark.conformance

REAL = Path(__file__).parents[3] / "shared" / "real" / "crds"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
HEADERS = {"accept": "application/json", "content-type": "application/json", "user-agent": "tester/1.0"}
SUFFIX = ".conformance.example.com"
Object = dict[str, Any]
Answer = dict[str, Any]


@cache
def definitions() -> list[Object]:
    """Return the definitions of Gateway API, Istio, Flux and Flagger as they are."""
    bodies = (body for path in sorted(REAL.glob("*.yaml")) for body in yaml.safe_load_all(path.read_text("utf-8")))
    return [body for body in bodies if body and body.get("kind") == "CustomResourceDefinition"]


def renamed(body: Object) -> Object:
    """Return a definition in a group that nobody else uses."""
    group = body["spec"]["group"] + SUFFIX
    meta = {**body["metadata"], "name": body["metadata"]["name"] + SUFFIX}
    return {**body, "metadata": meta, "spec": {**body["spec"], "group": group}}


class Both:
    """The two servers, asked the same."""

    def __init__(self, real: RealServer) -> None:
        self.real = real
        self.embedded: ApiServer = new_server()
        self.ours("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})

    def ours(self, method: str, path: str, body: Any = None) -> Answer:
        where, _, query = path.partition("?")
        parameters = dict(it.split("=") for it in query.split("&") if it)
        sent = json.dumps(body).encode() if body is not None else b""
        answer = self.embedded.handle(Request(method, where, parameters, HEADERS, sent))
        assert isinstance(answer, Response)
        warning = answer.headers.get("warning", "")
        return told(answer.status, answer.body, split_warnings(warning) if warning else [])

    def theirs(self, method: str, path: str, body: Any = None) -> Answer:
        sent = json.dumps(body).encode() if body is not None else None
        status, headers, content = self.real.ask(method, path, HEADERS, sent)
        return told(status, content, headers.get_all("warning") or [])

    def differ(self, method: str, path: str, body: Any) -> list[tuple[str, Any, Any]]:
        return list(differences(self.theirs(method, path, body), self.ours(method, path, body), ""))


def told(status: int, content: bytes, warnings: list[str]) -> Answer:
    """Return an answer as it is compared: what the real server tells in the order of a Go map, sorted."""
    body = normal(json.loads(content))
    if body.get("kind") == "Status" and len((body.get("details") or {}).get("causes") or ()) > 1:
        body["details"]["causes"].sort(key=str)
        body["message"] = sorted(body["message"].split(", "))
    return {"status": status, "body": body, "warnings": sorted(warnings)}


@pytest.fixture(scope="module")
def both(control_planes: ControlPlanes) -> Iterator[Both]:
    """Give the two servers, with the definitions of others served by both."""
    if not REAL.is_dir():
        pytest.skip("The definitions of Gateway API, Istio, Flux and Flagger are not here (../shared/real/crds).")
    servers = Both(RealServer(control_planes.kubeconfig, control_planes.contexts[0]))
    made = [renamed(it) for it in definitions()]
    never = threading.Event()
    try:
        for body in made:
            servers.theirs("POST", CRDS, body)
            assert servers.ours("POST", CRDS, body)["status"] == 201
        for body in made:
            path = (
                f"/apis/{body['spec']['group']}/{body['spec']['versions'][0]['name']}/{body['spec']['names']['plural']}"
            )
            for _ in range(300):
                if servers.theirs("GET", path)["status"] == 200:
                    break
                never.wait(0.1)
        yield servers
    finally:
        for body in made:
            servers.theirs("DELETE", f"{CRDS}/{body['metadata']['name']}")


def test_definitions_are_taken_with_the_same_answers_and_warnings(both: Both) -> None:
    wrong = {
        it["metadata"]["name"]: found
        for it in definitions()
        if (found := both.differ("POST", f"{CRDS}?dryRun=All", it))
    }
    assert not wrong, json.dumps(wrong, indent=1)[:4000]


def test_definitions_stand_in_the_store_as_in_the_real_one(both: Both) -> None:
    names = [renamed(it)["metadata"]["name"] for it in definitions()]
    wrong = {name: found for name in names if (found := both.differ("GET", f"{CRDS}/{name}", None))}
    assert not wrong, json.dumps(wrong, indent=1)[:4000]


def placed(sample: Sample) -> tuple[str, Object]:
    """Return where a sample is posted, and the object."""
    resource, _, spec = sample
    named, _, version = resource.partition("/")
    plural, _, group = named.partition(".")
    kinds = {(it["spec"]["names"]["plural"], it["spec"]["group"]): it["spec"]["names"]["kind"] for it in definitions()}
    api_version = f"{group}{SUFFIX}/{version}"
    body = {"apiVersion": api_version, "kind": kinds[plural, group], "metadata": {"name": "sample"}, "spec": spec}
    return f"/apis/{api_version}/namespaces/default/{plural}?dryRun=All", body


def test_objects_are_taken_and_refused_alike(both: Both) -> None:
    wrong = {}
    for sample in samples():
        if found := both.differ("POST", *placed(sample)):
            wrong[f"{sample[0]}: {sample[1]}"] = found
    assert not wrong, json.dumps(wrong, indent=1)[:8000]
