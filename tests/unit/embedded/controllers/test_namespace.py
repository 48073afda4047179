from __future__ import annotations

import asyncio

from tests.unit.embedded.small_cluster import Small, deployment, play, service
from volary.embedded.controllers.namespace import SYSTEM_NAMESPACES
from volary.embedded.controllers.objects import name_of, status_of


def test_system_namespaces_are_there_and_each_is_furnished() -> None:
    async def story(cluster: Small) -> None:
        await asyncio.sleep(1)
        names = [name_of(each) for each in cluster.local.items("/namespaces")]
        assert sorted([*SYSTEM_NAMESPACES, "test"]) == names
        for name in names:
            assert cluster.local.get("/serviceaccounts", name, "default") is not None
            assert "ca.crt" in cluster.get("/configmaps", "kube-root-ca.crt", name)["data"]

    play(story)


def test_what_was_furnished_and_deleted_comes_back() -> None:
    async def story(cluster: Small) -> None:
        await asyncio.sleep(1)
        cluster.local.delete("/serviceaccounts", "test", "default")
        await asyncio.sleep(1)
        assert cluster.local.get("/serviceaccounts", "test", "default") is not None

    play(story)


def test_a_deleted_namespace_takes_everything_with_it() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(), "kubectl")
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)
        cluster.local.delete("/namespaces", "", "test")
        await asyncio.sleep(10)
        assert cluster.local.get("/namespaces", "", "test") is None
        assert [each for each in cluster.local.resources() if cluster.local.items(each, "test")] == []
        assert not any(child.answers for child in cluster.processes.started)

    play(story)


def test_what_holds_a_namespace_is_named() -> None:
    async def story(cluster: Small) -> None:
        metadata = {"name": "held", "namespace": "test", "finalizers": ["example.com/mine"]}
        cluster.local.create("/configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, "kubectl")
        await asyncio.sleep(1)
        cluster.local.delete("/namespaces", "", "test")
        await asyncio.sleep(10)
        told = [
            (each["type"], each["status"], each["reason"], each["message"])
            for each in status_of(cluster.get("/namespaces", "test", ""))["conditions"]
        ]
        assert told == AS_THE_REAL_ONE_SAYS

        cluster.change(lambda obj: obj["metadata"].pop("finalizers"), "/configmaps", "held")
        await asyncio.sleep(10)
        assert cluster.local.get("/namespaces", "", "test") is None

    play(story)


# Recorded from kube-controller-manager 1.36.3.
AS_THE_REAL_ONE_SAYS = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "False",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "False",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "False",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    (
        "NamespaceContentRemaining",
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 1 resource instances",
    ),
    (
        "NamespaceFinalizersRemaining",
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/mine in 1 resource instances",
    ),
]
