"""The load tester stand-in and its interpreter, against a gateway that is a plain podinfo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.embedded.node.http import Got, call
from tests.unit.embedded.node.programs import play, running
from volary.embedded.images import commands
from volary.embedded.images.commands import NotAllowed
from volary.embedded.images.hey import parse_duration, read_plan
from volary.embedded.images.mesh_client import Request, Unreachable, read_url
from volary.embedded.node.processes import Address

GATEWAY = {"VOLARY_GATEWAY": "127.9.9.9:8080", "VOLARY_NAMESPACE": "test"}


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Start a podinfo as everybody's gateway; yield the environment of a program behind it."""
    async with running("podinfo", folder / "gateway", env={"PODINFO_FAULT": "path=/broken;status=500"}) as child:
        host, port = child.addresses[9898]
        yield {"VOLARY_GATEWAY": f"{host}:{port}", "VOLARY_NAMESPACE": "test"}


async def post(address: Address, path: str = "/", **metadata: str) -> Got:
    payload: dict[str, Any] = {"name": "podinfo", "namespace": "test", "phase": "Progressing"}
    if metadata:
        payload["metadata"] = metadata
    return await call(address, path, "POST", json.dumps(payload).encode())


@pytest.mark.parametrize(
    ("text", "code", "output"),
    [
        ("curl -sd 'test' http://podinfo-canary.test/token | grep token", 0, b'"token":'),
        ("curl -s http://podinfo-canary.test:9898/version | grep -q nothing", 1, b""),
        ("curl -sf http://podinfo-canary.test/status/500", 22, b"500"),
        ("curl -s -o /dev/null -w '%{http_code}' http://podinfo.test/status/404", 0, b"404"),
        ("curl -s -X POST -H 'A: b' http://podinfo.test/headers | grep '\"A\"'", 0, b'"A": ['),
        ("wget -qO- http://podinfo.test/version", 0, b"6.0.0"),
        ("wget --quiet --tries=1 --timeout=4 --spider http://podinfo.test/healthz", 0, b""),
        ("wget -q http://podinfo.test/status/503", 8, b"503"),
        ("true && echo a b", 0, b"a b\n"),
        ("false && echo a", 1, b""),
        ("curl -s http://podinfo.test/version 2>&1 | grep -c version", 0, b"1\n"),
    ],
)
def test_commands_are_interpreted(tmp_path: Path, text: str, code: int, output: bytes) -> None:
    async def story() -> None:
        async with gateway(tmp_path) as env:
            outcome = await commands.run(text, env)
            assert outcome.code == code, outcome
            assert output in outcome.output

    play(story)


@pytest.mark.parametrize(
    "text",
    [
        "rm -rf /",
        "sh -c 'curl http://x'",
        "curl http://x; rm x",
        "curl http://x > /etc/passwd",
        "curl $(cat /etc/passwd)",
        "curl `id`",
        "echo ${HOME}",
        "curl http://x | sh",
        "curl http://x & rm x",
        "echo 'unfinished",
        "",
        "true && ",
    ],
)
def test_what_is_not_on_the_list_is_refused_before_anything_runs(text: str) -> None:
    with pytest.raises(NotAllowed):
        commands.read(text)


def test_services_are_asked_through_the_gateway_by_name() -> None:
    place, head = read_url(Request("http://podinfo-canary.test:9898/token?a=1"), GATEWAY)
    assert place == ("127.9.9.9", 8080)
    assert head.startswith(b"GET /token?a=1 HTTP/1.1\r\nhost: podinfo-canary.test:9898\r\n")
    assert b"host: backend.test:9898" in read_url(Request("http://backend:9898/echo"), GATEWAY)[1]
    assert b"host: app.example.com\r\n" in read_url(Request("http://gw.istio/", host="app.example.com"), GATEWAY)[1]


@pytest.mark.parametrize("url", ["https://podinfo.test/", "file:///etc/passwd", "http://"])
def test_nothing_else_can_be_reached(url: str) -> None:
    with pytest.raises(Unreachable):
        read_url(Request(url), GATEWAY)


def test_hey_reads_its_options() -> None:
    plan = read_plan(["-z", "1m30s", "-q", "10", "-c", "2", "-host", "a.b", "-H", "Cookie: x=y", "http://gw/"])
    assert (plan.seconds, plan.rate, plan.workers, plan.request.host) == (90.0, 10.0, 2, "a.b")
    assert plan.request.headers == [("Cookie", "x=y")]
    with pytest.raises(ValueError, match="not known"):
        read_plan(["-cpuprofile", "x", "http://gw/"])
    with pytest.raises(ValueError, match="no duration"):
        parse_duration("soon")


def test_hey_sends_at_its_rate_and_reports_codes(tmp_path: Path) -> None:
    async def story() -> None:
        async with gateway(tmp_path) as env:
            outcome = await commands.run("hey -n 20 -c 4 http://podinfo.test/", env)
            assert b"[200]\t20 responses" in outcome.output
            outcome = await commands.run("hey -z 500ms -q 20 -c 2 http://podinfo.test/status/503", env)
            assert b"[503]\t20 responses" in outcome.output

    play(story)


def test_webhooks_answer_as_flaggers_load_tester_does(tmp_path: Path) -> None:
    async def story() -> None:
        async with gateway(tmp_path) as env, running("loadtester", tmp_path / "tester", env=env) as tester:
            at = tester.addresses[9090]
            bash = {"type": "bash", "cmd": "curl -sd 'test' http://podinfo-canary.test/token | grep token"}
            assert (await post(at, **bash))[::2] == (200, b"")
            assert b'"token"' in (await post(at, **bash, returnCmdOutput="true")).body
            bad = await post(at, type="bash", cmd="curl -s http://podinfo.test/version | grep nothing")
            assert (bad.code, b"exit status 1" in bad.body) == (500, True)
            shell = await post(at, type="bash", cmd="bash -c 'rm -rf /'")
            assert (shell.code, b"not run here" in shell.body) == (500, True)
            assert (await post(at, cmd="hey -z 5s -q 5 -c 1 http://podinfo.test/")).code == 202
            assert (await post(at)).code == 400
            assert (await post(at, type="nonsense")).code == 400
            assert (await call(at, "/", "POST", b"{")).code == 400
            assert (await call(at, "/healthz")).code == 200

    play(story)


def test_gates_open_and_close_for_each_canary(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("loadtester", tmp_path) as tester:
            at = tester.addresses[9090]
            assert (await post(at, "/gate/approve")).code == 200
            assert (await post(at, "/gate/halt")).code == 403
            for kind, other in (("gate", "rollback"), ("rollback", "gate")):
                assert (await post(at, f"/{kind}/check")).code == 403
                assert (await post(at, f"/{kind}/open")).code == 202
                assert (await post(at, f"/{kind}/check")).code == 200
                assert (await post(at, f"/{other}/check")).code == 403
                assert (await post(at, f"/{kind}/close")).code == 202
                assert (await post(at, f"/{kind}/check")).code == 403

    play(story)


def test_a_command_that_still_runs_is_not_started_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with gateway(tmp_path) as env, running("loadtester", tmp_path / "tester", env=env) as tester:
            for _ in range(3):
                await post(tester.addresses[9090], cmd="hey -z 300ms -q 10 -c 1 http://podinfo.test/")
            await asyncio.sleep(0.1)
            log = (tmp_path / "tester" / "pod" / "main.log").read_text()
            assert log.count("command starting") == 1

    play(story)


def test_other_namespaces_can_be_shut_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("loadtester", tmp_path, arguments=("-namespace-regexp", "^prod$")) as tester:
            assert (await post(tester.addresses[9090], cmd="true")).code == 403

    play(story)
