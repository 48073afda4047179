"""A whole cluster over HTTPS: everybody is who their credential says, and gets what roles give them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from volary.embedded.api.auth.identity import User
from volary.embedded.certificate import Authority, Certificate
from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.runtime.clock import SystemClock

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
PODS = "/api/v1/namespaces/default/pods"
ANNA = User("anna", ("staff",))


class Front:
    """The cluster as clients see it."""

    def __init__(self, cluster: EmbeddedCluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder

    @property
    def authority(self) -> Authority:
        assert self.cluster.server.authority
        return self.cluster.server.authority

    def trust(self, certificate: Certificate | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.certificate.decode())
        if certificate:
            path = self.folder / "client.pem"
            path.write_bytes(certificate.certificate + certificate.key)
            context.load_cert_chain(path)
        return context

    async def ask(
        self, path: str, token: str = "", certificate: Certificate | None = None, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Return status and JSON of an answer; a POST if there is a body."""
        sent = {**headers, **({"authorization": f"Bearer {token}"} if token else {})}
        connector = aiohttp.TCPConnector(ssl=self.trust(certificate))
        async with aiohttp.ClientSession(self.cluster.server.url, headers=sent, connector=connector) as session:
            async with session.request("GET" if body is None else "POST", path, json=body) as answer:
                return answer.status, await answer.json()

    async def name(self, token: str = "", certificate: Certificate | None = None, **headers: str) -> str:
        """Return who the server thinks asks, or its refusal's code."""
        status, found = await self.ask(WHO, token, certificate, {}, **headers)
        return str(found["status"]["userInfo"]["username"]) if status == 201 else str(status)

    @property
    def admin(self) -> str:
        return self.cluster.server.identity.token


def play(folder: Path, story: Callable[[Front], Awaitable[None]]) -> None:
    async def whole() -> None:
        wanted = Wanted("west", pods=False, audit=True, users={"correct-horse": ANNA})
        cluster = EmbeddedCluster(wanted, folder / "west", SystemClock())
        running = asyncio.ensure_future(cluster.run())
        await cluster.ready.wait()
        try:
            await story(Front(cluster, folder))
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(whole())


def test_each_credential_names_its_user(tmp_path: Path) -> None:
    async def story(at: Front) -> None:
        ben = at.authority.client("ben", ["builders"])
        stranger = Authority().client("ben", ["system:masters"])
        assert await at.name(at.admin) == "admin"
        assert await at.name("correct-horse") == "anna"
        assert await at.name(certificate=ben) == "ben"
        assert await at.name("wrong", ben) == "ben"
        assert await at.name("wrong") == "401"
        assert await at.name() == "403"  # system:anonymous may not ask who it is
        try:
            assert await at.name(certificate=stranger) in ("401", "403")
        except (aiohttp.ClientError, ConnectionError):
            pass  # the TLS library lets nobody in whose certificate is another authority's

    play(tmp_path, story)


def test_a_token_of_an_account_is_let_in_and_has_its_rights(tmp_path: Path) -> None:
    async def story(at: Front) -> None:
        await at.ask("/api/v1/namespaces/default/serviceaccounts", at.admin, body={"metadata": {"name": "robot"}})
        made = await at.ask("/api/v1/namespaces/default/serviceaccounts/robot/token", at.admin, body={})
        token = made[1]["status"]["token"]
        assert await at.name(token) == "system:serviceaccount:default:robot"
        assert (await at.ask(PODS, token))[0] == 403
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
        subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
        body = {"metadata": {"name": "robot"}, "roleRef": reference, "subjects": [subject]}
        await at.ask("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", at.admin, body=body)
        assert (await at.ask(PODS, token))[0] == 200
        assert (await at.ask("/api/v1/secrets", token))[0] == 403
        log = (at.folder / "west" / "audit.log").read_text()
        assert "system:serviceaccount:default:robot" in log
        assert token not in log
        assert at.admin not in log

    play(tmp_path, story)


def test_groups_that_come_in_headers_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    async def story(at: Front) -> None:
        headers = [("authorization", f"Bearer {at.admin}"), ("impersonate-user", "Ünal"), ("impersonate-group", "a,b"),
                   ("impersonate-group", "c")]  # fmt: skip
        connector = aiohttp.TCPConnector(ssl=at.trust(None))
        async with aiohttp.ClientSession(at.cluster.server.url, connector=connector) as session:
            async with session.post(WHO, json={}, headers=headers) as answer:
                found = (await answer.json())["status"]["userInfo"]
        assert found == {"username": "Ünal", "groups": ["a,b", "c", "system:authenticated"]}

    play(tmp_path, story)
