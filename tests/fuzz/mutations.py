"""Recorded requests, spoilt: methods, paths, queries, headers, and bodies as bytes and as JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from volary.kube.transport import Request

TRANSCRIPTS = Path(__file__).parents[1] / "differential" / "transcripts"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "")
TYPES = (
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;charset=\udcff",
    "text/plain",
    ";",
    "",
)
ACCEPTS = (
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf",
    "application/json;as=Table;v=v9;g=",
    "*/*;q=x",
    "",
)
TEXTS = (
    "",
    "x",
    "\x00",
    "a" * 300,
    "é\u2028😀",
    "\ud800",
    "-",
    "..",
    "/",
    "a=b,c notin (d",
    "=",
    "999999999999999999999",
    "0x1",
)
VALUES: list[Any] = [
    None, True, -1, 0, 1.5, 1e308, 2**63, -(2**70), "", "x", "\x00", "\ud800", [], [None], ["a", "a"], {}, {"": None},
    {"a": {"b": []}}, [[[]]], {"$patch": "delete"}, "2026-13-01T00:00:00Z", "1e999Gi", "%",
    {"name": None}, [{"name": "c"}] * 2,
]  # fmt: skip
POINTERS = (
    "",
    "/",
    "/spec",
    "/metadata/name",
    "/spec/-1",
    "/a~2",
    "//",
    "/metadata/managedFields/0",
    "spec",
    "/spec/template/spec/containers/0/ports/99999999999999999999",
)
MANAGER = {"manager": "m", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1"}
FIELDS: list[Any] = [{"f:a": 1}, {"x": {}, "v:{": {}}, {"k:{}": {".": {}}}, {"f:spec": {'k:{"a":1}': {}}}, []]
MANAGERS: list[Any] = [
    *([{}], [], None, "x", [None], [{**MANAGER, "time": "x"}], [{**MANAGER, "apiVersion": "v9"}]),
    *([{**MANAGER, "operation": it, "fieldsV1": fields}] for it in ("Apply", "Update", "x") for fields in FIELDS),
]
FAR = "eyJ2IjogIm1ldGEuazhzLmlvL3YxIiwgInJ2IjogLTEsICJzdGFydCI6ICIuLi8ifQ"  # a token that begins at "../"
QUERIES = (
    ("fieldManager", ("m", "", "x" * 200, "\x00", "\ud800")),
    ("force", ("true", "x", "")),
    ("dryRun", ("All", "x", "")),
    ("fieldValidation", ("Strict", "Ignore", "x")),
    ("labelSelector", ("a=b", "a in (b,c)", "!a", "a in (", "a==b,,", "=", "a notin ()", "\x00", "x" * 500)),
    ("fieldSelector", ("metadata.name=a", "status.phase!=Running", "x=y", "=", "metadata.name=a,", "\\")),
    ("limit", ("1", "0", "-1", "x", "99999999999999999999")),
    ("continue", ("", "x", "eyJ2IjoxfQ", "e30", "W10", "\x00", FAR)),
    ("resourceVersion", ("0", "1", "x", "-1", "99999999999999999999", "1.5", "٣")),
    ("resourceVersionMatch", ("Exact", "NotOlderThan", "x")),
    ("timeoutSeconds", ("1", "x", "-5", "99999999999999999999")),
    ("gracePeriodSeconds", ("0", "-1", "x", "99999999999999999999")),
    ("propagationPolicy", ("Foreground", "Orphan", "x")),
    ("sendInitialEvents", ("true", "x")),
    ("allowWatchBookmarks", ("true", "x")),
    ("pretty", ("true",)),
    ("tailLines", ("x", "-1")),
    ("container", ("c", "\x00")),
)  # fmt: skip


def corpus() -> list[Request]:
    """Return all recorded requests."""
    found = []
    for path in sorted(TRANSCRIPTS.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            recorded = json.loads(line)
            if "request" not in recorded:
                continue  # a body in protobuf, by itself
            sent = recorded["request"]
            where, _, query = sent["path"].partition("?")
            body = sent.get("body")
            content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
            headers = {"accept": "application/json", "user-agent": "fuzz/1.0", **sent["headers"]}
            parameters = dict(parse_qsl(query, keep_blank_values=True))
            found.append(Request(sent["method"], unquote(where), parameters, headers, content))
    return found


class Mutator:
    """Draws recorded requests and spoils most of them in one to three ways."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.corpus = corpus()
        self.ways: list[Callable[[Request], Request]] = [
            *[self.method] + [self.path] * 2 + [self.query] * 2 + [self.header],
            *[self.value] * 4 + [self.structure] * 2 + [self.content],
            *[self.managers, self.operations, self.deep, self.other_body],
        ]

    def next(self) -> Request:
        request = self.rng.choice(self.corpus)
        for _ in range(self.rng.choice([0, 1, 1, 1, 2, 3])):
            request = self.rng.choice(self.ways)(request)
        return request

    def method(self, request: Request) -> Request:
        return changed(request, method=self.rng.choice(METHODS))

    def path(self, request: Request) -> Request:
        parts = request.path.split("/")
        at = self.rng.randrange(len(parts))
        match self.rng.randrange(4):
            case 0:
                parts[at] = self.rng.choice(TEXTS)
            case 1:
                del parts[at]
            case 2:
                parts.insert(
                    at, self.rng.choice(["status", "scale", "x", "namespaces", "watch", "proxy", "log", "eviction"])
                )
            case _:
                parts = self.rng.choice(self.corpus).path.split("/")
        return changed(request, path="/".join(parts) or "/")

    def query(self, request: Request) -> Request:
        query = dict(request.query)
        for name, values in self.rng.sample(QUERIES, self.rng.randint(1, 2)):
            query[name] = self.rng.choice(values)
        if self.rng.random() < 0.1:
            query["watch"] = self.rng.choice(["true", "1", "x"])
        return changed(request, query=query)

    def header(self, request: Request) -> Request:
        name, values = self.rng.choice([("content-type", TYPES), ("accept", ACCEPTS), ("user-agent", TEXTS)])
        return changed(request, headers={**request.headers, name: self.rng.choice(values)})

    def json(self, request: Request) -> Any:
        try:
            return json.loads(request.body)
        except (ValueError, RecursionError):
            return {"metadata": {"name": "a"}}

    def value(self, request: Request) -> Request:
        """Put something odd in the place of a value."""
        return self.edited(request, lambda: copy.deepcopy(self.rng.choice(VALUES)))

    def edited(self, request: Request, draw: Callable[[], Any]) -> Request:
        value = self.json(request)
        place, key = self.place(value)
        if place is None:
            value = draw()
        else:
            place[key] = draw()
        return changed(request, body=encoded(value))

    def place(self, value: Any) -> tuple[Any, Any]:
        """Return a random container inside, and a key of it."""
        found: tuple[Any, Any] = (None, None)
        while isinstance(value, dict | list) and value:
            keys = list(value) if isinstance(value, dict) else list(range(len(value)))
            key = self.rng.choice(keys)
            found = (value, key)
            if self.rng.random() < 0.25:
                break
            value = value[key]
        return found

    def structure(self, request: Request) -> Request:
        """Take a member away, give it another name, or move it elsewhere."""
        value = self.json(request)
        place, key = self.place(value)
        if isinstance(place, dict):
            member = place.pop(key)
            if self.rng.random() < 0.5:
                place[
                    self.rng.choice(
                        [*TEXTS, "spec", "metadata", "name", "$patch", "$retainKeys", "$setElementOrder/env"]
                    )
                ] = member
        elif isinstance(place, list):
            place.insert(key, copy.deepcopy(place[self.rng.randrange(len(place))]))
        return changed(request, body=encoded(value))

    def content(self, request: Request) -> Request:
        """Spoil bytes."""
        body = bytearray(request.body or b"{}")
        match self.rng.randrange(6):
            case 0:
                body = body[: self.rng.randrange(len(body) + 1)]
            case 1:
                body[self.rng.randrange(len(body))] = self.rng.randrange(256)
            case 2:
                body = bytearray(
                    self.rng.choice(
                        [
                            b"",
                            b" ",
                            b"null",
                            b"[]",
                            b"{",
                            b"NaN",
                            b'"x"',
                            b"\xff\xfe",
                            b"k8s\x00",
                            b"1e999",
                            b"- a\n- b",
                            b"a: &x [*x]",
                            b"a: b: c",
                            b"\x00",
                        ]
                    )
                )
            case 3:
                body = bytearray(b'{"kind":"A","kind":"B",' + bytes(body)[1:])
            case 4:
                at = self.rng.randrange(len(body))
                body[at:at] = self.rng.choice([b"\xff", b"\xed\xa0\x80", b"NaN", b"\\ud800", b"Infinity", b"\\u0000"])
            case _:
                at = self.rng.randrange(len(body))
                body[at:at] = bytes(self.rng.randrange(256) for _ in range(4))
        return changed(request, body=bytes(body))

    def managers(self, request: Request) -> Request:
        value = self.json(request)
        if isinstance(value, dict):
            meta = value.setdefault("metadata", {})
            if isinstance(meta, dict):
                meta["managedFields"] = self.rng.choice(MANAGERS)
        return changed(request, body=encoded(value))

    def operations(self, request: Request) -> Request:
        """Make it a JSON patch."""
        made = []
        for _ in range(self.rng.randint(1, 3)):
            operation = {"op": self.rng.choice(["add", "remove", "replace", "move", "copy", "test", "x", None, 1])}
            for name in ("path", "from"):
                operation[name] = self.rng.choice([*POINTERS, None, 5])
            operation["value"] = copy.deepcopy(self.rng.choice(VALUES))
            made.append(operation)
        headers = {**request.headers, "content-type": "application/json-patch+json"}
        return changed(request, method="PATCH", headers=headers, body=encoded(made))

    def deep(self, request: Request) -> Request:
        depth = self.rng.choice([100, 1_000, 100_000])
        text = self.rng.choice([b'{"a":', b"["])
        closing = b"1" + (b"}" if text == b'{"a":' else b"]") * depth if self.rng.random() < 0.7 else b""
        return changed(request, body=text * depth + closing)

    def other_body(self, request: Request) -> Request:
        return changed(request, body=self.rng.choice(self.corpus).body)


def encoded(value: Any) -> bytes:
    """Return JSON, with whatever Python can write: NaN, lone surrogates."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def changed(request: Request, **parts: Any) -> Request:
    kept = {name: getattr(request, name) for name in ("method", "path", "query", "headers", "body")}
    return Request(**{**kept, **parts})
