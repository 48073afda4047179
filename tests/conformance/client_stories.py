"""What the client must live through on any API server; played on the real one and on the embedded one over HTTPS."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.conformance.counting import Counting
from volary.kube.client import Client
from volary.kube.credentials import REREAD
from volary.kube.errors import Unauthorized
from volary.kube.guarded import Guarded
from volary.kube.http import HttpTransport
from volary.kube.keeping import Packed
from volary.kube.kubeconfig import Access, load
from volary.kube.kubeconfig_file import User
from volary.kube.kubeconfig_user import impersonation
from volary.kube.objects import NewObject, Resource, dig, name_of
from volary.kube.resources import AUTOSCALERS, CONFIG_MAPS, DEPLOYMENTS, NAMESPACES
from volary.kube.transport import Request
from volary.runtime.clock import SystemClock
from volary.runtime.informer import Informer

PATIENCE_SECONDS = 60.0
ACCOUNTS = Resource("v1", "ServiceAccount", "serviceaccounts")
WHO = Resource("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False)
Story = Callable[[Access, str], Awaitable[None]]


def play(kubeconfig: Path, story: Story, context: str = "") -> None:
    """Play a story with a way in and a new namespace."""

    async def run() -> None:
        access = load(SystemClock().now, str(kubeconfig), context)
        async with client_of(access) as client, asyncio.timeout(3 * PATIENCE_SECONDS):
            name = f"client-{SystemClock().new_id()[:8]}"
            await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            try:
                await story(access, name)
            finally:
                await client.delete(NAMESPACES, name)

    asyncio.run(run())


@asynccontextmanager
async def client_of(access: Access, seconds: float = 30.0) -> AsyncIterator[Client]:
    counting = Counting(HttpTransport(access))
    client = Client(Guarded(counting, SystemClock().rng), "conformance", seconds, streams_lists=True)
    try:
        yield client
    finally:
        await client.close()


def counted(client: Client) -> Counting:
    """Return what counts the requests that really go out."""
    assert isinstance(client.transport, Guarded)
    assert isinstance(client.transport.inner, Counting)
    return client.transport.inner


def config_map(namespace: str, name: str = "one", **data: str) -> NewObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


@asynccontextmanager
async def watching(client: Client, namespace: str) -> AsyncIterator[Informer]:
    informer = Informer(client, CONFIG_MAPS, SystemClock(), namespace, form=Packed("data"))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(informer.run())
        await informer.synced.wait()
        yield informer
        running.cancel()


def names(informer: Informer) -> set[str]:
    return {name_of(obj) for obj in informer.items()} - {"kube-root-ca.crt"}


async def a_list_is_streamed(access: Access, namespace: str) -> None:
    async with client_of(access) as client:
        for number in range(7):
            await client.create(CONFIG_MAPS, config_map(namespace, f"n{number}", key=str(number)))
        counted(client).paths.clear()
        async with watching(client, namespace) as informer:
            assert names(informer) == {f"n{number}" for number in range(7)}
            assert client.streams_lists
            await client.delete(CONFIG_MAPS, "n3", namespace)
            assert await informer.until(lambda: "n3" not in names(informer), PATIENCE_SECONDS)
            assert dig(informer.get("n5", namespace), "data") == {"key": "5"}
        asked = [path for path in counted(client).paths if path.startswith("GET")]
        assert asked == [f"GET {CONFIG_MAPS.path(namespace)} stream"], "the list and the watch were one request"


async def discovery_takes_two_requests(access: Access, namespace: str) -> None:
    async with client_of(access) as client:
        assert await client.resource_for("apps/v1", "Deployment") == DEPLOYMENTS
        assert await client.resource_for("v1", "ConfigMap") == CONFIG_MAPS
        assert await client.discovery.preferred("autoscaling", "HorizontalPodAutoscaler") == AUTOSCALERS
        assert counted(client).paths == ["GET /api", "GET /apis"]


async def we_can_act_as_somebody_else(access: Access, namespace: str) -> None:
    jane = User(impersonate="jane", impersonate_groups=["dev", "ops"], impersonate_extra={"team/x": ["a b"]})
    async with client_of(replace(access, impersonation=impersonation(jane, "here"))) as client:
        seen = await who(client)
        assert seen["username"] == "jane"
        assert {"dev", "ops"} <= set(seen["groups"])
        assert seen["extra"] == {"team/x": ["a b"]}


async def who(client: Client) -> NewObject:
    body = {"apiVersion": WHO.api_version, "kind": WHO.kind}
    made = await client.create(WHO, body)
    found: NewObject = made["status"]["userInfo"]
    return found


def a_token_that_is_replaced_is_used(folder: Path) -> Story:
    """Return a story; its token file first holds one that has ended, as after a long sleep."""

    async def story(access: Access, namespace: str) -> None:
        async with client_of(access) as admin:
            tokens = {name: await token_of(admin, namespace, name) for name in ("first", "second")}
        file, moment = folder / "token", [SystemClock().now()]
        file.write_text("of.old.times")
        config = kubeconfig_of(access, {"tokenFile": str(file)}, folder)
        async with client_of(load(lambda: moment[0], str(config))) as client:
            with pytest.raises(Unauthorized):
                await who(client)
            file.write_text(tokens["first"])  # read again after a 401
            assert (await who(client))["username"] == f"system:serviceaccount:{namespace}:first"
            file.write_text(tokens["second"])
            moment[0] += 2 * REREAD  # and when some time has passed
            assert (await who(client))["username"] == f"system:serviceaccount:{namespace}:second"

    return story


async def token_of(client: Client, namespace: str, name: str) -> str:
    """Make a service account; return a token of it."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
    await client.create(ACCOUNTS, account)
    body = msgspec.json.encode({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    headers = {"content-type": "application/json"}
    answer = await client.raw(Request("POST", ACCOUNTS.path(namespace, name, "token"), {}, headers, body))
    assert answer.status == 201, answer.body
    return str(msgspec.json.decode(answer.body)["status"]["token"])


def kubeconfig_of(access: Access, user: dict[str, str], folder: Path) -> Path:
    """Write a kubeconfig for the same server with another user."""
    authority = access.authority.read_bytes() if isinstance(access.authority, Path) else access.authority
    cluster = {"server": access.server, "certificate-authority-data": base64.b64encode(authority).decode()}
    document = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
        "clusters": [{"name": "it", "cluster": {name: value for name, value in cluster.items() if value}}],
        "users": [{"name": "me", "user": user}],
    }
    file = folder / "kubeconfig"
    file.write_bytes(msgspec.json.encode(document))
    return file
