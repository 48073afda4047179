"""Flagger's own example and podinfo, as their authors wrote them, under Flagger's and Istio's real definitions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.simulation.canary_cluster import NAMESPACE, Play, play
from volary.canary.wire import spec_of
from volary.kube.objects import Resource, dig
from volary.kube.resources import (
    AUTOSCALERS,
    CANARIES,
    DEFINITIONS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    SERVICES,
    VIRTUAL_SERVICES,
)

REAL = Path(__file__).parents[3] / "shared" / "real"
ABSENT = f"{REAL} is not there: the files that others wrote are played only where they are"
NEWER = "ghcr.io/stefanprodan/podinfo:6.0.1"
NEEDED = ("flagger.app", "virtualservices.networking.istio.io", "destinationrules.networking.istio.io")


def documents(path: str) -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all((REAL / path).read_text(), loader) if document]


def expected_lines(canary: dict[str, Any]) -> list[str]:
    """Return the lines of a good release, from the Canary's own steps and hooks."""
    spec = spec_of(canary)
    return [
        "New revision detected! Scaling up podinfo.test",
        "Starting canary analysis for podinfo.test",
        "Pre-rollout check conformance-test passed",
        *(f"Advance podinfo.test canary weight {weight}" for weight in spec.weights),
        "Copying podinfo.test template spec to podinfo-primary.test",
        "Routing all traffic to primary",
        "Promotion completed! Scaling down podinfo.test",
    ]


async def real_definitions(at: Play) -> None:
    """Put the definitions of others in the place of ours."""
    for path in ("crds/flagger.app.yaml", "crds/istio.yaml"):
        for definition in documents(path):
            if definition["metadata"]["name"].endswith(NEEDED):
                await at.client.apply(DEFINITIONS, definition, "kubectl", force=True)


def in_namespace(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "namespace": NAMESPACE}}


@pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT)
def test_flaggers_own_example_is_released() -> None:
    [canary] = documents("flagger/artifacts/examples/istio-canary.yaml")

    async def story(at: Play) -> None:
        await real_definitions(at)
        for resource, path in ((DEPLOYMENTS, "deployment"), (AUTOSCALERS, "hpa")):
            [document] = documents(f"flagger/kustomize/podinfo/{path}.yaml")
            await at.apply(resource, in_namespace(document))
        await at.apply(CANARIES, canary)
        await at.until("Initialized")
        await asyncio.sleep(30)
        await looks_as_flagger_makes_it(at)
        await at.push(NEWER)
        await at.until("Succeeded")
        assert at.told == ["Initialization done! podinfo.test", *expected_lines(canary)]
        assert await at.image("podinfo-primary") == NEWER
        await asyncio.sleep(5)
        before = len(at.requests())
        await asyncio.sleep(600)
        assert at.requests()[before:] == [], "what real definitions add or prune must not be fought over"

    play(story)


async def looks_as_flagger_makes_it(at: Play) -> None:
    async def spec(resource: Resource, name: str) -> Any:
        return dig(await at.client.get(resource, name, NAMESPACE), "spec")

    route = {"destination": {"host": "podinfo-primary", "port": {"number": 80}}, "weight": 100}
    other = {"destination": {"host": "podinfo-canary", "port": {"number": 80}}, "weight": 0}
    assert await spec(VIRTUAL_SERVICES, "podinfo") == {
        "gateways": ["istio-system/public-gateway", "mesh"],
        "hosts": ["app.example.com", "podinfo"],
        "http": [
            {
                "match": [{"uri": {"prefix": "/"}}],
                "rewrite": {"uri": "/"},
                "timeout": "30s",
                "route": [route, other],
            }
        ],
    }
    assert await spec(DESTINATION_RULES, "podinfo-canary") == {
        "host": "podinfo-canary",
        "trafficPolicy": {"tls": {"mode": "DISABLE"}},
    }
    service = await spec(SERVICES, "podinfo-canary")
    assert [(port["name"], port["port"], port["targetPort"]) for port in service["ports"]] == [
        ("http", 80, 9898),
        ("grpc", 9999, 9999),
        ("http-metrics", 9797, 9797),
    ]
    assert service["selector"] == {"app": "podinfo"}
    assert (await spec(SERVICES, "podinfo"))["selector"] == {"app": "podinfo-primary"}
    scaler = await spec(AUTOSCALERS, "podinfo-primary")
    assert (scaler["minReplicas"], scaler["scaleTargetRef"]["name"]) == (2, "podinfo-primary")
