"""The embedded API over HTTP: requests a second of a server on one core, with the client on the other.

On a computer with other work the rate by the clock says little; the note has the rate by the server's own CPU time.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import uvloop

from tests.bench.figures import Figure
from tests.bench.http_load import Load, cpu_seconds, request, run, watched
from tests.bench.http_server import TOKEN

SECONDS = 3.0
PATIENCE_SECONDS = 60.0
CONNECTIONS = 32
WATCHERS = 100
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
FEW = 64
MERGE = "application/merge-patch+json"


def measure(folder: Path) -> Iterator[Figure]:
    """Yield requests a second, without TLS and with it."""
    for kind in ("plain", "tls"):
        with serving(kind) as server:
            words = "" if kind == "plain" else " over TLS"
            for name, goal, requests in jobs(server):
                yield figure(server, f"{name}/s over HTTP{words}", goal if kind == "plain" else 0.0, requests)
            if kind == "plain":
                yield deliveries(server)


def jobs(server: Server) -> Iterator[tuple[str, float, Iterator[bytes]]]:
    """Yield (name, goal, requests), each once the one before it is done."""
    for number in range(FEW):
        server.ask(request("POST", DEPLOYMENTS, json.dumps(deployment(f"d{number:02}")).encode()))
    yield "GET", 15_000, cycle([request("GET", f"{DEPLOYMENTS}/d07")])
    yield (
        "PATCH status",
        2_000,
        (request("PATCH", f"{DEPLOYMENTS}/d{it % FEW:02}/status", status(it), MERGE) for it in count()),
    )
    yield "LIST of 64", 4_000, cycle([request("GET", DEPLOYMENTS)])
    yield "POST", 5_000, (request("POST", MAPS, config_map(it)) for it in count())


class Server:
    """The server's process."""

    def __init__(self, kind: str, told: dict[str, Any]) -> None:
        self.tls = kind == "tls"
        self.port, self.pid = int(told["port"]), int(told["pid"])

    def ask(self, one: bytes) -> None:
        load = uvloop.run(run(self.port, iter([one]), PATIENCE_SECONDS, 1, self.tls))
        assert load.good == 1, load.statuses

    def version(self) -> str:
        """Return the version that a watch of what comes next begins at."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        line.request("GET", f"{MAPS}?limit=1", headers={"Authorization": f"Bearer {TOKEN}"})
        found = json.load(line.getresponse())
        line.close()
        return str(found["metadata"]["resourceVersion"])

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)


def figure(server: Server, name: str, goal: float, requests: Iterator[bytes]) -> Figure:
    """Load the server for a while; return the rate."""
    cpu, began = server.cpu_seconds(), time.perf_counter()
    load: Load = uvloop.run(run(server.port, requests, SECONDS, CONNECTIONS, server.tls))
    took, used = time.perf_counter() - began, server.cpu_seconds() - cpu
    bad = sum(load.statuses.values()) - load.good
    slow = sorted(load.latencies)[int(len(load.latencies) * 0.99)] * 1000
    note = f"{load.good / used:,.0f} a second of the server's CPU; p99 {slow:.1f} ms; {bad} refused"
    return Figure(name, goal, load.good / took, "/s", note, "kubernetes", "more")


def deliveries(server: Server) -> Figure:
    """Write while a hundred clients watch; return the events that reached them a second."""
    changes = (request("PATCH", f"{MAPS}/m{it % FEW}", b'{"data":{"a":"%d"}}' % it, MERGE) for it in count())
    cpu, began = server.cpu_seconds(), time.perf_counter()
    seen, load = uvloop.run(
        watched(server.port, f"{MAPS}?watch=true&resourceVersion={server.version()}", WATCHERS, changes, SECONDS)
    )
    took, used = time.perf_counter() - began, server.cpu_seconds() - cpu
    lost = load.good * WATCHERS - seen
    note = f"{seen / used:,.0f} a second of the server's CPU; {load.good / took:,.0f} writes/s; {lost} lost"
    name = f"watch deliveries/s over HTTP, {WATCHERS} watchers"
    return Figure(name, 100_000, seen / took if not lost else None, "/s", note, "kubernetes", "more")


@contextlib.contextmanager
def serving(kind: str) -> Iterator[Server]:
    """Run a server on one core, and this process on another."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "tests.bench.http_server", kind, str(cores[0])]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdin
    try:
        os.sched_setaffinity(0, {cores[-1]})
        yield Server(kind, json.loads(child.stdout.readline()))
    finally:
        os.sched_setaffinity(0, set(cores))
        child.stdin.close()
        try:
            child.wait(5)
        finally:
            child.kill()
            child.wait()
            child.stdout.close()


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "app", "image": "podinfo:6.0.0", "ports": [{"containerPort": 9898}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def status(number: int) -> bytes:
    return b'{"status":{"replicas":%d,"observedGeneration":1}}' % number


def config_map(number: int) -> bytes:
    return b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m%d"},"data":{"a":"b"}}' % number
