"""The API of an embedded cluster in this process, behind the same seam as a real one over HTTPS.

No sockets and no threads: in virtual time a watch, its bookmarks and its timeout go by the event loop's clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from volary.embedded.api.answers import Answer, Logs, Proxy
from volary.embedded.api.auth.identity import ADMIN, User, master
from volary.embedded.api.errors import Problem
from volary.embedded.audit import Entry, Recorder
from volary.embedded.feed import Feed
from volary.embedded.outside import Nothing, Outside
from volary.kube.transport import Request, Response, Stream

JSON = {"content-type": "application/json"}
TEXT = {"content-type": "text/plain"}


class Api(Protocol):
    """The part of an API server that answers; refusals come as answers, too."""

    def handle(self, request: Request, user: User) -> Answer: ...

    def date(self) -> str:
        """Return the server's time as the `Date` header has it: clients go by it, not by their own clock."""
        ...


class InProcess:
    """A `kube.transport.Transport` to an API server in this process."""

    def __init__(
        self,
        api: Api,
        user: User | str = ADMIN,
        outside: Outside | None = None,
        audit: Recorder | None = None,
        user_agent: str = "volary",
    ) -> None:
        self.api = api
        self.user = master(user) if isinstance(user, str) else user
        self.outside: Outside = outside or Nothing()
        self.audit = audit
        self.user_agent = user_agent
        self._open: set[Feed] = set()

    async def request(self, request: Request) -> Response:
        """Return the whole answer; of a watch what there is now, of a log what is there."""
        entry = self._note(request)
        response = self._dated(await self._whole(request))
        if entry:
            entry.complete(response.status)
        return response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        """Open an answer that goes on."""
        entry = self._note(request)
        answer = self.api.handle(self._with_agent(request), self.user)
        status = answer.status if isinstance(answer, Response) else 200
        if entry and not isinstance(answer, Response):
            entry.started(status)
        try:
            async with self._stream_of(answer, request) as stream:
                status = stream.status
                yield stream
        finally:
            if entry:
                entry.complete(status)

    async def close(self) -> None:
        """End the watches that are open."""
        for feed in tuple(self._open):
            feed.end()

    async def _whole(self, request: Request) -> Response:
        answer = self.api.handle(self._with_agent(request), self.user)
        if isinstance(answer, Response):
            return answer
        try:
            if isinstance(answer, Proxy):
                return await self.outside.fetch(answer, request)
            if isinstance(answer, Logs):
                written = await self.outside.logs(answer)
                return Response(200, TEXT, b"".join([chunk async for chunk in written]))
        except Problem as problem:
            return refusal(problem)
        found: list[bytes] = []
        answer.open(found.append)
        answer.close()
        return Response(200, answer.headers, b"".join(found))

    @asynccontextmanager
    async def _stream_of(self, answer: Answer, request: Request) -> AsyncIterator[Stream]:
        if isinstance(answer, Response):
            yield Ready(self._dated(answer))
        elif isinstance(answer, Logs | Proxy):
            try:
                if isinstance(answer, Logs):
                    stream: Stream = Live(200, TEXT, await self.outside.logs(answer))
                else:
                    stream = Ready(await self.outside.fetch(answer, request))
            except Problem as problem:
                stream = Ready(refusal(problem))
            yield stream
        else:
            with Feed(answer) as feed:
                self._open.add(feed)
                try:
                    yield Live(200, {**answer.headers, "date": self.api.date()}, feed.chunks())
                finally:
                    self._open.discard(feed)

    def _dated(self, response: Response) -> Response:
        if "date" in response.headers:  # a service behind a proxy has its own clock
            return response
        return Response(response.status, {**response.headers, "date": self.api.date()}, response.body)

    def _note(self, request: Request) -> Entry | None:
        return self.audit.begin(self._with_agent(request), self.user) if self.audit else None

    def _with_agent(self, request: Request) -> Request:
        if "user-agent" in request.headers:
            return request
        return with_header(request, "user-agent", self.user_agent)


class Ready:
    """A stream whose bytes are all there."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._body = response.body

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._body:
            yield self._body


class Live:
    """A stream that goes on."""

    def __init__(self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._chunks = chunks

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks


def with_header(request: Request, name: str, value: str) -> Request:
    headers = {**request.headers, name: value}
    return Request(request.method, request.path, request.query, headers, request.body, request.timeout_seconds)


def refusal(problem: Problem) -> Response:
    """Return the answer for a Problem from outside."""
    return Response(problem.code, {**JSON, **problem.headers}, msgspec.json.encode(problem.status()))
