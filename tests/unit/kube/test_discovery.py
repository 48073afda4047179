"""Which kinds a server has: two requests where it tells all at once, one for each group where not, none when known."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from volary.kube.discovery import Discovery
from volary.kube.errors import Forbidden, NotFound
from volary.kube.objects import Resource
from volary.kube.resources import DEPLOYMENTS, NAMESPACES, PODS

WIDGETS = Resource("a.b/v1", "Widget", "widgets")
OLDER = Resource("a.b/v1beta1", "Widget", "widgets")
GADGETS = Resource("a.b/v1beta1", "Gadget", "gadgets")


class Server:
    """Serves these resources, the versions of a group in this order."""

    def __init__(self, *resources: Resource, aggregated: bool = True) -> None:
        self.resources = list(resources)
        self.aggregated = aggregated
        self.asked: list[str] = []
        self.discovery = Discovery(self.ask)

    async def ask(self, path: str, accept: str) -> tuple[str, bytes]:
        self.asked.append(path)
        if path in ("/api", "/apis") and self.aggregated:
            assert "v=v2" in accept
            kind = "application/json; g=apidiscovery.k8s.io; v=v2; as=APIGroupDiscoveryList"
            return kind, msgspec.json.encode({"items": self.groups(path)})
        return "application/json", msgspec.json.encode(self.old(path))

    def groups(self, path: str) -> list[Any]:
        found: dict[str, dict[str, list[Any]]] = {}
        for one in self.resources:
            if bool(one.group) == (path == "/apis"):
                version = one.api_version.rpartition("/")[2]
                scope = "Namespaced" if one.namespaced else "Cluster"
                entry = {"resource": one.plural, "responseKind": {"kind": one.kind}, "scope": scope}
                found.setdefault(one.group, {}).setdefault(version, []).append(entry)
        return [
            {"metadata": {"name": group}, "versions": [{"version": v, "resources": r} for v, r in versions.items()]}
            for group, versions in found.items()
        ]

    def old(self, path: str) -> Any:
        if path in ("/api", "/apis"):
            return {"kind": "APIGroupList"}
        name = path.removeprefix("/apis/").removeprefix("/api/")
        versions = dict.fromkeys(one.api_version for one in self.resources if one.group == name)
        if versions:
            return {"versions": [{"groupVersion": version} for version in versions]}
        entries = [
            {"name": one.plural, "kind": one.kind, "namespaced": one.namespaced}
            for one in self.resources
            if one.api_version == name
        ]
        if not entries:
            raise NotFound({"code": 404})
        return {"resources": [*entries, {"name": f"{entries[0]['name']}/status", "kind": "Other", "namespaced": True}]}

    def find(self, api_version: str, kind: str) -> Resource:
        return asyncio.run(self.discovery.find(api_version, kind))


def test_two_requests_tell_everything() -> None:
    server = Server(PODS, NAMESPACES, DEPLOYMENTS, WIDGETS)
    for one in server.resources:
        assert server.find(one.api_version, one.kind) == one
    assert server.asked == ["/api", "/apis"]


def test_a_server_without_it_is_asked_for_one_group_and_version_at_a_time() -> None:
    server = Server(PODS, DEPLOYMENTS, WIDGETS, aggregated=False)
    assert server.find("a.b/v1", "Widget") == WIDGETS
    assert server.find("v1", "Pod") == PODS
    with pytest.raises(NotFound, match=r'no kind "Other" in "a\.b/v1"'):
        server.find("a.b/v1", "Other")
    assert server.asked == ["/api", "/apis/a.b/v1", "/api/v1", "/apis/a.b/v1"]


@pytest.mark.parametrize("error", [Forbidden({"code": 403}), NotFound({"code": 404})])
def test_who_may_not_see_all_may_still_see_one(error: Exception) -> None:
    server = Server(WIDGETS)
    ask = server.ask

    async def closed(path: str, accept: str) -> tuple[str, bytes]:
        if path in ("/api", "/apis"):
            raise error
        return await ask(path, accept)

    server.discovery._ask = closed
    assert server.find("a.b/v1", "Widget") == WIDGETS


def test_a_kind_that_comes_later_is_found_and_one_that_went_is_forgotten() -> None:
    server = Server(PODS)
    with pytest.raises(NotFound):
        server.find("a.b/v1", "Widget")
    server.resources.append(WIDGETS)
    assert server.find("a.b/v1", "Widget") == WIDGETS
    assert server.asked == ["/api", "/apis", "/apis/a.b/v1", "/apis/a.b/v1"]
    server.resources.remove(WIDGETS)
    assert server.find("a.b/v1", "Widget") == WIDGETS
    server.discovery.forget(WIDGETS)
    with pytest.raises(NotFound):
        server.find("a.b/v1", "Widget")


@pytest.mark.parametrize("aggregated", [True, False])
def test_the_preferred_version_is_the_first_that_has_the_kind(aggregated: bool) -> None:
    server = Server(PODS, WIDGETS, OLDER, GADGETS, aggregated=aggregated)
    assert asyncio.run(server.discovery.preferred("a.b", "Widget")) == WIDGETS
    assert asyncio.run(server.discovery.preferred("a.b", "Gadget")) == GADGETS
    assert asyncio.run(server.discovery.preferred("", "Pod")) == PODS
    with pytest.raises(NotFound, match=r'no kind "Gizmo" in "a\.b"'):
        asyncio.run(server.discovery.preferred("a.b", "Gizmo"))


def test_many_who_ask_at_once_make_one_of_each_request() -> None:
    async def main() -> None:
        server = Server(PODS, WIDGETS)
        found = await asyncio.gather(*[server.discovery.find("a.b/v1", "Widget") for _ in range(20)])
        assert set(found) == {WIDGETS}
        assert server.asked == ["/api", "/apis"]

    asyncio.run(main())
