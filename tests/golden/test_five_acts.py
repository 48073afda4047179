"""The whole program plays the demo's acts in virtual time, a line a decision; `make golden` accepts another story."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from volary.sim.diary import Diary, keeping
from volary.sim.loop import run_virtually
from volary.sim.stage import Setting, staged

FOLDER = Path(__file__).parent
MINUTE = Setting(interval="1m", interval_seconds=60.0)


async def written(setting: Setting, *acts: int) -> str:
    """Return the diary of these acts, after an end as the story says."""
    async with staged(setting) as stage:
        with keeping(Diary(asyncio.get_running_loop().time), stage.story) as diary:
            stage.start()
            assert await stage.acts(*acts) == []
            assert diary.bugs == []
            if acts[-1] > 3:
                diary.write("volary why podinfo", stage.why())
            return "".join(f"{line}\n" for line in sorted(diary.lines, key=moment_and_place))


def moment_and_place(line: str) -> tuple[float, str]:
    """Who of several is first within one moment is of no interest, and changes with every await."""
    moment, place = line.split(maxsplit=2)[:2]
    return float(moment), place


def same_as_before(name: str, log: str) -> None:
    path = FOLDER / name
    if os.environ.get("VOLARY_GOLDEN") == "accept":
        path.write_text(log)
    assert log == path.read_text()


def test_five_acts_are_as_they_were() -> None:
    same_as_before("five-acts.log", run_virtually(written(Setting(), 1, 2, 3, 4, 5)))


def test_a_release_at_a_minute_is_as_it_was() -> None:
    same_as_before("release-1m.log", run_virtually(written(MINUTE, 1, 2, 3)))


def test_the_same_seed_writes_the_same_bytes_in_every_process() -> None:
    """Sets and dicts may lie in another order in another process; the story may not."""
    program = "from tests.golden.test_five_acts import digest_of_a_release; print(digest_of_a_release())"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(FOLDER.parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed in ("0", "1", "4711")
    ]
    said = [child.communicate(timeout=90)[0].strip() for child in children]
    assert len(set(said)) == 1, said
    assert len(said[0]) == 64, said


def digest_of_a_release() -> str:
    return hashlib.sha256(run_virtually(written(Setting(), 1, 2)).encode()).hexdigest()


def test_no_hold_is_shown_while_the_caches_of_a_member_that_answers_are_filled() -> None:
    for name in ("five-acts.log", "release-1m.log"):
        assert "ClusterUnreachable" not in (FOLDER / name).read_text()
