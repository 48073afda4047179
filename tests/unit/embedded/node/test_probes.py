from __future__ import annotations

import asyncio
from typing import Any

import pytest

from volary.embedded.node.probes import Probe, Target, read_command, read_probe, repeat
from volary.sim.loop import VirtualLoop

CONTAINER = {"name": "podinfod", "ports": [{"name": "http", "containerPort": 9898}]}


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (["podcli", "check", "http", "localhost:9898/healthz"], Target(9898, "/healthz")),
        (["podcli", "check", "http", "http://127.0.0.1:9898/readyz?a=b"], Target(9898, "/readyz?a=b")),
        (["podcli", "check", "tcp", "localhost:9898"], Target(9898)),
        (["wget", "--quiet", "--tries=1", "--spider", "http://localhost:8080/healthz"], Target(8080, "/healthz")),
        (["curl", "-f", "http://localhost:8080"], Target(8080, "/")),
    ],
)
def test_known_exec_forms_become_requests(words: list[str], target: Target) -> None:
    assert read_command(words) == target


@pytest.mark.parametrize(
    "words",
    [
        ["cat", "/tmp/healthy"],
        ["sh", "-c", "wget http://localhost"],
        ["podcli", "check", "http", "http://169.254.169.254/"],
        ["wget", "http://example.com/"],
        [],
    ],
)
def test_any_other_exec_is_refused_with_the_list(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"podcli check http|own pod"):
        read_command(words)


def test_an_http_probe_finds_its_named_port() -> None:
    probe = read_probe({"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 0}, CONTAINER)
    assert probe.target == Target(9898, "/readyz")
    assert (probe.period, probe.timeout, probe.failures, probe.successes) == (10, 1, 3, 1)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"httpGet": {"port": "grpc"}}, 'a port "grpc"'),
        ({"httpGet": {"port": 1, "scheme": "HTTPS"}}, "HTTPS"),
        ({"grpc": {"port": 1}}, "grpc"),
    ],
)
def test_what_cannot_be_probed_says_so(spec: dict[str, Any], problem: str) -> None:
    assert problem in read_probe(spec, CONTAINER).problem


def test_thresholds_delays_and_periods_are_honoured() -> None:
    answers = iter(["no", "", "no", "no", "no", "no", "no", "no", "", ""])
    seen: list[tuple[float, bool]] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()

        async def attempt() -> str:
            return next(answers)

        def report(good: bool, problem: str) -> None:
            seen.append((loop.time(), good))

        probe = Probe(Target(1), initial_delay=3, period=2, successes=1, failures=3)
        with pytest.raises(RuntimeError):  # the answers end: StopIteration in a coroutine
            await repeat(probe, attempt, report, lambda problem: None)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
    assert seen == [(5.0, True), (11.0, False), (17.0, False), (19.0, True)]
