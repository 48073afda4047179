"""Record what a real control plane answers to the request scripts.

    python -m tests.differential.record                starts the testbed (Go), without controllers and nodes
    DIFF_KUBECONFIG=… python -m tests.differential.record     a throw-away cluster of yours: the scripts leave things behind

Writes one file of JSON lines for each script into `transcripts/`; `test_replay` plays them to the embedded API. A
transcript has the requests as the scripts have them, so that what a step captured is captured anew in a replay.
"""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.differential.normal import normal, text
from tests.differential.real import RealServer
from tests.differential.scripts import ALL
from tests.differential.steps import Script, Step

ROOT = Path(__file__).parents[2]
TRANSCRIPTS = Path(__file__).parent / "transcripts"
AGENT = "recorder/1.0"
SERVED = "SERVED"  # the name of a step that is repeated until it succeeds, and not recorded


@contextmanager
def real_server() -> Iterator[RealServer]:
    """Give a real API server that nobody else writes to."""
    if given := os.environ.get("DIFF_KUBECONFIG"):
        yield RealServer(Path(given))
        return
    with tempfile.TemporaryDirectory() as directory, testbed().Clusters(Path(directory)) as running:
        # Controllers would write at their own times; what they do is compared elsewhere.
        running.stop("cluster-1/controller-manager")
        running.stop("nodes")
        yield RealServer(running.kubeconfig)


def testbed() -> Any:
    """Return the module `testbed/testbed.py`, which is not part of a package."""
    spec = importlib.util.spec_from_file_location("testbed", ROOT / "testbed" / "testbed.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["testbed"] = module
    spec.loader.exec_module(module)
    return module


def filled(value: Any, captured: dict[str, str]) -> Any:
    """Return a path or body with what was captured in place of the names."""
    if isinstance(value, dict):
        return {key: filled(member, captured) for key, member in value.items()}
    if isinstance(value, list):
        return [filled(member, captured) for member in value]
    if isinstance(value, str) and "$" in value:
        for name, found in captured.items():
            value = value.replace(f"${name}", found)
    return value


def body_of(step_body: Any, captured: dict[str, str]) -> bytes | None:
    if step_body is None:
        return None
    return step_body.encode() if isinstance(step_body, str) else json.dumps(filled(step_body, captured)).encode()


def parsed(content: bytes, content_type: str) -> Any:
    """Return JSON as its value (a watch as a list of values), all else as text."""
    if "json" not in content_type or not content:
        return text(content.decode())
    try:
        return json.loads(content)
    except json.JSONDecodeError:
        return [json.loads(line) for line in content.splitlines() if line]


def capture(step: Step, body: Any, captured: dict[str, str]) -> None:
    for name, path in step.capture.items():
        value = body
        for part in path:
            value = (value or {}).get(part)
        captured[name] = str(value or "")


def record(server: RealServer, script: Script) -> list[dict[str, Any]]:
    captured: dict[str, str] = {}
    lines = []
    for step in script.steps:
        path = filled(step.path, captured)
        headers = {"accept": "application/json", "user-agent": AGENT, **filled(dict(step.headers), captured)}
        if step.name == SERVED:
            wait_until_served(server, path, headers)
            continue
        status, answered, content = server.ask(step.method, path, headers, body_of(step.body, captured))
        content_type = answered.get("content-type", "")
        body = parsed(content, content_type)
        capture(step, body, captured)
        request = {"method": step.method, "path": step.path, "headers": dict(step.headers), "body": step.body}
        response = {"status": status, "type": content_type, "body": normal(body)}
        if warnings := answered.get_all("warning"):
            response["warnings"] = warnings
        line = {"name": step.name, "request": request, "response": response}
        if step.capture:
            line["capture"] = {name: list(path) for name, path in step.capture.items()}
        lines.append(line)
    return lines


def wait_until_served(server: RealServer, path: str, headers: dict[str, str]) -> None:
    never = threading.Event()
    for _ in range(100):
        if server.ask("GET", path, headers, None)[0] == 200:
            never.wait(2)  # the definition's status and the OpenAPI schema that apply needs come a little later
            return
        never.wait(0.1)
    raise RuntimeError(f"{path} is not served")


def main() -> None:
    wanted = sys.argv[1:]
    TRANSCRIPTS.mkdir(exist_ok=True)
    with real_server() as server:
        total = 0
        for script in ALL:
            if wanted and script.name not in wanted:
                continue
            lines = record(server, script)
            total += len(lines)
            path = TRANSCRIPTS / f"{script.name}.jsonl"
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
            print(f"{len(lines):4d}  {path.name}")
    print(f"{total:4d}  request and answer pairs")


if __name__ == "__main__":
    main()
