"""What rules in CEL cost a write: a custom resource under thirty of them, beside the same without."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

from tests.bench.figures import Figure
from tests.differential.replay import ask, new_server
from tests.differential.scripts.cel import CRDS, SPEC, definition, gauge
from volary.embedded.api.cel import expression as cel
from volary.embedded.api.server import ApiServer

GROUP = "bench.example.com"
WRITES = 1_000
PATH = f"/apis/{GROUP}/v1/namespaces/default/gauges"
SENT: dict[str, Any] = {
    "min": 1, "ratio": 0.5, "name": "good", "size": "1Gi", "port": "50%", "tags": ["a"], "plain": [2, 4],
    "labels": {"a": "b"}, "choice": "a", "count": 5,
    "steps": [{"name": "last", "weight": 10, "note": ""}, {"name": "first", "weight": 5, "note": ""}],
}  # fmt: skip


def measure(folder: Path) -> Iterator[Figure]:
    """Yield the figures."""
    plain = written(without_rules(SPEC))
    yield Figure("custom resources without rules, created in process", 1_000, plain, "/s", "", "kubernetes", "more")
    name = "custom resources under thirty rules in CEL, created in process"
    if not cel.available():
        yield Figure(name, 500, None, "/s", "cel-expr-python is not installed here", "kubernetes", "more")
        return
    yield Figure(name, 500, written(SPEC), "/s", "", "kubernetes", "more")


def without_rules(schema: Any) -> Any:
    """Return a copy of a schema that has no rules."""
    if isinstance(schema, dict):
        return {key: without_rules(it) for key, it in schema.items() if key != "x-kubernetes-validations"}
    return [without_rules(it) for it in schema] if isinstance(schema, list) else schema


def written(spec: Any) -> float:
    """Return the objects that are created in a second of one core."""
    server = new_server()
    send(server, "/api/v1/namespaces", {"metadata": {"name": "default"}})
    send(server, CRDS, definition(GROUP, copy.deepcopy(spec)))
    send(server, PATH, gauge(GROUP, "warm", **SENT))
    start = process_time()
    for at in range(WRITES):
        send(server, PATH, gauge(GROUP, f"g-{at}", **SENT))
    return WRITES / (process_time() - start)


def send(server: ApiServer, path: str, body: Any) -> None:
    headers = {"content-type": "application/json"}
    answer = ask(server, {"method": "POST", "path": path, "headers": headers, "body": body}, {})
    assert answer.status == 201, answer.body.decode()
