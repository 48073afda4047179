"""The whole way in real time: `git push` over smart HTTP with a password, to objects in an embedded cluster."""

from __future__ import annotations

import asyncio
import base64
import random
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.sync_world import NoHttp, config_map, git_repository, kustomization, message, ready
from tests.unit.sources.repository import git, make_repository
from volary.demo.git_server import GitServer
from volary.embedded.api.server import ApiServer
from volary.embedded.transport import InProcess
from volary.kube.client import Client
from volary.kube.objects import NewObject, Object, Resource, dig
from volary.kube.resources import CONFIG_MAPS, DEFINITIONS, GIT_REPOSITORIES, KUSTOMIZATIONS, NAMESPACES, SECRETS
from volary.runtime.clock import SystemClock
from volary.runtime.cluster import Cluster
from volary.runtime.events import Recorder
from volary.runtime.informer import Informers
from volary.sources.git import GitFetcher
from volary.sync.controllers import controllers
from volary.sync.definitions import definitions

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git program here")

PASSWORD = "sesame-open"


def secret() -> NewObject:
    data = {"username": "flux", "password": PASSWORD}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": "apps"},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


async def prepare(client: Client, url: str) -> None:
    for definition in definitions():
        await client.create(DEFINITIONS, definition)
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
    await client.create(SECRETS, secret())
    await client.create(GIT_REPOSITORIES, git_repository(url=url, interval="200ms", secretRef={"name": "login"}))
    await client.create(KUSTOMIZATIONS, kustomization(interval="10m"))


async def until(client: Client, resource: Resource, name: str, true: Any) -> Object:
    """Wait for an object to be so, by a watch."""
    informer = Informers(client, SystemClock()).get(resource, "apps")
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(informer.run())
        await informer.until(lambda: true(informer.get(name, "apps") or {}), 20)
        task.cancel()
    return informer.get(name, "apps") or {}


async def story(folder: Path) -> None:
    clock = SystemClock()
    api = ApiServer("member", clock.now, random.Random(1), lambda: str(uuid.uuid4()))
    client = Client(InProcess(api))
    cluster = Cluster("", client, Informers(client, clock), NoHttp(), Recorder(client, clock), clock)
    repository, fetcher = make_repository(folder), GitFetcher(folder / "cache")
    async with GitServer(folder / "served", "flux", PASSWORD) as server, asyncio.TaskGroup() as group:
        await prepare(client, f"{server.url}/app.git")
        running: list[Any] = [cluster.informers, *controllers(cluster, fetcher)]
        tasks = [group.create_task(made.run()) for made in running]
        first = repository.commit({"deploy/one.yaml": config_map("one", a="1")})
        await until(client, KUSTOMIZATIONS, "app", applied(first))
        second = repository.commit({"deploy/one.yaml": config_map("one", a="2")})
        await until(client, CONFIG_MAPS, "one", lambda obj: dig(obj, "data", "a") == "2")
        git(repository.work, "reset", "-q", "--hard", first)
        forced = repository.commit({"deploy/one.yaml": config_map("one", a="3")}, "rewritten")
        await until(client, KUSTOMIZATIONS, "app", applied(forced))
        pin = {"spec": {"ref": {"commit": second}}}
        await client.patch(GIT_REPOSITORIES, "app", pin, "apps")
        lost = await until(client, GIT_REPOSITORIES, "app", lambda obj: ready(obj)[0] == "False")
        assert f'{second} is not in the branch "main"' in message(lost)
        await client.patch(GIT_REPOSITORIES, "app", {"spec": {"ref": {"commit": first}}}, "apps")
        await until(client, CONFIG_MAPS, "one", lambda obj: dig(obj, "data", "a") == "1")
        await client.patch(SECRETS, "login", {"data": {"password": base64.b64encode(b"wrong").decode()}}, "apps")
        await client.patch(GIT_REPOSITORIES, "app", {"spec": {"ref": {"commit": None}}}, "apps")
        out = await until(client, GIT_REPOSITORIES, "app", lambda obj: ready(obj) == ("False", "AuthenticationFailed"))
        assert "wrong" not in message(out)
        for task in tasks:
            task.cancel()
    await fetcher.close()


def applied(commit: str) -> Any:
    return lambda obj: commit in str(dig(obj, "status", "lastAppliedRevision"))


def test_a_push_a_force_push_a_pin_and_a_wrong_password(tmp_path: Path) -> None:
    asyncio.run(story(tmp_path))
    left = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert PASSWORD.encode() not in left
