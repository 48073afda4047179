"""Bring a revision from a repository to here. The seam is `Fetcher`: Git for real (`git`), or in memory (`memory`).

A checkout is a tree of names and contents, not a folder: contents are looked up by Git's own ids, so what did not
change between two commits is neither fetched nor written nor read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from volary.sources.revision import Ref, Revision

__all__ = ["Checkout", "Credentials", "Entry", "Fetcher", "Ref", "Revision", "Source", "SourceError", "Tree"]

FILE, LINK = "file", "link"


class SourceError(Exception):
    """The revision could not be brought; the text is for people and never holds a secret."""

    def __init__(self, reason: str, message: str, lasting: bool = False) -> None:
        super().__init__(message)
        self.reason = reason  # GitOperationFailed | AuthenticationFailed | URLInvalid | StorageOperationFailed | …
        self.lasting = lasting  # asking again cannot help before somebody edits something


@dataclass(frozen=True, slots=True)
class Credentials:
    """The data of a Secret, decoded: username and password, bearerToken, identity and known_hosts, ca.crt, tls.*."""

    values: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def text(self, key: str) -> str:
        """Return a value as text, "" if it is not there. Raises: SourceError."""
        try:
            return self.values.get(key, b"").decode()
        except UnicodeDecodeError:
            message = f'the key "{key}" of the Secret is not UTF-8'
            raise SourceError("AuthenticationFailed", message, lasting=True) from None

    @property
    def digest(self) -> str:
        """Return what tells one set of credentials from another, and nothing about them."""
        parts = [f"{len(key)}:{key}:{len(value)}:".encode() + value for key, value in sorted(self.values.items())]
        return hashlib.sha256(b"".join(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """Where to look, and how long to wait."""

    url: str
    ref: Ref
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree."""

    kind: str  # FILE | LINK
    blob: str  # the id of the content


class Tree(Protocol):
    """All files of one revision. Paths have "/" between names and none in front."""

    @property
    def id(self) -> str: ...  # equal ids mean equal names and contents

    @property
    def entries(self) -> Mapping[str, Entry]: ...

    def read(self, path: str) -> bytes:
        """Return the content of a file. Raises: KeyError when there is none, SourceError when it was cleared away."""
        ...


@dataclass(frozen=True, slots=True)
class Checkout:
    """One revision, here."""

    revision: Revision
    tree: Tree
    subject: str = ""  # the first line of the commit's message


class Fetcher(Protocol):
    """A way to repositories. Raises: SourceError."""

    async def resolve(self, source: Source, credentials: Credentials) -> Revision:
        """Return the revision that `source.ref` means now: one cheap request, no content."""
        ...

    async def fetch(self, source: Source, revision: Revision, credentials: Credentials) -> Checkout:
        """Bring that very revision here, if it is not here yet."""
        ...

    async def close(self) -> None: ...
