"""One cluster as the front sees it: who may ask, what is answered, and what of it is written down."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from volary.embedded.api.answers import Answer, Logs, Proxy, Watch
from volary.embedded.api.auth.identity import Authenticator, User
from volary.embedded.api.errors import Problem, internal
from volary.embedded.audit import Entry, Recorder
from volary.embedded.front.health import Checks, Health
from volary.embedded.front.incoming import Incoming
from volary.embedded.front.metrics import Label, Metrics, Objects
from volary.embedded.front.peer import Peer
from volary.embedded.outside import Nothing, Outside
from volary.embedded.transport import Api, refusal
from volary.kube.transport import Request, Response

log = logging.getLogger(__name__)

METRICS_PATH = "/metrics"
GONE = 499  # the client went before an answer was there
UNAUTHORIZED = refusal(Problem(401, "Unauthorized", "Unauthorized"))
BUG = refusal(internal("the server failed to answer; its log says why"))


class Clock(Protocol):
    """Whoever counts seconds."""

    moment: int


class Stream(Protocol):
    """An answer that goes on, as the connection holds it."""

    status: int  # 0 while nothing is written

    @property
    def keeps_line(self) -> bool:
        """May another answer follow on the same line?"""
        ...

    def flush(self) -> None:
        """Go on: the client has read."""
        ...

    def end(self) -> None:
        """Come to an end: the server stops, or the cluster goes."""
        ...

    def drop(self) -> None:
        """Give up: the client has gone."""
        ...


@dataclass(slots=True)
class Going:
    """An answer that goes on, until `finish`."""

    site: Site
    answer: Watch | Logs | Proxy
    label: Label
    entry: Entry | None

    def begin(self, stream: Stream) -> None:
        """Write down that it has begun."""
        self.site.streams.add(stream)
        if self.entry and not isinstance(self.answer, Logs | Proxy):
            self.entry.started(200)

    def finish(self, stream: Stream) -> None:
        """Write down how it ended."""
        self.site.streams.discard(stream)
        self.site.metrics.ended(self.label, stream.status or GONE)
        if self.entry:
            self.entry.complete(stream.status or GONE)


class Site:
    """One cluster."""

    def __init__(
        self,
        api: Api,
        authenticator: Authenticator,
        outside: Outside | None = None,
        audit: Recorder | None = None,
        checks: Checks | None = None,
        objects: Objects = dict,
    ) -> None:
        """`checks`: what else than the process itself has to be well. `objects`: how many there are of each kind."""
        self.api = api
        self.authenticator = authenticator
        self.outside: Outside = outside or Nothing()
        self.audit = audit
        self.health = Health(checks or {})
        self.metrics = Metrics(objects)
        self.streams: set[Stream] = set()
        self.authority = ""  # the name of who signs its clients' certificates
        self._date: tuple[object, int, bytes] = (None, 0, b"")

    def user(self, headers: Mapping[str, str], peer: Peer) -> User | None:
        """Return who asks; None: answer 401. A certificate that another authority signed says nothing here."""
        certificate = peer.certificate if peer.certificate and peer.issuer == self.authority else None
        return self.authenticator.user(headers, certificate)

    def date(self, clock: Clock) -> bytes:
        """Return the line with the date, made anew with each moment of a port's clock."""
        known, moment, line = self._date
        if known is not clock or moment != clock.moment:
            line = f"date: {self.api.date()}\r\n".encode()
            self._date = (clock, clock.moment, line)
        return line

    def answer(self, incoming: Incoming, user: User | None, remote: str) -> Response | Going:
        """Answer a request, whatever it is; `user` None: somebody whose credential is bad."""
        if user is None:
            self.metrics.count(incoming, 401)
            return UNAUTHORIZED
        entry: Entry | None = None
        try:
            request = incoming.request()
            if self.audit is not None:
                entry = self.audit.begin(request, user, remote)
            found = self._found(incoming, request, user)
        except Problem as problem:
            found = refusal(problem)
        except Exception:
            # The path may be logged, what a client sent with it may not.
            log.exception("a request ended in a bug", extra={"method": incoming.method, "path": incoming.target.path})
            found = BUG
        if isinstance(found, Response):
            self.metrics.count(incoming, found.status)
            if entry:
                entry.complete(found.status)
            return found
        label = self.metrics.begun(incoming)
        return Going(self, found, label, entry)

    def end(self) -> None:
        """End all that goes on: the cluster goes."""
        for stream in tuple(self.streams):
            stream.end()

    def _found(self, incoming: Incoming, request: Request, user: User) -> Answer:
        target = incoming.target
        if target.parts is not None:
            return self.api.handle(request, user)
        if request.method == "HEAD":
            request = Request("GET", request.path, request.query, request.headers, request.body)
        if target.path == METRICS_PATH or self.health.has(target.path):
            # Whether they may know is the API's to say; what there is to know is ours.
            asked = self.api.handle(Request("GET", target.path, {}, request.headers), user)
            if isinstance(asked, Response) and asked.status in (401, 403):
                return asked
            return self._own(target.path, target.query)
        return self.api.handle(request, user)

    def _own(self, path: str, query: Mapping[str, Any]) -> Response:
        if path == METRICS_PATH:
            return self.metrics.answer()
        return self.health.answer(path, query)
