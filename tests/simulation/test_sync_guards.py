"""What sync does not do: delete on a mistake, half-apply a bad commit, fight with those who own a field."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.simulation.sync_world import World, config_map, kustomization, message, play, ready, tree
from volary.kube.objects import dig, labels_of, version_of
from volary.kube.resources import CONFIG_MAPS, DEPLOYMENTS, KUSTOMIZATIONS, NAMESPACES, SERVICES
from volary.sync.memory import MOST_CORRECTIONS

DISABLED = "  annotations: {kustomize.toolkit.fluxcd.io/%s}\n"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:%s", ports: [{containerPort: 80}]}]}
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 9}
"""


def annotated(name: str, annotation: str, value: str = "1") -> str:
    return config_map(name, a=value).replace("\ndata:", "\n" + DISABLED % annotation + "data:")


def test_what_left_git_is_pruned_but_not_what_says_no_or_has_another_owner() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            files = {**tree("gone", "taken"), "deploy/kept.yaml": annotated("kept", 'prune: "Disabled"')}
            await world.until_applied(world.repository.push({**files, **tree("stays")}))
            owner = {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "other"}}}
            await world.person.patch(KUSTOMIZATIONS, "app", {"spec": {"suspend": True}}, "apps")
            await asyncio.sleep(1)
            await world.person.patch(CONFIG_MAPS, "taken", owner, "apps")
            commit = world.repository.push(tree("stays"))
            await asyncio.sleep(60)
            await world.person.patch(KUSTOMIZATIONS, "app", {"spec": {"suspend": False}}, "apps")
            await world.until_applied(commit)
            there = [name for name in ("gone", "taken", "kept", "stays") if await world.config_map(name)]
            assert there == ["taken", "kept", "stays"]
            entries = dig(await world.ks(), "status", "inventory", "entries")
            assert [entry["id"] for entry in entries] == ["apps_stays__ConfigMap"]

    play(story)


def bad_commit(files: dict[str, str], reason: str, words: str) -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one", "two")))
            before = [await world.config_map(name) for name in ("one", "two")]
            bad = world.repository.push(files)
            ks = await world.until_reason(reason)
            assert words in message(ks)
            assert bad in dig(ks, "status", "lastAttemptedRevision")
            assert bad not in dig(ks, "status", "lastAppliedRevision")
            await asyncio.sleep(120)
            assert [await world.config_map(name) for name in ("one", "two")] == before
            assert {entry["id"] for entry in dig(await world.ks(), "status", "inventory", "entries")} >= {
                "apps_one__ConfigMap",
                "apps_two__ConfigMap",
            }
            await world.until_applied(world.repository.push(tree("one", "two", a="9")))

    play(story)


def test_invalid_yaml_keeps_the_last_good_state() -> None:
    bad_commit({**tree("one"), "deploy/two.yaml": "a: [\n"}, "BuildFailed", "deploy/two.yaml line 2: ")


def test_a_path_that_is_gone_deletes_nothing() -> None:
    bad_commit({"README.md": "moved"}, "BuildFailed", "spec.path ./deploy is not a folder of this revision")


def test_an_empty_path_deletes_nothing() -> None:
    bad_commit({"deploy/README.md": "moved"}, "BuildFailed", "has no objects at revision main@sha1:")


def test_one_refused_object_stops_all_of_its_stage() -> None:
    files = {**tree("one", "two", a="2"), "deploy/bad.yaml": config_map("Bad_Name", a="1")}
    bad_commit(files, "ReconciliationFailed", "ConfigMap/apps/Bad_Name is refused (Invalid): ")


def test_a_value_of_a_wrong_type_is_a_refusal_though_servers_answer_500() -> None:
    wrong = {**tree("one", a="2"), "deploy/web.yaml": (DEPLOYMENT % "1").replace("replicas: 3", "replicas: three")}
    bad_commit(wrong, "ReconciliationFailed", "Deployment/apps/web is refused (Invalid): failed to create typed patch")


def test_two_failed_attempts_at_one_revision_can_be_counted() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            bad = world.repository.push({"deploy/bad.yaml": config_map("Bad_Name", a="1")})
            await world.until_reason("ReconciliationFailed")
            await asyncio.sleep(25)
            line = dig(await world.ks(), "status", "history", 0)
            assert (line["lastReconciledStatus"], line["totalReconciliations"]) == ("ReconciliationFailed", 2)
            assert line["metadata"]["revision"] == f"main@sha1:{bad}"
            assert [reason for reason, _ in await world.events()].count("ReconciliationFailed") == 1

    play(story)


def test_a_persons_change_is_put_back_only_where_git_says_otherwise() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one")))
            change = {"metadata": {"labels": {"mine": "yes"}}, "data": {"b": "mine"}}
            await world.person.patch(CONFIG_MAPS, "one", change, "apps")
            await asyncio.sleep(5)
            assert [write for write in world.ours.writes() if "configmaps" in write] == [
                "PATCH /api/v1/namespaces/apps/configmaps/one"
            ]
            await world.person.patch(CONFIG_MAPS, "one", {"data": {"a": "theirs"}}, "apps")
            await asyncio.sleep(1)
            one = await world.config_map("one")
            assert one is not None
            assert (one["data"], labels_of(one)["mine"]) == ({"a": "1", "b": "mine"}, "yes")
            await world.person.delete(CONFIG_MAPS, "one", "apps")
            await asyncio.sleep(1)
            assert await world.config_map("one") is not None

    play(story)


def test_an_object_can_be_paused_by_hand_and_left_to_others_by_git() -> None:
    async def story(world: World) -> None:
        await world.person.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})
        await world.install()
        async with world.running():
            files = {"deploy/once.yaml": annotated("once", "ssa: IfNotPresent")}
            await world.until_applied(world.repository.push({**tree("one"), **files}))
            pause = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}}
            await world.person.patch(CONFIG_MAPS, "one", {**pause, "data": {"a": "mine"}}, "apps")
            files = {"deploy/once.yaml": annotated("once", "ssa: IfNotPresent", "2")}
            await world.until_applied(world.repository.push({**tree("one", a="2"), **files}))
            assert dig(await world.config_map("one"), "data", "a") == "mine"
            assert dig(await world.config_map("once"), "data", "a") == "1"

    play(story)


def test_replicas_of_a_scaled_workload_are_not_gits() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            files = {"deploy/hpa.yaml": AUTOSCALER, "deploy/web.yaml": DEPLOYMENT % "1"}
            await world.until_applied(world.repository.push(files))

            async def replicas() -> Any:
                return dig(await world.person.get(DEPLOYMENTS, "web", "apps"), "spec", "replicas")

            assert await replicas() == 3
            await world.until_applied(world.repository.push({**files, "deploy/web.yaml": DEPLOYMENT % "2"}))
            assert await replicas() == 3  # still ours, and not taken away by leaving it out
            await world.person.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 7}}, "apps", manager="autoscaler")
            await asyncio.sleep(5)
            assert await replicas() == 7
            await world.until_applied(world.repository.push({**files, "deploy/web.yaml": DEPLOYMENT % "3"}))
            assert await replicas() == 7
            image = dig(await world.person.get(DEPLOYMENTS, "web", "apps"), "spec", "template", "spec", "containers", 0)
            assert image["image"] == "web:3"

    play(story)


def test_what_a_canary_made_is_left_alone() -> None:
    async def story(world: World) -> None:
        await world.install()
        owner = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "web", "uid": "u", "controller": True}
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "apps", "ownerReferences": [owner]},
            "spec": {"selector": {"app": "web-primary"}, "ports": [{"port": 80}]},
        }
        made = await world.person.create(SERVICES, service)
        text = (
            "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
        )
        async with world.running():
            await world.until_applied(world.repository.push({"deploy/service.yaml": text}))
            there = await world.person.get(SERVICES, "web", "apps")
            assert there is not None
            assert version_of(there) == version_of(made)

    play(story)


def test_deleting_the_kustomization_deletes_what_it_applied_unless_it_is_suspended() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one", "two")))
            await world.person.delete(KUSTOMIZATIONS, "app", "apps")
            await asyncio.sleep(2)
            assert await world.person.get(KUSTOMIZATIONS, "app", "apps") is None
            assert await world.config_map("one") is None
            await world.person.create(KUSTOMIZATIONS, kustomization())
            await world.until_applied(world.repository.push(tree("one", "two")))
            await world.person.patch(KUSTOMIZATIONS, "app", {"spec": {"suspend": True}}, "apps")
            await world.person.delete(KUSTOMIZATIONS, "app", "apps")
            await asyncio.sleep(2)
            assert await world.person.get(KUSTOMIZATIONS, "app", "apps") is None
            assert await world.config_map("one") is not None

    play(story)


def test_a_bad_spec_is_said_and_changes_nothing() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one")))
            await world.person.patch(KUSTOMIZATIONS, "app", {"spec": {"decryption": {"provider": "sops"}}}, "apps")
            ks = await world.until_reason("InvalidSpec")
            assert message(ks) == "Kustomization apps/app: spec.decryption is not supported yet; remove it"
            assert await world.config_map("one") is not None
            assert ready(ks)[0] == "False"

    play(story)


def test_two_who_want_one_object_do_not_fight_without_end() -> None:
    async def story(world: World) -> None:
        await world.install()
        second = kustomization(path="./second")
        second["metadata"]["name"] = "second"
        await world.person.create(KUSTOMIZATIONS, second)
        async with world.running():
            world.repository.push({**tree("one", a="1"), "second/one.yaml": config_map("one", a="2")})
            await asyncio.sleep(100)
            world.ours.requests.clear()
            await asyncio.sleep(200)
            writes = [write for write in world.ours.writes() if write.endswith("configmaps/one")]
            assert 0 < len(writes) <= 2 * 10 * MOST_CORRECTIONS  # two of them, ten retry intervals
            assert "DriftConflict" in [reason for reason, _ in await world.events()]

    play(story)


def test_what_we_may_not_list_is_said() -> None:
    async def story(world: World) -> None:
        await world.install()
        world.repository.push(tree("one"))
        refused = {
            "kind": "Status",
            "status": "Failure",
            "code": 403,
            "reason": "Forbidden",
            "message": "no list for you",
        }
        world.ours.answer = lambda request: refused if request.path == "/api/v1/configmaps" else None
        async with world.running():
            ks = await world.until_reason("Forbidden")
            assert message(ks) == "cannot list ConfigMap: no list for you"

    play(story)
