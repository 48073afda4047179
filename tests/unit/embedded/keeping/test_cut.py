"""The process is killed in mid-write, the files are cut anywhere: what was acknowledged and is on the disk is there."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.embedded.keeping.kept import Kept
from tests.unit.embedded.keeping.writer import World, do, steps, world_of, worlds
from volary.embedded.keeping.journal import Unusable, wal_of
from volary.embedded.keeping.wal import FRAME_HEADER, HEADER, frames_in

FRAME = FRAME_HEADER + 4096
WRITES = 20
ROOT = Path(__file__).parents[4]


def killed_after(folder: Path, seed: int, count: int) -> int:
    """Run a writer and kill it once it said that `count` writes succeeded; return how many it said in all."""
    command = [sys.executable, "-m", "tests.unit.embedded.keeping.writer", str(folder), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout
        for _ in range(count + 1):
            assert child.stdout.readline().strip(), "the writer ended by itself"
        child.send_signal(signal.SIGKILL)
        return count + len([line for line in child.stdout if line.endswith("\n")])


def test_a_kill_at_any_moment_loses_no_acknowledged_write(tmp_path: Path) -> None:
    rng, before = random.Random(20), World()
    for seed in range(3):
        said = killed_after(tmp_path, seed, rng.randrange(1, 150))
        possible = worlds(seed, said + 1, before)
        server = Kept(tmp_path)
        before = world_of(server)
        assert before in possible[said:], "more or less is there than was acknowledged, and the write on its way"
        server.journal.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose writer was cut off after some writes, all of them only in the log so far."""
    running, folder = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("written")
    server = Kept(running)
    for step, _ in zip(steps(7), range(WRITES)):
        do(server, step)
    for path in running.iterdir():
        shutil.copy(path, folder)
    server.journal.close()
    return folder


def begun(written: Path, folder: Path, cut: int, noise: bytes = b"") -> Kept:
    """Begin with the log cut off at a place, `noise` behind it."""
    path = folder / "journal.db"
    shutil.copy(written / "journal.db", path)
    wal_of(path).write_bytes(wal_of(written / "journal.db").read_bytes()[:cut] + noise)
    return Kept(folder)


def places(size: int) -> list[int]:
    """Return where to cut: around every frame's beginning and somewhere inside each."""
    rng, edges = random.Random(3), range(HEADER, size, FRAME)
    near = [edge + step for edge in edges for step in (0, 1, rng.randrange(FRAME))]
    return sorted({it for it in (*range(HEADER), *near) if it < size})


def test_a_log_cut_anywhere_gives_the_writes_before_the_cut(written: Path, tmp_path: Path) -> None:
    log, known = wal_of(written / "journal.db").read_bytes(), worlds(7, WRITES)
    last, quiet = 0, 0
    for cut in places(len(log)):
        try:
            server = begun(written, tmp_path, cut)
        except Unusable:
            pytest.fail(f"cut at {cut}")
        found = known.index(world_of(server), last)  # never an earlier one than a shorter log gave
        assert server.journal.notes or (cut - HEADER) % FRAME == 0 or cut == 0, f"no warning for a cut at {cut}"
        quiet += not server.journal.notes
        last = found
        server.journal.close()
    assert last >= WRITES - 2
    assert WRITES <= quiet <= WRITES + 4, "silent only where a cut falls between two writes"


def test_noise_behind_the_last_write_is_cut_off_with_a_warning(written: Path, tmp_path: Path) -> None:
    log = wal_of(written / "journal.db").read_bytes()
    salts = log[16:24]
    server = begun(written, tmp_path, len(log), noise=b"\0" * 8 + salts + b"\1" * 900)
    assert world_of(server) == worlds(7, WRITES)[-1]
    (note,) = server.journal.notes
    assert "ended in the middle of a write, which was cut off" in note
    server.journal.close()


def test_a_whole_log_is_taken_without_a_word(written: Path, tmp_path: Path) -> None:
    log = wal_of(written / "journal.db")
    server = begun(written, tmp_path, log.stat().st_size)
    assert server.journal.notes == []
    assert world_of(server) == worlds(7, WRITES)[-1]
    server.journal.close()
    assert frames_in(log) == (log.stat().st_size - HEADER) // FRAME


def test_a_database_cut_anywhere_is_whole_or_refused(written: Path, tmp_path: Path) -> None:
    server = begun(written, tmp_path, wal_of(written / "journal.db").stat().st_size)
    server.journal.close()  # brings everything into the database
    path, whole = tmp_path / "journal.db", worlds(7, WRITES)[-1]
    content, refused = (tmp_path / "journal.db").read_bytes(), set[str]()
    for cut in (*range(1, len(content), 1009), len(content) - 1):
        path.write_bytes(content[:cut])
        wal_of(path).unlink(missing_ok=True)
        try:
            server = Kept(tmp_path)
        except Unusable as why:
            refused.add(str(why))
        else:
            assert world_of(server) == whole
            server.journal.close()
    assert len(refused) > 1
    assert all(text.startswith(f"{path} is damaged (") for text in refused)


def test_an_emptied_database_does_not_take_the_log_with_it(written: Path, tmp_path: Path) -> None:
    shutil.copy(wal_of(written / "journal.db"), tmp_path)
    (tmp_path / "journal.db").touch()
    with pytest.raises(Unusable, match="it is cut short"):
        Kept(tmp_path)
    assert wal_of(tmp_path / "journal.db").stat().st_size


def test_a_database_cut_under_its_log_is_whole_or_refused(tmp_path: Path) -> None:
    """As above, with a log that would fill the hole with zeros."""
    running, folder, many = tmp_path / "running", tmp_path / "cut", 120
    running.mkdir()
    folder.mkdir()
    server = Kept(running)
    server.journal._db.execute("PRAGMA wal_autocheckpoint = 40")  # so that most is in the database, some in the log
    for step, _ in zip(steps(8), range(many)):
        do(server, step)
    content, log = server.journal.path.read_bytes(), wal_of(server.journal.path).read_bytes()
    server.journal.close()
    path, whole, refused = folder / "journal.db", worlds(8, many)[-1], 0
    for cut in range(600, len(content), 1777):
        path.write_bytes(content[:cut])
        wal_of(path).write_bytes(log)
        try:
            server = Kept(folder)
        except Unusable:
            refused += 1
        else:
            assert world_of(server) == whole
            server.journal.close()
    assert refused > 10
