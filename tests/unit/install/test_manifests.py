"""What `volary install` prints is applied as it is; what others brought stays theirs; `uninstall` takes ours out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from tests.unit.cli.asking import Volary
from tests.unit.cli.embedded import Servers
from tests.unit.cli.objects import create, named
from volary.fleet.names import FINALIZER, RELEASE_PINS
from volary.install import FEATURES, MADE_BY_US, definitions, manifests
from volary.kube.client import Client
from volary.kube.objects import NewObject, annotations_of, deleting, labels_of, name_of, namespace_of
from volary.kube.resources import DEFINITIONS, FLEET_ROLLOUTS

THEIRS = "canaries.flagger.app"


def parsed(text: str) -> list[NewObject]:
    return [document for document in yaml.safe_load_all(text) if document]


async def apply(client: Client, objects: list[NewObject]) -> None:
    """Do as `kubectl apply --server-side -f -` does, in the order printed."""
    for obj in objects:
        resource = await client.resource_for(obj["apiVersion"], obj["kind"])
        await client.apply(resource, obj, "kubectl", force=True)


def installed(servers: Servers, *words: str, volary: Volary) -> list[NewObject]:
    objects = parsed(volary.good("install", *words, "--context", "bare"))
    servers.do(apply(servers.client("bare"), objects))
    return objects


def test_install_is_applied_and_again_and_taken_out(servers: Servers, volary: Volary) -> None:
    first = installed(servers, volary=volary)
    again = installed(servers, volary=volary)
    assert [(one["kind"], name_of(one)) for one in again] == [(one["kind"], name_of(one)) for one in first]
    client = servers.client("bare")
    plan = volary.good("uninstall", "--context", "bare")
    assert "Nothing was done; add --yes to do it." in plan
    assert "Done." in volary.good("uninstall", "--context", "bare", "--yes")
    left = {name_of(one) for one in servers.do(client.list(DEFINITIONS)).items}
    assert {name.partition(".")[2] for name in left} == {
        "flagger.app",
        "networking.istio.io",
        "kustomize.toolkit.fluxcd.io",
        "source.toolkit.fluxcd.io",
    }
    for obj in first:
        if obj["kind"] in ("Deployment", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"):
            resource = servers.do(client.resource_for(obj["apiVersion"], obj["kind"]))
            assert servers.do(client.get(resource, name_of(obj), namespace_of(obj))) is None, name_of(obj)
    servers.do(empty(client))


async def empty(client: Client) -> None:
    for one in (await client.list(DEFINITIONS)).items:
        await client.delete(DEFINITIONS, name_of(one))


def test_what_others_installed_is_not_printed_and_ours_is_upgraded(servers: Servers, volary: Volary) -> None:
    client = servers.client("bare")
    theirs = next(one for one in definitions() if name_of(one) == THEIRS)
    servers.do(client.create(DEFINITIONS, {**theirs, "metadata": {"name": THEIRS}}))
    try:
        printed = {name_of(one) for one in parsed(volary.good("install", "--context", "bare"))}
        assert THEIRS not in printed
        assert {"metrictemplates.flagger.app", "clusters.volary.dev"} <= printed
        assert THEIRS in {name_of(one) for one in parsed(volary.good("install", "--context", "bare", "--offline"))}
        servers.do(client.patch(DEFINITIONS, THEIRS, {"metadata": {"labels": MADE_BY_US}}))
        assert THEIRS in {name_of(one) for one in parsed(volary.good("install", "--context", "bare"))}
    finally:
        servers.do(empty(client))


def test_only_the_crds_of_what_runs_are_printed(volary: Volary) -> None:
    text = volary.good("install", "--crds-only", "--offline", "--features", "canary", "--context", "bare")
    assert {one["spec"]["group"] for one in parsed(text)} == {"flagger.app", "networking.istio.io"}
    assert all(labels_of(one).items() >= MADE_BY_US.items() for one in parsed(text))


def test_a_member_gets_an_account_and_no_deployment(servers: Servers, volary: Volary) -> None:
    found = parsed(volary.good("install", "--member", "--features", "canary", "--context", "west"))
    kinds = [one["kind"] for one in found]
    assert "Deployment" not in kinds
    assert "Secret" in kinds
    assert {name_of(one) for one in found if one["kind"] == "ClusterRole"} == {
        "volary-member",
        "volary-canary",
        "volary-proxy",
    }
    servers.do(apply(servers.client("west"), found))
    sentence = volary("install", "--member", "--features", "fleet", "--context", "west").one_sentence()
    assert "fleet is for the hub itself" in sentence


def test_features_and_image_are_in_the_deployment() -> None:
    [deployment] = [one for one in manifests(("canary",), "registry.example/volary:1") if one["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/volary:1"
    assert container["args"][:3] == ["run", "--features", "canary"]


def test_an_unknown_feature_is_refused_by_name(volary: Volary) -> None:
    sentence = volary("install", "--features", "canari", "--offline").one_sentence()
    assert sentence == '--features "canari": canari is none; choose from canary, sync, fleet'
    assert FEATURES == ("canary", "sync", "fleet")


# -- uninstall, with somebody in the place of the controllers


@pytest.fixture
def held(servers: Servers, volary: Volary) -> NewObject:
    """A FleetRollout that holds pins, in a cluster where Volary is installed."""
    installed(servers, "--features", "fleet", volary=volary)
    spec: Any = {"source": {"gitRepositoryRef": {"name": "a"}}, "stages": [{"name": "all", "clusterSelector": {}}]}
    meta = named("shop", "default", finalizers=[FINALIZER])
    return servers.do(create(servers.client("bare"), FLEET_ROLLOUTS, {"metadata": meta, "spec": spec}))


async def let_go(client: Client, seen: list[NewObject]) -> None:
    """Take the finalizer off as soon as the FleetRollout is being deleted, as the controllers do."""
    async with asyncio.timeout(15):
        while True:
            there = await client.get(FLEET_ROLLOUTS, "shop", "default")
            if there is None:
                return
            if deleting(there):
                seen.append(there)
                await client.patch(FLEET_ROLLOUTS, "shop", {"metadata": {"finalizers": None}}, "default")
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("words", "asked"), [((), None), (("--release-pins",), "true")])
def test_pins_are_kept_or_released_before_anything_else_goes(
    words: tuple[str, ...], asked: str | None, servers: Servers, volary: Volary, held: NewObject
) -> None:
    assert name_of(held) == "shop"
    assert servers.loop is not None
    seen: list[NewObject] = []
    helper = asyncio.run_coroutine_threadsafe(let_go(servers.client("bare"), seen), servers.loop)
    said = volary.good("uninstall", "--context", "bare", "--yes", *words)
    helper.result(15)
    assert ("released: each member follows its branch again" in said) == bool(words)
    assert annotations_of(seen[0]).get(RELEASE_PINS) == asked
    servers.do(empty(servers.client("bare")))


def test_without_controllers_nothing_else_is_removed(
    servers: Servers, volary: Volary, held: NewObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("volary.cli.removal.GONE_SECONDS", 0.2)
    client = servers.client("bare")
    answered = volary("uninstall", "--context", "bare", "--yes")
    assert answered.status == 1
    assert "default/shop: still there" in answered.err
    assert "is `volary run` at work? Nothing else was removed" in answered.err
    assert "clusters.volary.dev" in {name_of(one) for one in servers.do(client.list(DEFINITIONS)).items}
    servers.do(client.patch(FLEET_ROLLOUTS, "shop", {"metadata": {"finalizers": None}}, "default"))
    servers.do(empty(client))
