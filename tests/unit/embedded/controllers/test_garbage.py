from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.embedded.small_cluster import Small, deployment, play
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import edited, meta, name_of, uid_of


def config_map(name: str, *owners: Object, **metadata: Any) -> NewObject:
    refs = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": name_of(each),
            "uid": uid_of(each),
            "blockOwnerDeletion": True,
        }
        for each in owners
    ]
    body = {"name": name, "namespace": "test", "ownerReferences": refs, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": body}


def make(cluster: Small, name: str, *owners: Object, **metadata: Any) -> Object:
    return cluster.local.create("/configmaps", config_map(name, *owners, **metadata), "kubectl")


def there(cluster: Small, name: str) -> bool:
    return cluster.local.get("/configmaps", "test", name) is not None


def delete_with(cluster: Small, resource: str, obj: Object, finalizer: str) -> None:
    """Delete as the API does for `--cascade=foreground` and `--cascade=orphan`."""
    changed = edited(obj)
    changed["metadata"]["finalizers"] = [finalizer]
    cluster.local.update(resource, changed, "kubectl")
    cluster.local.delete(resource, "test", name_of(obj))


def test_dependents_follow_their_owner() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)
        cluster.local.delete("apps/deployments", "test", "podinfo")
        await asyncio.sleep(5)
        assert cluster.replica_sets() == []
        assert cluster.pods() == []

    play(story)


def test_an_object_stays_while_one_owner_is_left_and_loses_the_other_reference() -> None:
    async def story(cluster: Small) -> None:
        one, two = make(cluster, "one"), make(cluster, "two")
        make(cluster, "child", one, two)
        await asyncio.sleep(0.1)
        cluster.local.delete("/configmaps", "test", "one")
        await asyncio.sleep(0.1)
        child = cluster.get("/configmaps", "child")
        assert [ref["name"] for ref in meta(child)["ownerReferences"]] == ["two"]
        cluster.local.delete("/configmaps", "test", "two")
        await asyncio.sleep(0.1)
        assert not there(cluster, "child")

    play(story)


def test_an_owner_that_never_was_is_as_good_as_gone() -> None:
    async def story(cluster: Small) -> None:
        make(cluster, "child", {"metadata": {"name": "nobody", "uid": "no-such-uid"}})
        await asyncio.sleep(0.1)
        assert not there(cluster, "child")

    play(story)


def test_a_foreground_deletion_ends_with_the_owner() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)
        gone: list[str] = []
        cluster.local.listen(lambda resource, old, new: gone.append(resource) if new is None else None)
        delete_with(cluster, "apps/deployments", cluster.deployment(), "foregroundDeletion")
        await asyncio.sleep(0.01)
        assert cluster.deployment() is not None
        await asyncio.sleep(10)
        workload = [resource for resource in gone if resource in ("/pods", "apps/replicasets", "apps/deployments")]
        assert workload == ["/pods", "/pods", "apps/replicasets", "apps/deployments"]

    play(story)


def test_an_orphan_deletion_leaves_the_dependents_and_they_can_be_adopted_again() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)
        before = {uid_of(pod) for pod in cluster.pods()}
        delete_with(cluster, "apps/deployments", cluster.deployment(), "orphan")
        await asyncio.sleep(5)
        assert cluster.local.get("apps/deployments", "test", "podinfo") is None
        assert [meta(each).get("ownerReferences") for each in cluster.replica_sets()] == [None]
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)
        assert {uid_of(pod) for pod in cluster.pods()} == before
        assert len(cluster.replica_sets()) == 1

    play(story)


def test_a_cycle_of_owners_does_not_spin() -> None:
    async def story(cluster: Small) -> None:
        one = make(cluster, "one")
        two = make(cluster, "two", one)
        changed = config_map("one", two)
        cluster.local.update("/configmaps", {**changed, "metadata": {**meta(one), **changed["metadata"]}}, "kubectl")
        await asyncio.sleep(1)
        passes = cluster.manager.passes
        await asyncio.sleep(60)
        assert cluster.manager.passes == passes
        assert there(cluster, "one")

    play(story)


def test_a_reference_counts_only_if_all_of_it_is_right() -> None:
    async def story(cluster: Small) -> None:
        owner = make(cluster, "owner")
        right = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid_of(owner)}
        wrong = {
            "right": {},
            "other-name": {"name": "another"},
            "other-kind": {"kind": "Secret"},
            "unknown-kind": {"apiVersion": "example.com/v1", "kind": "Thing"},
        }
        for name, part in wrong.items():
            make(cluster, name, ownerReferences=[{**right, **part}])
        await asyncio.sleep(60)
        left = [name for name in wrong if there(cluster, name)]
        assert left == ["right", "unknown-kind"]

    play(story)
