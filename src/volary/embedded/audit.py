"""Who asked an API server for what: one audit.k8s.io/v1 Event for each request, at level Metadata.

Request counts are read from here, by user agent and field manager. A sink takes the events: a file of JSON lines, or
a list in memory. A watch is told of twice, when it begins (ResponseStarted) and when it ends.

Source: k8s.io/apiserver pkg/audit and pkg/endpoints/request, requestinfo.go (verbs).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from volary.embedded.api.auth.identity import User
from volary.embedded.api.auth.impersonation import user_in
from volary.embedded.api.call import split_path
from volary.kube.transport import Request

log = logging.getLogger(__name__)

Event = dict[str, Any]
Sink = Callable[[Event], None]

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}
OF_COLLECTIONS = {"get": "list", "delete": "deletecollection"}
BY_NAME = "metadata.name="


@dataclass(frozen=True, slots=True)
class Recorder:
    """Makes events and hands them to a sink; `now` and `new_id` are the server's own."""

    sink: Sink
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def begin(self, request: Request, user: User, source: str = "127.0.0.1") -> Entry:
        """Note that a request has come; nothing is written yet."""
        event = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": self.new_id(),
            "stage": "",
            "requestURI": uri_of(request),
            "verb": verb_of(request),
            "user": user.info(),
            "sourceIPs": [source],
            "userAgent": request.headers.get("user-agent", ""),
            "requestReceivedTimestamp": micro_time(self.now()),
        }
        if request.headers.get("impersonate-user"):  # whether they may be that is in the code of the answer
            event["impersonatedUser"] = user_in(request.headers).info()
        about = object_ref(request)
        return Entry(self, event | ({"objectRef": about} if about else {}))


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that is being answered."""

    recorder: Recorder
    event: Event

    def started(self, code: int) -> None:
        """Write that a stream has begun."""
        self._write("ResponseStarted", code)

    def complete(self, code: int) -> None:
        """Write that the answer is out, or that its stream has ended."""
        self._write("ResponseComplete", code)

    def _write(self, stage: str, code: int) -> None:
        moment = micro_time(self.recorder.now())
        status = {"metadata": {}, "code": code}
        self.recorder.sink({**self.event, "stage": stage, "responseStatus": status, "stageTimestamp": moment})


class FileSink:
    """Appends events to a file as JSON lines; nobody else may read it, as names of objects are in it.

    A disk that is full costs lines, never a request: the server goes on, and our log says so once.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._failed = False

    def __call__(self, event: Event) -> None:
        try:
            self._file.write(msgspec.json.encode(event) + b"\n")
        except OSError as error:
            if not self._failed:
                log.warning("cannot write the audit log", extra={"error": error.strerror})
            self._failed = True

    def close(self) -> None:
        self._file.close()


def uri_of(request: Request) -> str:
    """Return path and query as they stood in the request line."""
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    return f"{path}?{urlencode(request.query)}" if request.query else path


def verb_of(request: Request) -> str:
    """Return the verb of a request: of resources Kubernetes' own, else the HTTP method."""
    path = split_path(request.path)
    if path is None:
        return request.method.lower()
    verb = VERBS.get(request.method, request.method.lower())
    if path.name:
        return verb
    if verb == "get" and request.query.get("watch", "").lower() in ("true", "1"):
        return "watch"
    return OF_COLLECTIONS.get(verb, verb)


def object_ref(request: Request) -> dict[str, str]:
    """Return what a request is about, without what is empty."""
    path = split_path(request.path)
    if path is None:
        return {}
    selector = request.query.get("fieldSelector", "")
    selected = selector.removeprefix(BY_NAME) if selector.startswith(BY_NAME) and "," not in selector else ""
    found = {
        "resource": path.plural,
        "namespace": path.namespace,
        "name": path.name or selected,
        "apiGroup": path.group,
        "apiVersion": path.version,
        "subresource": path.subresource,
    }
    return {key: value for key, value in found.items() if value}


def micro_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def field_manager_of(event: Mapping[str, Any]) -> str:
    """Return the field manager that a request named in its query, "" for none."""
    query = str(event.get("requestURI", "")).partition("?")[2]
    return next((part.partition("=")[2] for part in query.split("&") if part.startswith("fieldManager=")), "")
