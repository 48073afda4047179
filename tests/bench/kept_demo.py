"""A demo that stays up: how soon a push becomes a pin, and what is asked of the API servers at rest."""

from __future__ import annotations

import contextlib
import json
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure

PUSHES = 10
INTERVAL_SECONDS = 1.0  # of the hub's source, in the demo
REST_SECONDS = 60.0
SETTLE_SECONDS = 5.0
WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.02
PIN = "git push to first pin in west, p50 of 10"
REST = "requests in 60 s at rest"


def measure(folder: Path) -> Iterator[Figure]:
    """Keep a demo after its first act; push, wait, count; yield the figures."""
    with kept(folder / "demo") as up:
        try:
            up.wait_until_kept()
            delays = [up.push_to_pin(number) for number in range(PUSHES)]
            yield Figure(PIN, INTERVAL_SECONDS + 1, statistics.median(delays), "s")
            yield Figure(REST, 0, up.requests_at_rest())
        except TimeoutError as error:
            yield from (Figure(name, 0, None, note=str(error)) for name in (PIN, REST))


class Kept:
    """A demo that runs, seen from outside: its folder, its audit logs, its repository."""

    def __init__(self, folder: Path, trace: Path) -> None:
        self.folder = folder
        self.trace = trace

    def audit(self, cluster: str) -> list[dict[str, Any]]:
        path = self.folder / "kube" / "clusters" / cluster / "audit.log"
        lines = path.read_bytes().split(b"\n") if path.exists() else []
        return [json.loads(line) for line in lines[:-1]]

    def wait_until_kept(self) -> None:
        wait(lambda: self.trace.exists() and b'"type":"end"' in self.trace.read_bytes(), "the end of the first act")

    def pins(self) -> int:
        """Return how many pins have been written in west."""
        return sum(
            entry["verb"] == "patch"
            and entry["objectRef"].get("resource") == "gitrepositories"
            and "fieldManager=volary-fleet" in entry["requestURI"]
            and entry["responseStatus"]["code"] == 200
            for entry in self.audit("west")
            if "objectRef" in entry
        )

    def push_to_pin(self, number: int) -> float:
        """Push a commit that changes no manifest; return the seconds until its pin is in west."""
        clone = self.folder / "podinfo"
        (clone / "README.md").write_text(f"push {number}\n")
        git(clone, "add", "README.md")
        git(clone, "commit", "--quiet", "-m", f"push {number}")
        before, began = self.pins(), time.monotonic()
        git(clone, "push", "--quiet")
        wait(lambda: self.pins() > before, f"the pin of push {number}")
        took = time.monotonic() - began
        wait(self.quiet, f"the end of the run of push {number}")
        return took

    def quiet(self) -> bool:
        """Has the newest run ended?"""
        command = [sys.executable, "-m", "volary", "get", "runs", "-o", "json", "--context", "hub"]
        asked = subprocess.run(
            [*command, "--kubeconfig", str(self.folder / "kube" / "kubeconfig")], capture_output=True, timeout=30
        )
        runs = json.loads(asked.stdout or b"{}").get("items") or []
        return bool(runs) and all((run.get("status") or {}).get("endedAt") for run in runs)

    def requests_at_rest(self) -> int:
        """Return how many requests the controllers make in a minute, watches and leases aside."""
        pause(SETTLE_SECONDS)
        clusters = ("hub", "west", "east")
        before = {name: len(self.audit(name)) for name in clusters}
        pause(REST_SECONDS)
        return sum(ours(entry) for name in clusters for entry in self.audit(name)[before[name] :])


def ours(entry: dict[str, Any]) -> bool:
    agent = str(entry.get("userAgent") or "")
    aside = entry["verb"] == "watch" or entry.get("objectRef", {}).get("resource") == "leases"
    return agent.startswith("volary") and not agent.startswith("volary-cli") and not aside


@contextlib.contextmanager
def kept(folder: Path) -> Iterator[Kept]:
    """Run a demo until the end of the block."""
    folder.mkdir(parents=True)
    trace = folder.parent / "kept.jsonl"
    command = [sys.executable, "-m", "volary", "demo", "--keep", "--act", "1", "--dir", str(folder)]
    child = subprocess.Popen([*command, "--trace", str(trace)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Kept(folder, trace)
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=10)
        finally:
            child.kill()
            child.wait()


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Dev", "-c", "user.email=dev@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, timeout=30)


def wait(happened: Callable[[], bool], what: str) -> None:
    """Look until it has happened. Raises: TimeoutError."""
    end = time.monotonic() + WAIT_SECONDS
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come in {WAIT_SECONDS:.0f} s")
        pause(LOOK_SECONDS)


def pause(seconds: float) -> None:
    """Let real time pass: other processes are at work, and it is they that are measured."""
    threading.Event().wait(seconds)
