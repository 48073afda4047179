"""`volary get`: aligned for people, whole for programs, across the clusters of a hub, and on and on with -w."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.cli.asking import Volary
from tests.unit.cli.embedded import Servers
from tests.unit.cli.objects import NEW
from volary.cli.follow import follow
from volary.cli.get import Page
from volary.cli.places import Place
from volary.kube.client import Client, Listing
from volary.kube.errors import Expired, Forbidden, Unreachable
from volary.kube.objects import NewObject, Resource
from volary.kube.resources import FLEET_ROLLOUT_RUNS
from volary.sim.loop import run_virtually


def columns(line: str) -> list[str]:
    return re.split(r"\s{3,}", line)


def test_clusters_are_aligned_under_their_columns(volary: Volary) -> None:
    lines = volary.good("get", "clusters").splitlines()
    assert columns(lines[0]) == ["NAME", "REACHABLE", "REASON", "FEATURES", "VERSION", "AGE"]
    assert [columns(line)[:5] for line in lines[1:]] == [
        ["dark", "False", "Refused", "canary", "v1.36.3"],
        ["east", "True", "Connected", "canary", "v1.36.3"],
        ["west", "True", "Connected", "canary", "v1.36.3"],
    ]
    assert {line.index("canary") for line in lines[1:]} == {lines[0].index("FEATURES")}


def test_rollouts_say_which_commit_and_which_run(volary: Volary) -> None:
    header, line = volary.good("get", "rollouts").splitlines()
    assert columns(header) == ["NAMESPACE", "NAME", "READY", "COMMIT", "RUN", "STATUS", "AGE"]
    assert columns(line)[:6] == ["apps", "podinfo", "True", "3b07c11", "podinfo-9f1c2ab", "9f1c2ab on 0/2"]


def test_runs_say_what_they_wait_for(volary: Volary) -> None:
    lines = volary.good("get", "runs").splitlines()
    assert columns(lines[1])[:7] == ["apps", "podinfo-88aa01c", "88aa01c", "RolledBack", "-", "0/2", "-"]
    assert columns(lines[2])[3:7] == ["Holding", "1/1 all", "0/2", "ClusterDegradedBefore"]


def test_json_holds_whole_objects(volary: Volary) -> None:
    listed = volary("get", "runs", "podinfo-9f1c2ab", "-o", "json").json()
    assert listed["kind"] == "List"
    [run] = listed["items"]
    assert run["kind"] == "FleetRolloutRun"
    assert run["spec"]["revision"]["commit"] == NEW
    assert run["status"]["hold"]["cluster"] == "east"


def test_a_namespace_narrows_the_list(volary: Volary) -> None:
    answered = volary("get", "runs", "-n", "test")
    assert (answered.status, answered.out, answered.err) == (0, "", "volary: there are no runs\n")
    assert volary("get", "runs", "-n", "test", "-o", "json").json()["items"] == []


def test_a_name_that_is_not_there_lists_those_that_are(volary: Volary) -> None:
    sentence = volary("get", "rollouts", "podinfoo").one_sentence()
    assert sentence == 'rollouts: there is no "podinfoo"; there are: apps/podinfo'


def test_canaries_of_a_hub_are_those_of_its_clusters(volary: Volary) -> None:
    answered = volary("get", "canaries")
    assert answered.status == 0
    lines = answered.out.splitlines()
    assert columns(lines[0]) == ["CLUSTER", "NAMESPACE", "NAME", "PHASE", "WEIGHT", "FAILED", "CHANGED"]
    assert [columns(line)[:6] for line in lines[1:]] == [
        ["east", "test", "podinfo", "Succeeded", "0", "1"],
        ["west", "test", "podinfo", "Progressing", "30", "1"],
    ]
    assert answered.err == "volary: not in this list: dark (127.0.0.1:1: connection refused)\n"


def test_json_of_many_clusters_says_where_each_is(volary: Volary) -> None:
    items = volary("get", "canaries", "-o", "json").json()["items"]
    assert [(item["cluster"], item["kind"]) for item in items] == [("east", "Canary"), ("west", "Canary")]


def test_canaries_of_a_member_are_its_own(volary: Volary) -> None:
    lines = volary.good("get", "canaries", "--context", "west").splitlines()
    assert columns(lines[0])[0] == "NAMESPACE"
    assert columns(lines[1])[:3] == ["test", "podinfo", "Progressing"]


# -- watching, on a client that plays a script


def run_object(version: int, phase: str, name: str = "podinfo-1") -> NewObject:
    return {
        "apiVersion": "volary.dev/v1alpha1",
        "kind": "FleetRolloutRun",
        "metadata": {"name": name, "namespace": "apps", "resourceVersion": str(version)},
        "status": {"phase": phase},
    }


class Scripted:
    """Stands for a client: each watch plays the next scene, then ends; after the last it is Forbidden."""

    def __init__(self, *scenes: list[tuple[str, NewObject]] | Exception, relist: list[NewObject] | None = None) -> None:
        self.scenes = list(scenes)
        self.relist = relist or []
        self.opened: list[str] = []

    async def list(self, resource: Resource, namespace: str = "", limit: int = 0) -> Listing:
        return Listing(self.relist, "50")

    @asynccontextmanager
    async def watch(
        self, resource: Resource, version: str, namespace: str = ""
    ) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        self.opened.append(version)
        if not self.scenes:
            raise Forbidden({"code": 403, "message": "the end"})
        scene = self.scenes.pop(0)
        if isinstance(scene, Exception):
            raise scene

        async def events() -> AsyncIterator[Mapping[str, Any]]:
            for kind, obj in scene:
                yield {"type": kind, "object": obj}

        yield events()


def followed(client: Scripted, as_json: bool = False) -> None:
    """Watch runs until the script ends."""
    place = Place("", client, Listing([run_object(1, "Pending")], "1"))  # type: ignore[arg-type]
    page = Page("runs", "", as_json, many=False)
    page.first([place], watch=True)
    with pytest.raises(Forbidden):
        run_virtually(follow(place, FLEET_ROLLOUT_RUNS, "", page.listener("")))


def test_a_watch_prints_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    followed(Scripted([("MODIFIED", run_object(2, "Progressing")), ("DELETED", run_object(3, "Succeeded"))]))
    lines = [columns(line) for line in capsys.readouterr().out.splitlines()]
    assert [line[3] for line in lines] == ["PHASE", "Pending", "Progressing", "Progressing"]
    assert lines[-1][-1] == "deleted"


def test_a_watch_that_ends_goes_on_where_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    client = Scripted([("MODIFIED", run_object(2, "Progressing"))], [("BOOKMARK", run_object(7, ""))], [])
    followed(client)
    assert client.opened == ["1", "2", "7", "7"]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_version_that_is_too_old_lists_anew_and_prints_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    gone = Expired({"code": 410, "reason": "Expired", "message": "too old"})
    followed(Scripted(gone, relist=[run_object(40, "Succeeded"), run_object(41, "Pending", "podinfo-2")]))
    said = capsys.readouterr()
    assert [columns(line)[1] for line in said.out.splitlines()] == ["NAME", "podinfo-1", "podinfo-1", "podinfo-2"]
    assert said.err == ""


def test_a_server_that_is_away_is_said_once_and_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    away = Unreachable("Refused", "127.0.0.1:1: connection refused")
    followed(Scripted(away, away, away, [("MODIFIED", run_object(2, "Progressing"))]))
    said = capsys.readouterr()
    assert said.err == "volary: 127.0.0.1:1: connection refused; still trying\n"
    assert "Progressing" in said.out


def test_a_watch_in_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    followed(Scripted([("MODIFIED", run_object(2, "Progressing"))]), as_json=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith('{"apiVersion"') for line in lines] == [True, True]


def test_a_watch_sees_a_change_on_a_real_server(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        client: Client = servers.client("hub")
        place = Place("", client, await client.list(FLEET_ROLLOUT_RUNS))
        page = Page("runs", "podinfo-88aa01c", False, many=False)
        seen = asyncio.Event()
        tell = page.listener("")

        def changed(change: Any) -> None:
            tell(change)
            seen.set()

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(follow(place, FLEET_ROLLOUT_RUNS, "apps", changed))
            await client.patch(
                FLEET_ROLLOUT_RUNS, "podinfo-88aa01c", {"status": {"stage": "1/1 all"}}, "apps", subresource="status"
            )
            async with asyncio.timeout(10):
                await seen.wait()
            watching.cancel()

    servers.do(story())
    assert "1/1 all" in capsys.readouterr().out
