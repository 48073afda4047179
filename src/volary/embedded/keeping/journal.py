"""What one cluster keeps on disk: a write is in SQLite before it counts, and the next start begins with what is there.

A row is an object under its version, with a sum of its bytes, so every write is one statement, hence one transaction.
A removed object leaves a row without a body, which remembers the version of the removal. What it costs:
docs/decisions/0006-journal.md.

Source: SQLite (write-ahead logging, result codes); etcd for the words of a refusal.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from zlib import crc32

from volary.embedded.api.errors import Problem, unexpected
from volary.embedded.api.store import FIRST, Entry
from volary.embedded.keeping.wal import frames_in

FORMAT = 1  # `user_version` of the file; whoever changes the table raises it and reads the older one
SMALLEST = 512  # bytes of the smallest database
ADVICE = "move it away to begin anew, or bring back a copy"
CUT = "it is cut short"
FULL = "etcdserver: mvcc: database space exceeded"

TABLE = """
CREATE TABLE IF NOT EXISTS objects (
    version INTEGER PRIMARY KEY, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    body BLOB, sum INTEGER NOT NULL)
"""
ADD = "INSERT INTO objects (version, resource, namespace, name, body, sum) VALUES (?, ?, ?, ?, ?, ?)"
CHANGE = "UPDATE objects SET version = ?, body = ?, sum = ? WHERE version = ?"
LIVE = "SELECT version, resource, namespace, name, body, sum FROM objects WHERE body IS NOT NULL"
SWEEP = "DELETE FROM objects WHERE body IS NULL AND version < (SELECT max(version) FROM objects)"

log = logging.getLogger(__name__)


class Unusable(Exception):
    """The file cannot be used; the text says which, why, and what to do."""


class Journal:
    """Implements `api.store.Keeper`. One process has it open at a time."""

    def __init__(self, path: Path) -> None:
        """Open, or begin. Raises: Unusable."""
        self.path = path
        self.notes: list[str] = []  # what people should know of how it was found
        self._failing = False
        try:
            path.touch(mode=0o600)
            written = frames_in(wal_of(path))
        except OSError as error:
            raise Unusable(f"{path} cannot be opened: {error.strerror}") from error
        if (size := path.stat().st_size) < SMALLEST and (size or written):
            raise Unusable(damaged(path, CUT))  # SQLite takes it for an empty one, and throws its log away
        self._db = sqlite3.connect(path, timeout=0.0, isolation_level=None, cached_statements=16)
        try:
            self._begin(written)
        except sqlite3.Error as error:
            self._db.close()
            raise Unusable(why_not(path, error)) from error
        except Unusable:
            self._db.close()
            raise

    def load(self) -> tuple[int, list[tuple[str, Entry]]]:
        """Return the version of the last write and every object under its resource. Raises: Unusable."""
        try:
            last = self._db.execute("SELECT max(version) FROM objects").fetchone()[0]
            return last or FIRST, list(self._entries())
        except Unusable:
            self._db.close()
            raise
        except sqlite3.Error as error:
            self._db.close()
            raise Unusable(why_not(self.path, error)) from error

    def keep(self, resource: str, entry: Entry, old: Entry | None) -> None:
        """Keep an object in place of its `old` version. Raises: Problem, if it is not on the disk."""
        if old is None or old.version == FIRST:
            self._write(ADD, (entry.version, resource, *entry.key, entry.raw, crc32(entry.raw)))
        else:
            self._write(CHANGE, (entry.version, entry.raw, crc32(entry.raw), old.version))

    def drop(self, resource: str, old: Entry, version: int) -> None:
        """Forget an object, but not that `version` is taken. Raises: Problem."""
        if old.version == FIRST:
            self._write(ADD, (version, resource, *old.key, None, 0))
        else:
            self._write(CHANGE, (version, None, 0, old.version))

    def close(self) -> None:
        """Bring everything into the one file; later writes are refused."""
        self._db.close()

    def _begin(self, written: int) -> None:
        # The lock is held until the process ends, however it ends; it also keeps the index of the log in memory.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        _, found, moved = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if found == moved and self.path.stat().st_size < self._pages("count") * self._pages("size"):
            raise Unusable(damaged(self.path, CUT))  # SQLite reads a last page that is cut as if zeros followed
        if written > max(found, 0):
            self._note(f"{self.path} ended in the middle of a write, which was cut off; what came before it is there")
        said = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise Unusable(damaged(self.path, said.splitlines()[-1]))
        self._check_format()

    def _check_format(self) -> None:
        known = self._db.execute("PRAGMA user_version").fetchone()[0]
        if known > FORMAT:
            raise Unusable(f"{self.path} was written by a newer version of this program (format {known}); use that one")
        if not known:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(TABLE)
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
            self._db.execute("COMMIT")
        with suppress(sqlite3.OperationalError):  # on a full disk they stay, and reads go on
            self._db.execute(SWEEP)

    def _pages(self, what: str) -> int:
        found: int = self._db.execute(f"PRAGMA page_{what}").fetchone()[0]
        return found

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        with closing(self._db.execute(LIVE)) as rows:
            for version, resource, namespace, name, body, kept in rows:
                if crc32(body) != kept:  # SQLite reads what is missing of a long value as zeros
                    raise Unusable(damaged(self.path, f"{resource} {namespace}/{name} is not what was written"))
                yield resource, Entry.at_rest((namespace, name), version, body)

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            touched = self._db.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise self._refusal(error) from error
        if touched != 1:  # what is to be changed is not there: the file is no longer what we read and wrote
            raise unexpected(f"{self.path}: the object's row is gone; nothing was written, reads go on")
        if self._failing:
            self._failing = False
            log.warning("the journal can be written again", extra={"journal": str(self.path)})

    def _refusal(self, error: sqlite3.Error) -> Problem:
        if not self._failing:
            self._failing = True
            about = {"journal": str(self.path), "problem": str(error)}
            log.warning("the journal cannot be written; reads go on", extra=about)
        return unexpected(f"{FULL}: {self.path}: {error}; nothing was written, reads go on")

    def _note(self, text: str) -> None:
        self.notes.append(text)
        log.warning(text)


def wal_of(path: Path) -> Path:
    """Return where SQLite writes first."""
    return path.with_name(f"{path.name}-wal")


def damaged(path: Path, how: object) -> str:
    return f"{path} is damaged ({how}); {ADVICE}"


def why_not(path: Path, error: sqlite3.Error) -> str:
    """Return a sentence for people about a file that could not be opened."""
    if "locked" in str(error):
        return f"{path} is in use by another process; end that one, or use another folder"
    if path.stat().st_size == 0 or "full" in str(error):
        return f"{path} cannot be written: {error}; free some space"
    return damaged(path, error)
