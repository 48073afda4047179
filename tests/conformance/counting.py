"""A transport that notes what goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from volary.kube.http import HttpTransport
from volary.kube.transport import Request, Response, Stream


class Counting:
    """Around a real one."""

    def __init__(self, inner: HttpTransport) -> None:
        self.inner = inner
        self.paths: list[str] = []

    async def request(self, request: Request) -> Response:
        self.paths.append(f"{request.method} {request.path}")
        return await self.inner.request(request)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        self.paths.append(f"{request.method} {request.path} stream")
        async with self.inner.stream(request) as stream:
            yield stream

    async def close(self) -> None:
        await self.inner.close()
