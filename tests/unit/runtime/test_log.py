"""Log lines: readable, the same in each run, and without secrets."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest

from volary.runtime.log import Style, configure, redact
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

log = logging.getLogger("volary.test")


def logged(style: Style, level: str = "INFO") -> str:
    stream = io.StringIO()

    async def main() -> None:
        configure(style, level, stream, VirtualClock())
        await asyncio.sleep(90)
        log.info("canary advanced", extra={"cluster": "west", "weight": 10, "because": 'said "go" now', "token": "abc"})
        log.debug("not at this level")
        try:
            raise ValueError("password=hunter2")
        except ValueError:
            log.exception("a pass failed")

    run_virtually(main())
    return stream.getvalue()


def test_text_is_one_line_of_key_values_and_a_trace() -> None:
    first, second, *trace = logged("text").splitlines()
    assert first == (
        "2026-11-24T10:01:30.000000Z INFO    canary advanced "
        'cluster=west weight=10 because="said \\"go\\" now" token=[hidden]'
    )
    assert second == "2026-11-24T10:01:30.000000Z ERROR   a pass failed"
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] == "ValueError: password=[hidden]"


def test_json_is_one_object_a_line() -> None:
    first, second = map(json.loads, logged("json").splitlines())
    assert first == {
        "time": "2026-11-24T10:01:30.000000Z",
        "level": "info",
        "message": "canary advanced",
        "logger": "volary.test",
        "cluster": "west",
        "weight": 10,
        "because": 'said "go" now',
        "token": "[hidden]",
    }
    assert second["trace"].endswith("ValueError: password=[hidden]")


def test_the_level_is_heeded() -> None:
    assert "not at this level" in logged("text", "debug")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdef0123", "Authorization: Bearer [hidden]"),
        ("authorization=Basic dXNlcjpwYXNz", "authorization=[hidden] [hidden]"),
        ("https://me:pa55@git.example/x", "https://[hidden]@git.example/x"),
        ("https://:pa55@git.example/x", "https://[hidden]@git.example/x"),
        ("?access=1&token=abc&x=2", "?access=1&token=[hidden]&x=2"),
        ('{"token": "abcdefghijklmnop"}', '{"token": "[hidden]"}'),
        ("got eyJhbGciOiJSUzI1.eyJzdWIiOiJ4In0.c2ln back", "got [hidden] back"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\n.", "[hidden]\n."),
    ],
)
def test_what_looks_like_a_secret_is_covered(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "cannot read the token: permission denied",
        "https://git.example:443/path@v1",
        "the basic idea",
        "key=test/podinfo secret kube-system/west",
    ],
)
def test_what_is_none_stays_readable(text: str) -> None:
    assert redact(text) == text
