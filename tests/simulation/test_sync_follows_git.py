"""What a push does in a cluster, and what nothing does: at rest no request is made."""

from __future__ import annotations

import asyncio

from tests.simulation.sync_world import URL, World, config_map, message, play, ready, tree
from volary.kube.client import JSON_PATCH
from volary.kube.objects import dig, labels_of, version_of
from volary.kube.resources import CONFIG_MAPS, GIT_REPOSITORIES, KUSTOMIZATIONS, SECRETS
from volary.sources import SourceError


def test_a_push_is_applied_and_then_nothing_is_asked() -> None:
    async def story(world: World) -> None:
        commit = world.repository.push(tree("one", "two"))
        await world.install()
        async with world.running():
            await world.until_applied(commit)
            one = await world.config_map("one")
            assert one is not None
            assert labels_of(one)["kustomize.toolkit.fluxcd.io/name"] == "app"
            assert dig(await world.git(), "status", "artifact", "revision") == f"main@sha1:{commit}"
            requests, asked = len(world.ours.requests), world.repository.asked
            await asyncio.sleep(600)
            assert len(world.ours.requests) == requests
            assert world.repository.asked - asked == 20  # one for each interval

    play(story)


def test_many_objects_cost_one_request_each_a_few_at_a_time() -> None:
    async def story(world: World) -> None:
        names = [f"c{number}" for number in range(300)]
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree(*names)))
            assert len(world.ours.requests) <= len(names) + 20
            assert 1 < world.ours.most <= 8
            world.ours.requests.clear()
            await world.until_applied(world.repository.push(tree(*names[:200])))
            assert len(world.ours.requests) <= 2 * 100 + 10  # a look and a delete each

    play(story)


def test_only_what_changed_is_written() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one", "two")))
            before = await world.config_map("one")
            world.ours.requests.clear()
            second = world.repository.push({**tree("one"), "deploy/two.yaml": config_map("two", a="2")})
            await world.until_applied(second)
            assert await world.config_map("one") == before
            writes = [write for write in world.ours.writes() if "/events" not in write]
            assert [write.rpartition("/")[2] for write in writes] == ["status", "two", "status"]

    play(story)


def test_a_commit_that_changes_only_a_readme_writes_only_the_two_statuses() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one")))
            world.ours.requests.clear()
            await world.until_applied(world.repository.push({**tree("one"), "README.md": "hello"}))
            writes = [write for write in world.ours.writes() if "/events" not in write]
            assert [write.split("/")[-3] for write in writes] == ["gitrepositories", "kustomizations"]

    play(story)


def test_a_pinned_commit_is_followed_at_once_and_costs_no_poll() -> None:
    async def story(world: World) -> None:
        first = world.repository.push(tree("one", a="1"))
        await world.install()
        async with world.running():
            await world.until_applied(first)
            await world.until_applied(world.repository.push(tree("one", a="2")))
            pin = {"spec": {"ref": {"commit": first}}}
            await world.person.patch(GIT_REPOSITORIES, "app", pin, "apps", manager="volary-fleet")
            await world.until_applied(first, seconds=2)
            assert dig(await world.config_map("one"), "data") == {"a": "1"}
            asked = world.repository.asked
            await asyncio.sleep(600)
            assert world.repository.asked == asked

    play(story)


def test_a_commit_outside_the_branch_is_refused_and_the_last_good_state_kept() -> None:
    async def story(world: World) -> None:
        foreign = world.repository.push(tree("one", a="other"), branch="side")
        good = world.repository.push(tree("one"))
        await world.install()
        async with world.running():
            await world.until_applied(good)
            await world.person.patch(GIT_REPOSITORIES, "app", {"spec": {"ref": {"commit": foreign}}}, "apps")

            async def refused() -> bool:
                return ready(await world.git()) == ("False", "GitOperationFailed")

            await world.until(refused)
            assert f'{foreign} is not in the branch "main"' in message(await world.git())
            assert dig(await world.git(), "status", "artifact", "revision") == f"main@sha1:{good}"
            assert ready(await world.ks()) == ("True", "ReconciliationSucceeded")

    play(story)


def test_a_repository_that_fails_says_so_once_and_recovers() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            commit = world.repository.push(tree("one"))
            await world.until_applied(commit)
            world.repository.trouble = SourceError("GitOperationFailed", "cannot reach it: refused")
            await asyncio.sleep(300)
            assert ready(await world.git()) == ("False", "GitOperationFailed")
            assert ready(await world.ks())[0] == "True"
            assert [reason for reason, _ in await world.events()].count("GitOperationFailed") == 1
            world.repository.trouble = None
            await asyncio.sleep(61)
            assert ready(await world.git()) == ("True", "Succeeded")
            kinds = [entry["type"] for entry in dig(await world.git(), "status", "conditions")]
            assert kinds == ["Ready", "ArtifactInStorage"]

    play(story)


def test_somebody_asks_for_a_pass_now() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one")))
            commit = world.repository.push(tree("one", a="2"))
            note = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}
            await world.person.patch(GIT_REPOSITORIES, "app", note, "apps")
            await world.until_applied(commit, seconds=2)
            assert dig(await world.git(), "status", "lastHandledReconcileAt") == "now"
            await world.person.patch(KUSTOMIZATIONS, "app", note, "apps")

            async def handled() -> bool:
                return bool(dig(await world.ks(), "status", "lastHandledReconcileAt") == "now")

            await world.until(handled, seconds=2)

    play(story)


def test_credentials_are_watched_and_a_bad_spec_is_said() -> None:
    async def story(world: World) -> None:
        commit = world.repository.push(tree("one"))
        await world.install()
        login = {"spec": {"secretRef": {"name": "login"}}}
        await world.person.patch(GIT_REPOSITORIES, "app", login, "apps")
        async with world.running():

            async def refused(reason: str) -> bool:
                return ready(await world.git()) == ("False", reason)

            await world.until(lambda: refused("AuthenticationFailed"))
            assert 'no Secret "login"' in message(await world.git())
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "apps"}}
            await world.person.create(SECRETS, secret)
            await world.until_applied(commit, seconds=2)
            change = [{"op": "add", "path": "/spec/verify", "value": {"mode": "HEAD"}}]
            await world.person.patch(GIT_REPOSITORIES, "app", change, "apps", kind=JSON_PATCH)
            await world.until(lambda: refused("InvalidSpec"))
            assert "spec.verify is not supported yet" in message(await world.git())

    play(story)


def test_a_suspended_source_or_kustomization_does_nothing() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            good = world.repository.push(tree("one"))
            await world.until_applied(good)
            await world.person.patch(KUSTOMIZATIONS, "app", {"spec": {"suspend": True}}, "apps")
            await world.person.delete(CONFIG_MAPS, "one", "apps")
            next_one = world.repository.push(tree("one", a="2"))
            await asyncio.sleep(120)
            assert await world.config_map("one") is None
            await world.person.patch(GIT_REPOSITORIES, "app", {"spec": {"suspend": True}}, "apps")
            world.repository.push(tree("one", a="3"))
            await world.person.patch(KUSTOMIZATIONS, "app", {"spec": {"suspend": False}}, "apps")
            await world.until_applied(next_one, seconds=5)
            asked = world.repository.asked
            await asyncio.sleep(120)
            assert world.repository.asked == asked
            assert dig(await world.config_map("one"), "data") == {"a": "2"}

    play(story)


def test_a_restart_at_rest_writes_nothing() -> None:
    async def story(world: World) -> None:
        await world.install()
        async with world.running():
            await world.until_applied(world.repository.push(tree("one", "two")))
            await world.person.patch(GIT_REPOSITORIES, "app", {"spec": {"interval": "1m"}}, "apps")
            await asyncio.sleep(5)
        before, world.ours.requests[:] = version_of(await world.ks()), []
        async with world.running():
            await asyncio.sleep(300)
        assert world.ours.writes() == []
        assert version_of(await world.ks()) == before

    play(story)


def test_urls_are_not_shown_with_secrets() -> None:
    async def story(world: World) -> None:
        await world.install()
        url = URL.replace("https://", "https://me:sesame@")
        await world.person.patch(GIT_REPOSITORIES, "app", {"spec": {"url": url}}, "apps")
        async with world.running():
            await asyncio.sleep(5)
            assert ready(await world.git()) == ("False", "URLInvalid")
            assert "sesame" not in str(await world.events()) + str(dig(await world.git(), "status"))

    play(story)
