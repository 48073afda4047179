from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from volary.embedded.images.shell import INFINITY, NotKnown, play, read
from volary.embedded.node.local_processes import LocalProcesses
from volary.embedded.node.processes import Command


def run(*words: str, **env: str) -> tuple[str, float, int]:
    """Return what a command line writes, how long it takes, and its exit code."""
    playing, text, seconds = play(read(words), env), "", 0.0
    while True:
        try:
            step = next(playing)
        except StopIteration as end:
            return text, seconds, end.value
        text, seconds = text + step.text, seconds + step.seconds


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ((), ("", 0.0, 0)),
        (("sh",), ("", 0.0, 0)),
        (("sleep", "1.5"), ("", 1.5, 0)),
        (("sleep", "1m", "2s"), ("", 62.0, 0)),
        (("sleep", "infinity"), ("", INFINITY, 0)),
        (("tail", "-f", "/dev/null"), ("", INFINITY, 0)),
        (("/bin/false",), ("", 0.0, 1)),
        (("sh", "-c", "echo a; sleep 2; exit 3"), ("a\n", 2.0, 3)),
        (("sh", "-c", "true && echo yes || echo no"), ("yes\n", 0.0, 0)),
        (("sh", "-c", "false && echo yes || echo no"), ("no\n", 0.0, 0)),
        (("bash", "-ec", "set -e\necho -n 'a  b'\necho $NAME ${NAME}!"), ("a  bhere here!\n", 0.0, 0)),
        (("sh", "-c", "sleep soon"), ("sleep: want a number of seconds\n", 0.0, 1)),
        (("sh", "-c", "exit 300"), ("", 0.0, 44)),
    ],
)
def test_a_command_line_is_read(words: tuple[str, ...], wanted: tuple[str, float, int]) -> None:
    assert run(*words, NAME="here") == wanted


@pytest.mark.parametrize(
    "words",
    [
        ("perl", "-e", "1"),
        ("sh", "-c", "rm -rf /"),
        ("sh", "-c", "echo $(id)"),
        ("sh", "script.sh"),
        ("tail", "-f", "x"),
    ]
    + [("sh", "-c", text) for text in ("echo `id`", "echo a | cat", "echo a > b", "echo a & echo b", "echo 'a")],
)
def test_what_is_not_known_is_refused_before_anything_is_done(words: tuple[str, ...]) -> None:
    with pytest.raises(NotKnown):
        read(words)


def command(folder: Path, *words: str) -> Command:
    return Command(
        "test/pod/main", "busybox", words, {"NAME": "here"}, "127.0.0.1", (), folder=folder, log=folder / "log"
    )


def test_a_real_process_does_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        child = LocalProcesses(tmp_path).start(command(tmp_path / "pod", "sh", "-c", "echo $NAME; exit 7"))
        assert await asyncio.wait_for(child.wait(), 30) == 7
        assert (tmp_path / "pod" / "log").read_text() == "here\n"

    asyncio.run(story())


@pytest.mark.parametrize(("program", "words"), [("busybox", ("sleep", "infinity")), ("pause", ())])
def test_one_that_waits_for_ever_ends_when_asked(tmp_path: Path, program: str, words: tuple[str, ...]) -> None:
    async def story() -> None:
        wanted = command(tmp_path / "pod", *words)
        child = LocalProcesses(tmp_path).start(
            Command(wanted.pod, program, words, {}, wanted.host, (), folder=wanted.folder, log=wanted.log)
        )
        await asyncio.wait_for(child.listening(), 30)
        child.terminate()
        assert await asyncio.wait_for(child.wait(), 30) == 143

    asyncio.run(story())
