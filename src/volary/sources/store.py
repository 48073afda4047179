"""Contents out of a bare repository into files named by their ids; a tree looks its contents up there.

Files are written under another name first and renamed, so a crash never leaves half a content under a true name.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from volary.sources import FILE, LINK, Checkout, Entry, Revision, SourceError
from volary.sources.program import GitFailed, run_git

MOST_FILES = 50_000  # in one tree
LARGEST_BLOB = 16 << 20  # bytes; a manifest is at most a few megabytes
LARGEST_TREE = 512 << 20  # bytes of all files of one tree
BATCH_BYTES = 8 << 20  # read from git at once, so that memory stays bounded

LINK_MODE, MODULE_TYPE = "120000", "commit"


@dataclass(frozen=True, slots=True)
class StoredTree:
    """The files of one revision, in the store."""

    id: str
    entries: Mapping[str, Entry]
    blobs: Path

    def read(self, path: str) -> bytes:
        try:
            return blob_path(self.blobs, self.entries[path].blob).read_bytes()
        except OSError as error:
            message = f'cannot read "{path}" from the cache: {error.strerror or error}'
            raise SourceError("StorageOperationFailed", message) from None


class Store:
    """Reads trees out of one bare repository."""

    def __init__(self, repository: Path, blobs: Path) -> None:
        self.repository = repository
        self.blobs = blobs
        self._known: set[str] | None = None  # ids that are in `blobs`

    async def has(self, commit: str) -> bool:
        """Is the commit here, with its tree?"""
        try:
            await run_git(("cat-file", "-e", f"{commit}^{{tree}}"), self.repository)
        except GitFailed:
            return False
        return True

    async def checkout(self, revision: Revision) -> Checkout:
        """Return the revision with all its contents at hand. Raises: SourceError when it is too large."""
        try:
            about = await run_git(("log", "-1", "--format=%T%n%s", revision.commit, "--"), self.repository)
            listing = await run_git(("ls-tree", "-r", "-z", "-l", revision.commit), self.repository)
        except GitFailed as error:
            raise SourceError("GitOperationFailed", f"cannot read commit {revision.commit}: {error}") from None
        tree, _, subject = about.decode("utf-8", "replace").partition("\n")
        entries, sizes = read_listing(listing)
        await self._extract(sizes)
        return Checkout(revision, StoredTree(tree, entries, self.blobs), subject.partition("\n")[0])

    async def _extract(self, sizes: Mapping[str, int]) -> None:
        if self._known is None:
            self._known = await asyncio.to_thread(known_blobs, self.blobs)
        missing = [blob for blob in sizes if blob not in self._known]
        for batch in batches(missing, sizes):
            out = await run_git(("cat-file", "--batch"), self.repository, stdin="\n".join(batch).encode() + b"\n")
            await asyncio.to_thread(write_blobs, self.blobs, out)
            self._known.update(batch)


def read_listing(listing: bytes) -> tuple[dict[str, Entry], dict[str, int]]:
    """Return the entries of a tree by path, and the size of each content. Submodules are left out, as Flux does.

    Raises: SourceError when the tree is larger than configuration can be.
    """
    entries: dict[str, Entry] = {}
    sizes: dict[str, int] = {}
    for line in listing.split(b"\0"):
        if not line:
            continue
        about, _, name = line.partition(b"\t")
        mode, kind, blob, size = about.decode().split()
        if kind == MODULE_TYPE:
            continue
        entries[name.decode("utf-8", "surrogateescape")] = Entry(LINK if mode == LINK_MODE else FILE, blob)
        sizes[blob] = int(size)
        if int(size) > LARGEST_BLOB:
            shown = name.decode("utf-8", "replace")
            raise too_large(f'"{shown}" has {int(size) >> 20} MiB; allowed: {LARGEST_BLOB >> 20} MiB a file')
    if len(entries) > MOST_FILES:
        raise too_large(f"the revision has {len(entries)} files; allowed: {MOST_FILES}")
    if sum(sizes.values()) > LARGEST_TREE:
        raise too_large(f"the revision is larger than {LARGEST_TREE >> 20} MiB")
    return entries, sizes


def too_large(message: str) -> SourceError:
    return SourceError("StorageOperationFailed", message)


def batches(blobs: list[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Cut the list where a batch would grow beyond its size."""
    batch: list[str] = []
    total = 0
    for blob in blobs:
        if batch and total + sizes[blob] > BATCH_BYTES:
            yield batch
            batch, total = [], 0
        batch.append(blob)
        total += sizes[blob]
    if batch:
        yield batch


def blob_path(blobs: Path, blob: str) -> Path:
    return blobs / blob[:2] / blob[2:]


def known_blobs(blobs: Path) -> set[str]:
    return {path.parent.name + path.name for path in blobs.glob("??/*") if "." not in path.name}


def write_blobs(blobs: Path, batch: bytes) -> None:
    """Write what `git cat-file --batch` gave."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        blob, _, size = batch[at:end].decode().split()
        content = batch[end + 1 : end + 1 + int(size)]
        at = end + 1 + int(size) + 1
        path = blob_path(blobs, blob)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.write_bytes(content)
        os.replace(unfinished, path)  # noqa: PTH105
