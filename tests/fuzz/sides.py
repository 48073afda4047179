"""The two servers that are compared: one small interface, answers with all that differs by nature replaced."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

from tests.differential.normal import manager, normal
from tests.differential.real import RealServer
from tests.differential.record import AGENT, parsed
from tests.differential.replay import ask, differences, new_server
from tests.fuzz.moves import Move, edited
from volary.embedded.api.server import ApiServer

Answer = dict[str, Any]
JSON = "application/json"


class Side(Protocol):
    """One API server."""

    def ask(self, method: str, path: str, content_type: str, body: Any) -> Answer:
        """Return status, body and warnings, nothing replaced."""
        ...


class Real:
    """A real server over one connection."""

    def __init__(self, server: RealServer) -> None:
        self.server = server
        self.line: http.client.HTTPSConnection | None = None

    def ask(self, method: str, path: str, content_type: str, body: Any) -> Answer:
        headers = {
            "accept": JSON,
            "user-agent": AGENT,
            "content-type": content_type,
            "authorization": f"Bearer {self.server.token}",
        }
        sent = None if body is None else json.dumps(body).encode()
        if self.line is None:
            url = self.server.url
            self.line = http.client.HTTPSConnection(url.hostname or "", url.port, context=self.server.trust, timeout=30)
        try:
            self.line.request(method, path, sent, headers)
            answer = self.line.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        value = parsed(content, answer.headers.get("content-type", ""))
        return {"status": answer.status, "body": value, "warnings": answer.headers.get_all("warning") or []}

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None


class Ours:
    """The embedded server."""

    def __init__(self, server: ApiServer | None = None) -> None:
        self.server = server or new_server()

    def ask(self, method: str, path: str, content_type: str, body: Any) -> Answer:
        headers = {"content-type": content_type}
        answer = ask(self.server, {"method": method, "path": path, "headers": headers, "body": body}, {})
        value = parsed(answer.body, answer.headers.get("content-type", ""))
        header = answer.headers.get("warning", "")
        warnings = [it if it.startswith("299") else f"299{it}" for it in header.split(", 299")] if header else []
        return {"status": answer.status, "body": value, "warnings": warnings}


def make(side: Side, move: Move) -> Answer:
    """Return the answer to a move, and the object after it, as both servers should have them."""
    body = move.body
    before = side.ask("GET", move.object, JSON, None)["body"]
    if move.edits is not None:
        read = side.ask("GET", move.path.partition("?")[0], JSON, None)
        if read["status"] != 200:
            return comparable(read, before, before)
        body = edited(read["body"], move.edits)
    answer = side.ask(move.method, move.path, move.content_type, body)
    after = side.ask("GET", move.object, JSON, None)["body"]
    return comparable(answer, before, after)


def comparable(answer: Answer, before: Any, after: Any) -> Answer:
    old, new = (it["metadata"].get("resourceVersion") if isinstance(it, dict) else it for it in (before, after))
    return {
        "status": answer["status"],
        "body": settled(normal(answer["body"])),
        "warnings": sorted(answer["warnings"]),
        "after": settled(normal(after)),
        "written": old != new,
    }


def settled(body: Any) -> Any:
    """Return a body with lists of errors sorted: the real server walks maps in a random order."""
    if not isinstance(body, dict) or body.get("kind") != "Status":
        return body
    found = {**body, "message": unordered(owners_sorted(body.get("message", "")))}
    details = body.get("details")
    if isinstance(details, dict) and details.get("causes"):
        causes = [{**it, "message": owners_sorted(it.get("message", ""))} for it in details["causes"]]
        causes.sort(key=lambda it: json.dumps(it, sort_keys=True))
        found["details"] = {**details, "causes": causes}
    return found


PRINTED = 'Invalid value: "{'


def owners_sorted(text: str) -> str:
    """Return a message with the managers of an object in it sorted, as in bodies: the server orders them by time."""
    start = text.find(PRINTED) + len(PRINTED) - 2
    try:
        shown, end = json.JSONDecoder().raw_decode(text, start) if PRINTED in text else ("", 0)
        obj = json.loads(shown)
        obj["metadata"]["managedFields"].sort(key=manager)
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    return text[:start] + json.dumps(json.dumps(obj)) + text[end:]


UNDECLARED = re.compile(r"\.[\w-]+: field not declared")  # of several the server tells one, at random
BETWEEN = re.compile(r", (?=spec|status|metadata|unknown|\S+: )|\n *(?=\.)|[\[\]]")


def unordered(text: str) -> Any:
    """Return a message's errors sorted, where it has several; conflicts keep their order."""
    if text.startswith("Apply failed"):
        return text
    parts = BETWEEN.split(UNDECLARED.sub(".?: field not declared", text))
    return sorted(parts) if len(parts) > 1 else text


def compared(real: Answer, ours: Answer) -> Iterator[tuple[str, Any, Any]]:
    yield from differences(real, ours, "")
