"""The podinfo stand-in as a real process, asked over real HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.embedded.node.http import call
from tests.unit.embedded.node.programs import command, play, running
from volary.embedded.images.podinfo import read_faults, read_settings
from volary.embedded.node.local_processes import LocalProcesses


def test_its_pages_answer_as_podinfo_does(tmp_path: Path) -> None:
    async def story() -> None:
        env = {"PODINFO_UI_COLOR": "#ff0000", "PODINFO_UI_MESSAGE": "hello"}
        async with running("podinfo", tmp_path, env=env) as child:
            at = child.addresses[9898]
            root = await call(at, "/")
            assert root.headers["x-volary-pod"] == "one"
            facts = {key: root.json()[key] for key in ("hostname", "version", "color", "message")}
            assert facts == {"hostname": "one", "version": "6.0.0", "color": "#ff0000", "message": "hello"}
            assert (await call(at, "/api/info")).body == root.body == (await call(at, "/beta")).body
            assert (await call(at, "/version")).json()["version"] == "6.0.0"
            assert (await call(at, "/status/418")).code == 418
            assert (await call(at, "/echo", "POST", b"abc"))[::2] == (202, b"abc")
            assert (await call(at, "/nowhere")).code == 404
            assert (await call(at, "/readyz/disable")).code == 405
            assert (await call(at, "/delay/0")).json() == {"delay": 0}
            assert (await call(at, "/chunked/0")).json() == {"delay": 0}
            assert (await call(at, "/headers", x_a="1")).json()["X-A"] == ["1"]
            page = await call(at, "/", user_agent="Mozilla/5.0")
            assert page.headers["content-type"].startswith("text/html")

    play(story)


def test_a_token_is_issued_and_validated(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            at = child.addresses[9898]
            token = (await call(at, "/token", "POST", b"test")).json()["token"]
            good = await call(at, "/token/validate", authorization=f"Bearer {token}")
            assert (good.code, good.json()["token_name"]) == (200, "test")
            for bad in (token[:-2] + "xx", "a.b.c", ""):
                assert (await call(at, "/token/validate", authorization=f"Bearer {bad}")).code == 401

    play(story)


def test_readiness_and_faults_are_switched_over_http(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            at = child.addresses[9898]
            assert (await call(at, "/readyz")).code == 200
            assert (await call(at, "/readyz/disable", "POST")).code == 202
            assert (await call(at, "/readyz")).code == 503
            assert (await call(at, "/healthz")).code == 200
            assert (await call(at, "/fault_injection/enable", "POST")).code == 202
            assert (await call(at, "/")).code == 500
            assert (await call(at, "/healthz")).code == 200
            assert (await call(at, "/fault_injection/status")).json() == {"enabled": True}
            assert (await call(at, "/fault_injection/disable", "POST")).code == 202
            assert (await call(at, "/")).code == 200

    play(story)


def test_a_counted_fault_strikes_every_third_request_and_is_counted(tmp_path: Path) -> None:
    async def story() -> None:
        env = {"PODINFO_FAULT": "path=/;every=3;status=500,path=/beta;every=2;status=503"}
        async with running("podinfo", tmp_path, env=env) as child:
            at = child.addresses[9898]
            assert [(await call(at, "/")).code for _ in range(6)] == [200, 200, 500, 200, 200, 500]
            assert [(await call(at, "/beta")).code for _ in range(4)] == [200, 503, 200, 503]
            assert (await call(at, "/version")).code == 200
            metrics = (await call(at, "/metrics")).body.decode()
            assert 'http_request_duration_seconds_count{method="GET",path="root",status="200"} 4' in metrics
            assert 'http_request_duration_seconds_count{method="GET",path="root",status="500"} 2' in metrics
            assert 'http_request_duration_seconds_count{method="GET",path="beta",status="503"} 2' in metrics
            assert 'http_requests_total{status="503"} 2' in metrics

    play(story)


def test_a_tag_that_says_broken_is_a_bad_build(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path, env={"VOLARY_VERSION": "6.0.2-broken"}) as child:
            at = child.addresses[9898]
            assert [(await call(at, "/")).code for _ in range(3)] == [200, 200, 500]
            assert (await call(at, "/healthz")).code == 200

    play(story)


def test_it_serves_its_config_path_wherever_the_node_put_it(tmp_path: Path) -> None:
    async def story() -> None:
        changes: dict[str, Any] = {
            "arguments": ("--config-path=/etc/app",),
            "files": {"volumes/config/color": b"red"},
            "mounts": {"/etc/app": "volumes/config"},
        }
        async with running("podinfo", tmp_path, **changes) as child:
            assert (await call(child.addresses[9898], "/configs")).json() == {"color": "red"}
            assert not any("VOLARY" in line for line in (await call(child.addresses[9898], "/env")).json())

    play(story)


def test_requests_in_flight_are_finished_when_it_is_asked_to_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            at = child.addresses[9898]
            slow = asyncio.ensure_future(call(at, "/delay/0.4", connection="keep-alive"))
            await asyncio.sleep(0.1)
            child.terminate()
            answer = await slow
            assert (answer.code, answer.headers["connection"]) == (200, "close")
            assert await child.wait() == 0
            with pytest.raises(OSError):
                await call(at, "/")

    play(story)


def test_pipelined_and_chunked_requests_are_answered_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            reader, writer = await asyncio.open_connection(*child.addresses[9898])
            chunked = b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            last = b"GET /version HTTP/1.1\r\nconnection: close\r\n\r\n"
            writer.write(b"GET /delay/0.1 HTTP/1.1\r\n\r\n" + chunked + last)
            text = (await reader.read()).decode()
            writer.close()
            places = [text.index(part) for part in ('"delay"', "abcde", '"version"')]
            assert places == sorted(places)

    play(story)


def test_nonsense_gets_400_and_the_line_is_closed(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            for nonsense in (b"hello\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"):
                reader, writer = await asyncio.open_connection(*child.addresses[9898])
                writer.write(nonsense)
                assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
                writer.close()

    play(story)


def test_an_unknown_flag_ends_it_with_a_sentence(tmp_path: Path) -> None:
    async def story() -> None:
        child = LocalProcesses(tmp_path).start(command("podinfo", tmp_path, "127.0.0.1", arguments=("--nonsense",)))
        assert await child.wait() == 2
        assert "unknown flag: --nonsense" in (tmp_path / "pod" / "main.log").read_text()

    play(story)


def test_flags_beat_the_environment_and_switches_need_no_value() -> None:
    settings = read_settings(["--port=1", "--random-error", "--level", "debug"], {"PODINFO_PORT": "2"})
    assert (settings["port"], settings["random-error"], settings["level"]) == ("1", "true", "debug")


@pytest.mark.parametrize("text", ["every=3", "path=/;when=1", "path=/;every=x", "path=beta"])
def test_a_fault_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_faults(text)


def test_its_log_is_lines_of_json(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path):
            line = (tmp_path / "pod" / "main.log").read_text().splitlines()[0]
            assert json.loads(line)["version"] == "6.0.0"

    play(story)
