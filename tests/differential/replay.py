"""Play a transcript to an API server in this process, and say where its answers differ."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.differential.normal import normal
from tests.differential.record import AGENT, body_of, filled, parsed
from volary.embedded.api.answers import Logs, Proxy
from volary.embedded.api.auth.identity import ADMIN
from volary.embedded.api.errors import UNAUTHORIZED, Problem
from volary.embedded.api.server import ApiServer
from volary.embedded.api.verbs.service_ports import endpoints_of
from volary.embedded.signing_key import SigningKey
from volary.embedded.transport import refusal
from volary.kube.transport import Request, Response

TRANSCRIPTS = Path(__file__).parent / "transcripts"
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)

Difference = tuple[str, Any, Any]  # where, the real server's value, ours; "(absent)" for neither


@dataclass(frozen=True)
class Pair:
    """One step of a transcript, and what we answered to it."""

    script: str
    line: Mapping[str, Any]
    differences: list[Difference]

    @property
    def name(self) -> str:
        return f"{self.script}: {self.line['name']}"


def scripts() -> list[str]:
    return sorted(path.stem for path in TRANSCRIPTS.glob("*.jsonl") if path.stem != "protobuf")


def transcript(script: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TRANSCRIPTS / f"{script}.jsonl").read_text("utf-8").splitlines()]


def new_server() -> ApiServer:
    """Return an empty cluster whose clock moves a millisecond at each look."""
    ticks, ids = count(), count(1)
    return ApiServer(
        "replay",
        lambda: BEGIN + timedelta(milliseconds=next(ticks)),
        random.Random(7),
        lambda: f"00000000-0000-4000-8000-{next(ids):012d}",
        signer=SigningKey(),
    )


def replay(script: str, lines: list[dict[str, Any]]) -> Iterator[Pair]:
    """Yield each step with its differences."""
    server = new_server()
    captured: dict[str, str] = {}
    for line in lines:
        response = ask(server, line["request"], captured)
        content_type = response.headers.get("content-type", "")
        body = parsed(response.body, content_type)
        for name, path in (line.get("capture") or {}).items():
            captured[name] = found_at(body, path)
        ours: dict[str, Any] = {"status": response.status, "type": content_type, "body": normal(body)}
        if warning := response.headers.get("warning"):
            ours["warnings"] = split_warnings(warning)
        yield Pair(script, line, list(differences(line["response"], ours, "")))


def ask(server: ApiServer, request: Mapping[str, Any], captured: dict[str, str]) -> Response:
    path, _, query = filled(request["path"], captured).partition("?")
    headers = {"accept": "application/json", "user-agent": AGENT, **filled(request["headers"], captured)}
    body = body_of(request["body"], captured) or b""
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    user = server.authentication.user(headers) if "authorization" in headers else ADMIN
    if user is None:
        return refusal(UNAUTHORIZED)
    answer = server.handle(Request(request["method"], unquote(path), parameters, headers, body), user)
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Proxy):
        return proxied(server, answer)
    assert not isinstance(answer, Logs), "no script asks for a log that is there"
    frames: list[bytes] = []
    answer.open(frames.append)
    answer.close()
    return Response(200, answer.headers, b"".join(frames))


def proxied(server: ApiServer, target: Proxy) -> Response:
    """Return the refusal for a service that nobody can reach; the scripts ask for no other."""
    try:
        found = endpoints_of(server.local, target)
    except Problem as problem:
        return refusal(problem)
    raise AssertionError(f"nothing listens at {found}")


def found_at(body: Any, path: list[str]) -> str:
    for part in path:
        body = (body or {}).get(part)
    return str(body or "")


def split_warnings(header: str) -> list[str]:
    """Return the warnings of a header that has them one after the other, as a client reads them."""
    return [text if text.startswith("299") else f"299{text}" for text in header.split(", 299")]


def differences(real: Any, ours: Any, path: str) -> Iterator[Difference]:
    if isinstance(real, dict) and isinstance(ours, dict):
        for key in sorted(real.keys() | ours.keys()):
            where = f"{path}.{key}" if path else key
            if key not in real:
                yield where, "(absent)", ours[key]
            elif key not in ours:
                yield where, real[key], "(absent)"
            else:
                yield from differences(real[key], ours[key], where)
    elif isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        for at, (one, other) in enumerate(zip(real, ours, strict=True)):
            yield from differences(one, other, f"{path}[{at}]")
    elif real != ours or type(real) is not type(ours):
        yield path, real, ours


def main() -> None:
    """Print every difference: python -m tests.differential.replay [SCRIPT…]."""
    import sys

    same = total = 0
    for script in sys.argv[1:] or scripts():
        for pair in replay(script, transcript(script)):
            total += 1
            same += not pair.differences
            if pair.differences:
                print(pair.name)
                for where, real, ours in pair.differences[:6]:
                    print(f"    {where}\n        real {json.dumps(real)[:400]}\n        ours {json.dumps(ours)[:400]}")
    print(f"{same} of {total} the same")


if __name__ == "__main__":
    main()
