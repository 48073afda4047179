"""What the client costs: 10,000 pods listed and kept (beside lightkube), 1,000 idle watches over TLS, an apply.

Each is measured in a process of its own, against a server with prepared answers in another.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Peer

ROOT = Path(__file__).parents[3]
PEERS = ROOT / ".venv-clients" / "bin" / "python"
NO_PEER = "lightkube is not here: scripts/setup clients brings it"
PODS = 10_000
CLUSTERS = 250  # with four kinds each: 1,000 watches
APPLIES = 3_000
RUNS = 3
SECONDS = 120.0


def measure(folder: Path) -> Iterator[Figure]:
    """Yield the figures."""
    yield from of_pods()
    yield from of_watches()
    yield of_applies()


def of_pods() -> Iterator[Figure]:
    with serving("plain", PODS) as told:
        server = f"http://127.0.0.1:{told['port']}"
        paged, streamed = ([child("pods", server, how) for _ in range(RUNS)] for how in ("paged", "streamed"))
        peers = [peer("pods", server)] if PEERS.exists() else []
    assert all(one["count"] == PODS for one in [*paged, *streamed, *peers])
    for how, runs in (("in pages", paged), ("streamed", streamed)):
        cpu = min(one["cpu"] for one in runs)  # others on the machine only ever add to it
        kept = statistics.median(one["memory"] for one in runs)
        more = statistics.median(one["more"] for one in runs)
        note = f"{more:.0f} MB of them the pods" if peers else NO_PEER
        beside = {it: Peer("lightkube", peers[0][it]) if peers else None for it in ("cpu", "memory")}
        yield Figure(f"10,000 pods of 5.7 kB listed {how}: CPU", 0.15, cpu, "s", "", "kubernetes", peer=beside["cpu"])
        name = f"10,000 pods of 5.7 kB listed {how} and kept: memory"
        yield Figure(name, 60, kept, "MB", note, "kubernetes", peer=beside["memory"])


def of_watches() -> Iterator[Figure]:
    with serving("tls", 0) as told:
        found = child("watches", f"https://127.0.0.1:{told['port']}", told["authority"], str(CLUSTERS))
    assert found["count"] == CLUSTERS * 4
    note = f"{found['more'] / found['count'] * 1000:.0f} kB a watch; the program itself takes the rest"
    yield Figure("1,000 idle watches over TLS: memory of them", 80, found["more"], "MB", note, "kubernetes")
    yield Figure("1,000 watches over TLS: CPU to open", 5, found["cpu"], "s", "", "kubernetes")


def of_applies() -> Figure:
    with serving("plain", 0) as told:
        runs = [child("apply", f"http://127.0.0.1:{told['port']}", str(APPLIES)) for _ in range(RUNS)]
    microseconds = min(one["cpu"] for one in runs) * 1e6
    return Figure("apply: CPU of a request", 200, microseconds, "us", "", "kubernetes")


def child(job: str, *words: str) -> dict[str, float]:
    return answer([sys.executable, "-m", "tests.bench.client_child", job, *words])


def peer(job: str, *words: str) -> dict[str, float]:
    return answer([str(PEERS), "tests/bench/client_peer.py", job, *words])


def answer(command: Sequence[str]) -> dict[str, float]:
    """Return what a child printed. Raises: CalledProcessError."""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, float] = json.loads(ran.stdout)
    return found


@contextlib.contextmanager
def serving(kind: str, pods: int) -> Iterator[dict[str, Any]]:
    """Run the server; give its port and its authority."""
    command = [sys.executable, "-m", "tests.bench.client_server", kind, str(pods)]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin
    assert server.stdout
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.stdin.close()
        try:
            server.wait(5)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
