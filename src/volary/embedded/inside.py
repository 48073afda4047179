"""What the API server of a whole embedded cluster reaches: services where they answer, logs where pods wrote them.

Source: kube-apiserver's words for a service without endpoints and a log that is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp

from volary.embedded.api.answers import Logs, Proxy
from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Local
from volary.embedded.api.verbs.service_ports import endpoints_of
from volary.embedded.node.node import Node
from volary.embedded.outside import Address
from volary.kube.transport import Request, Response

LOOK_SECONDS = 0.25  # between two looks at a log that is followed
Resolve = Callable[[str, str, str], Address | None]  # (namespace, service, port)


class Inside:
    """Implements `embedded.outside.Outside` for a cluster with a node and traffic."""

    def __init__(self, local: Local, node: Node, resolve: Resolve) -> None:
        self.local = local
        self.node = node
        self.resolve = resolve

    def address(self, target: Proxy) -> Address:
        """Return where a ready pod of the service listens. Raises: Problem."""
        found = self.resolve(target.namespace, target.service, target.port)
        if found is None:
            endpoints_of(self.local, target)  # says what is missing: the service, its port, or a ready pod
            raise Problem(503, "ServiceUnavailable", f'no endpoints available for service "{target.service}"')
        return found

    async def fetch(self, target: Proxy, request: Request) -> Response:
        """Have the service answer."""
        host, port = self.address(target)
        timeout = aiohttp.ClientTimeout(total=request.timeout_seconds)
        url = f"http://{host}:{port}{target.path}"
        async with aiohttp.ClientSession(timeout=timeout) as session:
            sent = session.request(
                request.method, url, params=dict(request.query), headers=dict(request.headers), data=request.body
            )
            async with sent as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, headers, await answer.read())

    async def logs(self, target: Logs) -> AsyncIterator[bytes]:
        """Return what a container has written; with `follow`, also what it goes on writing until its pod is gone."""
        if target.query.get("previous") in ("true", "1") and not self._restarted(target):
            text = f'previous terminated container "{target.container}" in pod "{target.pod}" not found'
            raise Problem(400, "BadRequest", text)
        return self._chunks(target, self._read(target))

    def _restarted(self, target: Logs) -> bool:
        pod = self.local.get("/pods", target.namespace, target.pod) or {}
        states = (pod.get("status") or {}).get("containerStatuses") or ()
        return any(it["name"] == target.container and it.get("lastState") for it in states)

    def _read(self, target: Logs) -> bytes:
        try:
            return self.node.logs(target.namespace, target.pod, target.container)
        except KeyError:
            where = f'pod "{target.pod}" in namespace "{target.namespace}"'
            raise Problem(400, "BadRequest", f"there is no log of {where}: it has not started") from None

    async def _chunks(self, target: Logs, written: bytes) -> AsyncIterator[bytes]:
        yield last_lines(written, target.query.get("tailLines", ""))
        if target.query.get("follow") not in ("true", "1"):
            return
        while self.local.get("/pods", target.namespace, target.pod) is not None:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                now = self._read(target)
            except Problem:
                return
            if len(now) < len(written):
                written = b""  # the older half was dropped
            if now != written:
                yield now[len(written) :]
            written = now


def last_lines(text: bytes, count: str) -> bytes:
    """Return the last `count` lines, all of them for a text that is no number."""
    if not count.isdigit():
        return text
    lines = text.splitlines(keepends=True)
    return b"".join(lines[len(lines) - min(int(count), len(lines)) :])
