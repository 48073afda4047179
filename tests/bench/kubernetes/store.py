"""What keeping costs, and many clusters: memory, clones, and writes a second with and without a journal."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.figures import Figure, Peer
from tests.unit.embedded.api.server import Asked, config_map
from tests.unit.embedded.keeping.kept import Kept

CLUSTERS = 500
WRITES = 3_000
GROUP = "kubernetes"


def measure(folder: Path) -> Iterator[Figure]:
    yield from many()
    yield from writes(folder)


def many() -> Iterator[Figure]:
    """Yield memory and clones, measured in a process of their own."""
    command = [sys.executable, "-m", "tests.bench.kubernetes.many_clusters", str(CLUSTERS)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=900).stdout)
    note = f"{found['objects']:.0f} objects each, settled, controllers idle"
    yield Figure(f"memory of {CLUSTERS} clusters x 60 objects", 800, found["mb"], "MB", note, GROUP)
    note = f"by CPU time; the slowest of 200: {found['slowest_ms']:.1f} ms; {found['clone_mb'] * 1e3:.0f} kB each"
    yield Figure("clone of a cluster of 60 objects", 10, found["clone_ms"], "ms", note, GROUP)


def writes(folder: Path) -> Iterator[Figure]:
    """Yield writes a second through the API in this process: kept, and kept but for a loss of power."""
    memory = rate(Asked())
    peer = Peer("in memory", memory)
    for name, mode, goal in (("kept", "FULL", 1_000), ("kept, but for a loss of power", "NORMAL", 4_000)):
        place = folder / mode
        place.mkdir()
        server = Kept(place)
        server.journal._db.execute(f"PRAGMA synchronous = {mode}")
        yield Figure(f"writes/s, {name}", goal, rate(server), "/s", group=GROUP, better="more", peer=peer)
        server.journal.close()


def rate(server: Asked) -> float:
    """Return how many ConfigMaps a second are created, one after the other."""
    bodies = [
        server.request("POST", "configmaps", config_map(f"c{n}", {"a": "x" * 1000}), JSON, {}) for n in range(WRITES)
    ]
    handle: Callable[..., object] = server.api.handle
    began = time.perf_counter()
    for request in bodies:
        handle(request)
    taken = time.perf_counter() - began
    assert len(server.api.core.store.items("/configmaps")) == WRITES
    return WRITES / taken


JSON = "application/json"
