"""From the start of `volary kube up` to the first answer of its API: a fresh process, a fresh folder, TLS."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.bench.figures import Figure
from tests.bench.http_load import cpu_seconds

RUNS = 9
GOAL_SECONDS = 0.3
LONGEST_SECONDS = 20.0
LOOK_SECONDS = 0.001


def measure(folder: Path) -> Iterator[Figure]:
    """Yield the time to the first answer, the median of some starts."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")  # as after an installation: compiled once
    start(folder / "first", environment)
    starts = [start(folder / str(number), environment) for number in range(RUNS)]
    taken, used = [it[0] for it in starts], statistics.median(it[1] for it in starts)
    note = f"least {min(taken):.2f}, most {max(taken):.2f} of {RUNS}; CPU {used:.2f} s; with controllers, without pods"
    yield Figure(
        "start of the program to first answer", GOAL_SECONDS, statistics.median(taken), "s", note, "kubernetes"
    )


def start(folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Start clusters in a folder; return the seconds until they answer, and those of their CPU."""
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made before: what a client does first is not the server's
    secured.check_hostname, secured.verify_mode = False, ssl.CERT_NONE
    command = [sys.executable, "-m", "volary", "kube", "up", "one", "--no-pods", "one", "--foreground"]
    began = time.perf_counter()
    child = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL, env=environment)
    try:
        while not (folder / "state.json").exists():
            if time.perf_counter() - began > LONGEST_SECONDS or child.poll() is not None:
                raise TimeoutError("the cluster did not start")
            threading.Event().wait(LOOK_SECONDS)
        state = msgspec.json.decode((folder / "state.json").read_bytes())
        assert ready(state["clusters"]["one"]["server"], secured) == 200
        return time.perf_counter() - began, cpu_seconds(child.pid)
    finally:
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        child.kill()
        child.wait()


def ready(server: str, secured: ssl.SSLContext) -> int:
    """Return the status of the server's /readyz."""
    connection = http.client.HTTPSConnection(server.removeprefix("https://"), timeout=10, context=secured)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    finally:
        connection.close()
