"""A server under test: a clock that only moves when told, ids in order, and short ways to ask."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from volary.embedded.api.server import ApiServer
from volary.embedded.api.verbs.watching import Watcher
from volary.kube.transport import Request, Response

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
Object = dict[str, Any]


class Asked:
    """An API server, and requests in few words. A path without a leading slash is below namespace "default"."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.ids = 0
        self.api = ApiServer("test", lambda: self.time, random.Random(1), self._id)
        self.post("/api/v1/namespaces", {"metadata": {"name": "default"}})

    def _id(self) -> str:
        self.ids += 1
        return f"00000000-0000-4000-8000-{self.ids:012d}"

    def later(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def raw(self, method: str, path: str, body: Any = None, kind: str = JSON, **headers: str) -> Response:
        answer = self.api.handle(self.request(method, path, body, kind, headers))
        assert isinstance(answer, Response), answer
        return answer

    def request(self, method: str, path: str, body: Any, kind: str, headers: Mapping[str, str]) -> Request:
        where, _, query = path.partition("?")
        encoded = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        sent = {"content-type": kind, "accept": JSON, "user-agent": "tester/1.0", **headers}
        return Request(method, full(where), dict(parse_qsl(query, keep_blank_values=True)), sent, encoded)

    def ask(self, method: str, path: str, body: Any = None, kind: str = JSON, status: int = 0) -> Object:
        response = self.raw(method, path, body, kind)
        assert response.status == (status or response.status), response.body.decode()
        found: Object = msgspec.json.decode(response.body)
        return found

    def get(self, path: str, status: int = 200) -> Object:
        return self.ask("GET", path, status=status)

    def post(self, path: str, body: Any, status: int = 201) -> Object:
        return self.ask("POST", path, body, status=status)

    def put(self, path: str, body: Any, status: int = 200) -> Object:
        return self.ask("PUT", path, body, status=status)

    def patch(self, path: str, body: Any, kind: str = MERGE, status: int = 200) -> Object:
        return self.ask("PATCH", path, body, kind, status)

    def apply(self, path: str, body: Any, manager: str = "m1", force: bool = False, status: int = 0) -> Object:
        mark = "&" if "?" in path else "?"
        where = f"{path}{mark}fieldManager={manager}&force={'true' if force else 'false'}"
        return self.ask("PATCH", where, body, APPLY, status)

    def delete(self, path: str, body: Any = None, status: int = 200) -> Object:
        return self.ask("DELETE", path, body, status=status)

    def watch(self, path: str) -> Seen:
        answer = self.api.handle(self.request("GET", path, None, JSON, {}))
        assert isinstance(answer, Watcher), answer
        return Seen(answer)


class Seen:
    """What a watch has delivered so far."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.events: list[Object] = []
        watcher.open(lambda line: self.events.append(msgspec.json.decode(line)))

    def take(self) -> list[tuple[str, str]]:
        """Return (type, name) of what came since the last time."""
        found = [(it["type"], it["object"]["metadata"].get("name", "")) for it in self.events]
        self.events.clear()
        return found


def full(path: str) -> str:
    """Return a path with group, version and namespace for the short forms used in tests."""
    if path.startswith("/"):
        return path
    plural = path.partition("/")[0]
    groups = {"deployments": "apis/apps/v1", "replicasets": "apis/apps/v1", "widgets": "apis/example.com/v1"}
    return f"/{groups.get(plural, 'api/v1')}/namespaces/default/{path}"


def config_map(name: str, data: Mapping[str, str] | None = None, **meta: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **meta},
        "data": dict(data or {"a": "1"}),
    }


def deployment(name: str, replicas: Any = 1, image: str = "web:1") -> Object:
    labels = {"app": name}
    container = {"name": "web", "image": image}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
