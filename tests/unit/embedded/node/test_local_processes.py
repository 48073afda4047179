"""Real children: where they listen, how their end is seen, and that nothing outlives this program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.embedded.node.http import call
from tests.unit.embedded.node.programs import play, running
from volary.embedded import leftovers
from volary.embedded.node.addresses import Addresses, claim_addresses
from volary.embedded.node.local_processes import LocalProcesses
from volary.embedded.node.node import MOST_LOG_BYTES, trim

PARENT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.embedded.node.programs import command
from volary.embedded.node.local_processes import LocalProcesses
from volary.embedded.node.node import MOST_LOG_BYTES, trim

async def main():
    folder = Path({folder!r})
    child = LocalProcesses(folder).start(command("podinfo", folder, "127.0.0.1"))
    await child.listening()
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
ROOT = str(Path(__file__).parents[4])


def gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def environment_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(line.split("=", 1) for line in lines if line)


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(5):
        while not gone(pid):  # noqa: ASYNC110 (another process: there is no event to wait for)
            await asyncio.sleep(0.01)


def test_a_kill_is_seen_at_once_and_the_port_refuses(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            assert (await call(child.addresses[9898], "/healthz")).code == 200
            os.kill(child.pid, signal.SIGKILL)
            async with asyncio.timeout(0.5):
                assert await child.wait() == 137
            with pytest.raises(ConnectionRefusedError):
                await call(child.addresses[9898], "/healthz")

    play(story)


def test_a_port_that_nobody_listens_on_refuses(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path, silent=(9999,)) as child:
            with pytest.raises(ConnectionRefusedError):
                await call(child.addresses[9999], "/")

    play(story)


def test_a_port_that_is_taken_gives_way_to_a_free_one(tmp_path: Path) -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            arguments = (f"--port={port}",)
            async with running("podinfo", tmp_path, arguments=arguments, ports=(port,), host="127.0.0.1") as child:
                assert child.addresses[port][1] != port
                assert (await call(child.addresses[port], "/healthz")).code == 200

    play(story)


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    async def story() -> None:
        script = PARENT.format(root=ROOT, folder=str(tmp_path))
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
        assert parent.stdout is not None
        child = int(await parent.stdout.readline())
        os.kill(child, signal.SIGSTOP)  # even one that hangs
        parent.kill()
        await parent.wait()
        with contextlib.suppress(ProcessLookupError):
            if sys.platform != "linux":
                os.kill(child, signal.SIGCONT)  # elsewhere only one that runs sees the end of its parent
        await until_gone(child)

    play(story)


def test_what_a_crash_left_is_ended_at_the_next_start(tmp_path: Path) -> None:
    async def story() -> None:
        left = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
        records = tmp_path / "processes"
        records.mkdir()
        leftovers.note(records, left.pid)
        (records / f"{other.pid}.pid").write_text("1")  # an id that has passed to somebody else since
        assert LocalProcesses(tmp_path).killed == 1
        assert await left.wait() == -signal.SIGKILL
        assert not gone(other.pid)
        assert list(records.iterdir()) == []
        other.kill()
        await other.wait()

    play(story)


def test_records_go_with_their_process(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            assert [each.stem for each in (tmp_path / "processes").iterdir()] == [str(child.pid)]
        assert list((tmp_path / "processes").iterdir()) == []

    play(story)


def test_files_of_a_pod_are_its_owners_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with running("podinfo", tmp_path, files={"volumes/keys/token": b"hidden"}):
            path = tmp_path / "pod" / "volumes" / "keys" / "token"
            assert path.stat().st_mode & 0o777 == 0o600
            assert (tmp_path / "pod").stat().st_mode & 0o777 == 0o700

    play(story)


def test_our_environment_stays_with_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_USER", "hidden")

    async def story() -> None:
        async with running("podinfo", tmp_path) as child:
            assert b"SECRET_OF_THE_USER" not in (await call(child.addresses[9898], "/env")).body

    play(story)


def test_two_clusters_never_have_the_same_network() -> None:
    one, two = claim_addresses(random.Random(1)), claim_addresses(random.Random(1))
    try:
        assert one.network != two.network or one.shared_host
    finally:
        one.close()
        two.close()


def test_addresses_are_reused_last_of_all() -> None:
    addresses = Addresses(7)
    first, second = addresses.take(), addresses.take()
    assert (first.ip, first.host) == ("10.7.0.1", "127.7.0.1")
    addresses.give_back(first)
    assert addresses.take().ip == "10.7.0.3"
    assert second.ip == "10.7.0.2"
    assert addresses.gateway_host() == "127.7.255.1"
    assert Addresses(7, shared_host=True).take().host == "127.0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_pods_variables_reach_its_program_but_not_the_systems_loader(tmp_path: Path) -> None:
    async def story() -> None:
        env = {"LD_PRELOAD": "/tmp/evil.so", "TOKEN": "hidden"}
        async with running("podinfo", tmp_path, env=env) as child:
            assert "LD_PRELOAD=/tmp/evil.so" in (await call(child.addresses[9898], "/env")).json()
            assert not {"LD_PRELOAD", "TOKEN"} & set(environment_of(child.pid))
            assert [each.name for each in (tmp_path / "pod").iterdir()] == ["main.log"]

    play(story)


def test_a_log_keeps_its_newer_half(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    with log.open("ab") as writer:
        writer.write(b"a" * MOST_LOG_BYTES)
        writer.flush()
        trim(log)
        writer.write(b"later")
        writer.flush()
    older = log.with_suffix(".old")
    assert (log.read_bytes(), older.stat().st_size) == (b"later", MOST_LOG_BYTES // 2)
