"""A stand-in for Flagger's load tester: its webhooks and gates. Commands are interpreted, never executed.

Unlike the original, an unknown task type is answered with 400 instead of a broken connection; helm, kubectl, concord
and ngrinder tasks are refused.
Source: Flagger `pkg/loadtester`, `cmd/loadtester`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from volary.embedded.images import commands
from volary.embedded.images.hey import parse_duration
from volary.embedded.images.http_server import TEXT, Answer, App, Ask, Reply, serve
from volary.embedded.images.request_counts import RequestCounts

FLAGS = {"port": "9090", "timeout": "1h", "log-level": "debug", "namespace-regexp": ""}
IGNORED_FLAGS = ("zap-",)
BLOCKING, QUEUED = "bash", "cmd"
REFUSED = ("helm", "helmv3", "kubectl", "concord", "ngrinder")
LONGEST_LOGGED = 4096  # of a command's output


def read_settings(arguments: list[str]) -> dict[str, str]:
    """Return all settings. Raises: ValueError."""
    settings = dict(FLAGS)
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if not equals and rest:
            value = rest.pop(0)
        if name in FLAGS:
            settings[name] = value
        elif not name.startswith(IGNORED_FLAGS):
            raise ValueError(f"flag provided but not defined: -{name}")
    return settings


class LoadTester(App):
    """One load tester: gates in memory, commands that run."""

    def __init__(self, settings: Mapping[str, str], env: Mapping[str, str]) -> None:
        self.env = env
        self.pod = env.get("VOLARY_POD", "")
        self.timeout = parse_duration(settings["timeout"])
        self.namespaces = re.compile(settings["namespace-regexp"]) if settings["namespace-regexp"] else None
        self.gates: set[str] = set()  # open ones
        self.running: dict[str, asyncio.Task[None]] = {}  # canary and command -> the task
        self.counts = RequestCounts()

    def count(self, method: str, route: str, code: int, seconds: float) -> None:
        self.counts.add(method, route, code, seconds)

    def stop(self) -> None:
        for task in self.running.values():
            task.cancel()

    def route(self, ask: Ask) -> tuple[str, Reply]:
        path = ask.path.rstrip("/") or "/"
        match path.split("/"):
            case ["", ""]:
                return "root", self.task(ask)
            case ["", "healthz"]:
                return "healthz", plain(200, "OK")
            case ["", "metrics"]:
                return "metrics", plain(200, self.counts.text())
            case ["", "gate", "approve"]:
                return "gate_approve", plain(200, "OK")
            case ["", "gate", "halt"]:
                return "gate_halt", plain(403, "Forbidden")
            case ["", ("gate" | "rollback") as kind, ("open" | "close" | "check") as verb]:
                return f"{kind}_{verb}", self.gate(ask, kind, verb)
        return "not_found", plain(404, "404 page not found\n")

    def gate(self, ask: Ask, kind: str, verb: str) -> Answer:
        payload = read_payload(ask.body)
        if payload is None:
            return plain(400, "the payload is not JSON with a name and a namespace")
        key = f"{payload['name']}.{payload['namespace']}"
        key = f"rollback.{key}" if kind == "rollback" else key
        if verb == "check":
            return plain(200, "Approved") if key in self.gates else plain(403, "Forbidden")
        (self.gates.add if verb == "open" else self.gates.discard)(key)
        self.log(f"{key} {verb}")
        return Answer(202, b"", TEXT)

    def task(self, ask: Ask) -> Reply:
        payload = read_payload(ask.body)
        if ask.method != "POST" or payload is None:
            return plain(400, "the payload is not JSON with a name and a namespace")
        if self.namespaces is not None and not self.namespaces.search(payload["namespace"]):
            return plain(403, f"namespace {payload['namespace']} is not allowed")
        metadata = payload.get("metadata")
        if not metadata:
            return plain(400, "metadata not found in payload")
        kind, command = str(metadata.get("type") or QUEUED), str(metadata.get("cmd") or "")
        if kind == BLOCKING:
            return self.run_now(command, metadata)
        if kind != QUEUED:
            why = "not available here" if kind in REFUSED else "not known"
            return plain(400, f"task type {kind} is {why}; known are {QUEUED} and {BLOCKING}")
        return self.run_later(f"{payload['name']}.{payload['namespace']}", command, metadata)

    def run_later(self, canary: str, command: str, metadata: Mapping[str, Any]) -> Answer:
        """Start a command unless the same one of this canary still runs."""
        key = f"{canary} {command}"
        try:
            commands.read(command)
        except commands.NotAllowed as problem:
            self.log(f"command {command!r} refused: {problem}")
            return plain(500, str(problem))
        if key not in self.running:
            task = asyncio.get_running_loop().create_task(self.run_in_background(canary, command, metadata))
            self.running[key] = task
            task.add_done_callback(lambda _: self.running.pop(key, None))
        return Answer(202, b"", TEXT)

    async def run_in_background(self, canary: str, command: str, metadata: Mapping[str, Any]) -> None:
        self.log(f"{canary}: command starting: {command}")
        try:
            async with asyncio.timeout(self.timeout):
                outcome = await commands.run(command, self.env)
        except TimeoutError:
            self.log(f"{canary}: command timed out: {command}")
            return
        self.log(f"{canary}: command finished with {outcome.code}: {command}")
        if outcome.code or metadata.get("logCmdOutput") == "true":
            self.log(shown(outcome.output))

    async def run_now(self, command: str, metadata: Mapping[str, Any]) -> Answer:
        try:
            async with asyncio.timeout(self.timeout):
                outcome = await commands.run(command, self.env)
        except commands.NotAllowed as problem:
            return plain(500, f"command {command} failed: : {problem}")
        except TimeoutError:
            return plain(500, f"command {command} failed: : no end within {self.timeout:g} s")
        self.log(f"command finished with {outcome.code}: {command}")
        if outcome.code:
            return plain(500, f"command {command} failed: {shown(outcome.output)}: exit status {outcome.code}")
        return Answer(200, outcome.output if metadata.get("returnCmdOutput") == "true" else b"", TEXT)

    def log(self, message: str) -> None:
        print(json.dumps({"level": "info", "logger": "loadtester", "msg": message}), flush=True)


def read_payload(body: bytes) -> dict[str, Any] | None:
    """Return a webhook's payload, None if it is none."""
    try:
        payload = json.loads(body)
    except ValueError:
        return None
    if not isinstance(payload, dict) or not isinstance(payload.get("metadata") or {}, dict):
        return None
    return {**payload, "name": str(payload.get("name", "")), "namespace": str(payload.get("namespace", ""))}


def plain(code: int, text: str) -> Answer:
    return Answer(code, text.encode(), TEXT)


def shown(output: bytes) -> str:
    return output[:LONGEST_LOGGED].decode(errors="replace").strip()


def main(arguments: list[str]) -> int:
    """Run the load tester; return the exit code."""
    env = dict(os.environ)
    try:
        settings = read_settings(arguments)
        port = int(settings["port"])
        tester = LoadTester(settings, env)
        tester.log(f"Starting load tester on port {port}")
    except (ValueError, re.error) as problem:
        print(f"error: {problem}", file=sys.stderr, flush=True)
        return 2
    return serve(lambda: tester, [port])
