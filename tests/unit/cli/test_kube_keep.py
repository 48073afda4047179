"""`volary kube up --keep`: what was written is there at the next start, and clients go on as if nothing had been."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.cli.asking import Volary
from tests.unit.cli.test_kube import OUTLIVES_US, wait_for
from volary.embedded.estate import Estate
from volary.embedded.keeping.journal import Journal, wal_of
from volary.embedded.state import alive
from volary.kube.client import Client
from volary.kube.errors import Unreachable
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import Access, load
from volary.kube.objects import NewObject
from volary.kube.resources import CONFIG_MAPS
from volary.runtime.clock import SystemClock

NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note", "namespace": "default"}}


def way_in(kubeconfig: str) -> Access:
    return load(lambda: datetime.now(UTC), kubeconfig)


async def create(access: Access) -> NewObject:
    client = Client(HttpTransport(access), "test")
    try:
        return await client.create(CONFIG_MAPS, NOTE)
    finally:
        await client.close()


async def get(access: Access) -> NewObject | None:
    client = Client(HttpTransport(access), "test")
    try:
        return await client.get(CONFIG_MAPS, "note", "default")
    finally:
        await client.close()


@OUTLIVES_US
def test_after_a_kill_everything_is_there_and_clients_go_on(alone: Volary, tmp_path: Path) -> None:
    words = ("kube", "up", "hub", "--no-pods", "hub", "--keep", "--dir", str(tmp_path))
    first = alone(*words, "-o", "json").json()
    before = way_in(first["kubeconfig"])
    made = asyncio.run(create(before))
    os.kill(first["pid"], signal.SIGKILL)
    wait_for(lambda: not alive(first["pid"]), "the kill")
    second = alone(*words, "-o", "json").json()
    try:
        assert asyncio.run(get(before)) == made  # by the old address, token and authority
        assert second["clusters"]["hub"]["journal"] == str(tmp_path / "clusters" / "hub" / "journal.db")
        assert second["clusters"]["hub"]["notes"] == []
    finally:
        alone.good("kube", "down", "--dir", str(tmp_path))
    wait_for(lambda: not alive(second["pid"]), "the end")
    assert not wal_of(tmp_path / "clusters" / "hub" / "journal.db").exists()  # a proper end leaves one file


WRITERS, KILLED_AFTER = 8, 120  # clients at once; how many writes are acknowledged before the end


async def write_until_it_ends(access: Access, pid: int) -> set[str]:
    """Create objects by many clients at once, and kill the server in the middle; return what was acknowledged."""
    made: set[str] = set()

    async def write(number: int) -> None:
        client = Client(HttpTransport(access), "test", timeout_seconds=5.0)
        with suppress(Unreachable):
            for count in itertools.count():
                name = f"w{number}-{count}"
                await client.create(CONFIG_MAPS, {**NOTE, "metadata": {"name": name, "namespace": "default"}})
                made.add(name)
                if len(made) == KILLED_AFTER:
                    os.kill(pid, signal.SIGKILL)
        await client.close()

    async with asyncio.TaskGroup() as group:
        for number in range(WRITERS):
            group.create_task(write(number))
    return made


@OUTLIVES_US
def test_what_clients_were_told_of_is_there_after_a_kill_in_the_middle(alone: Volary, tmp_path: Path) -> None:
    words = ("kube", "up", "hub", "--no-pods", "hub", "--keep", "--dir", str(tmp_path))
    first = alone(*words, "-o", "json").json()
    told = asyncio.run(write_until_it_ends(way_in(first["kubeconfig"]), first["pid"]))
    wait_for(lambda: not alive(first["pid"]), "the kill")
    journal = Journal(tmp_path / "clusters" / "hub" / "journal.db")
    _, entries = journal.load()
    journal.close()
    assert told <= {entry.key[1] for resource, entry in entries if resource == "/configmaps"}
    assert len(told) >= KILLED_AFTER


@OUTLIVES_US
def test_a_log_that_was_cut_is_said_to_be(alone: Volary, tmp_path: Path) -> None:
    words = ("kube", "up", "hub", "--no-pods", "hub", "--keep", "--dir", str(tmp_path))
    first = alone(*words, "-o", "json").json()
    os.kill(first["pid"], signal.SIGKILL)
    wait_for(lambda: not alive(first["pid"]), "the kill")
    log = wal_of(tmp_path / "clusters" / "hub" / "journal.db")
    log.write_bytes(log.read_bytes()[:-100])
    answered = alone(*words)
    try:
        assert answered.status == 0
        assert "ended in the middle of a write, which was cut off" in answered.err
    finally:
        alone.good("kube", "down", "--dir", str(tmp_path))


def test_a_damaged_journal_stops_the_start_with_one_sentence(alone: Volary, tmp_path: Path) -> None:
    journal = tmp_path / "clusters" / "hub" / "journal.db"
    journal.parent.mkdir(parents=True)
    journal.write_text("none of ours " * 100)
    words = ("kube", "up", "hub", "--no-pods", "hub", "--keep", "--dir", str(tmp_path), "--foreground")
    sentence = alone(*words).one_sentence()
    assert sentence == (
        f"{journal} is damaged (file is not a database); move it away to begin anew, or bring back a copy"
    )


def test_a_folder_is_used_by_one_process_even_while_that_starts(alone: Volary, tmp_path: Path) -> None:
    estate = Estate(tmp_path, [], SystemClock())  # it has not begun to run, so nothing tells of it but the lock
    sentence = alone("kube", "up", "hub", "--dir", str(tmp_path), "--foreground").one_sentence()
    assert sentence == f"{tmp_path}: another process starts or ends clusters there just now; try again in a moment"
    estate.close()
