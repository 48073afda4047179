"""Repositories in memory: the simulated end of the seam, for virtual time and tests. No network, no files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from volary.sources import FILE, LINK, Checkout, Credentials, Entry, Revision, Source, SourceError
from volary.sources.urls import check_url


@dataclass(frozen=True, slots=True)
class MemoryTree:
    """A tree whose contents are at hand."""

    id: str
    entries: Mapping[str, Entry]
    contents: Mapping[str, bytes]  # by path

    def read(self, path: str) -> bytes:
        return self.contents[path]


def memory_tree(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> MemoryTree:
    """Return a tree of these files; `links` are symbolic links, path to target."""
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    entries = {path: Entry(FILE, blob_id(content)) for path, content in contents.items()}
    entries |= {path: Entry(LINK, blob_id(target.encode())) for path, target in (links or {}).items()}
    listing = "".join(f"{path}\0{entries[path].kind}\0{entries[path].blob}\n" for path in sorted(entries))
    return MemoryTree(hashlib.sha1(listing.encode()).hexdigest(), entries, contents)  # noqa: S324


def blob_id(content: bytes) -> str:
    """Return the id that Git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324


@dataclass(slots=True)
class MemoryRepository:
    """Commits and branches of one URL."""

    refs: dict[str, str] = field(default_factory=dict)  # full name -> commit
    parents: dict[str, str] = field(default_factory=dict)  # commit -> its parent, "" for the first
    trees: dict[str, MemoryTree] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    trouble: SourceError | None = None  # what everybody who asks gets
    asked: int = 0  # how often somebody asked for the refs

    def push(self, files: Mapping[str, str | bytes], branch: str = "main", message: str = "a change") -> str:
        """Add a commit on top of a branch; return its hash."""
        ref = f"refs/heads/{branch}"
        tree = memory_tree(files)
        parent = self.refs.get(ref, "")
        commit = hashlib.sha1(f"{tree.id}\0{parent}\0{message}".encode()).hexdigest()  # noqa: S324
        self.refs[ref], self.parents[commit], self.trees[commit] = commit, parent, tree
        self.subjects[commit] = message.partition("\n")[0]
        return commit

    def holds(self, branch: str, commit: str) -> bool:
        """Is the commit in the branch?"""
        at = self.refs.get(f"refs/heads/{branch}", "")
        while at and at != commit:
            at = self.parents[at]
        return bool(at)


class MemoryFetcher:
    """A Fetcher over repositories in memory; one that is not there is unreachable."""

    def __init__(self) -> None:
        self.repositories: dict[str, MemoryRepository] = {}

    def repository(self, url: str) -> MemoryRepository:
        """Return the repository at a URL, made at the first call."""
        return self.repositories.setdefault(url, MemoryRepository())

    async def resolve(self, source: Source, credentials: Credentials) -> Revision:
        repository, ref = self._at(source.url), source.ref
        repository.asked += 1
        if ref.commit:
            if ref.branch and not repository.holds(ref.branch, ref.commit):
                raise not_in_branch(source)
            return Revision(ref.commit, ref.label)
        commit = repository.refs.get(ref.full)
        if commit is None:
            raise no_such_ref(source)
        return Revision(commit, ref.label)

    async def fetch(self, source: Source, revision: Revision, credentials: Credentials) -> Checkout:
        repository = self._at(source.url)
        tree = repository.trees.get(revision.commit)
        if tree is None:
            raise no_such_commit(source, revision)
        return Checkout(revision, tree, repository.subjects[revision.commit])

    async def close(self) -> None:
        return None

    def _at(self, url: str) -> MemoryRepository:
        check_url(url)
        repository = self.repositories.get(url)
        if repository is None:
            raise SourceError("GitOperationFailed", f"cannot reach {url}: no such repository")
        if repository.trouble is not None:
            raise repository.trouble
        return repository


def no_such_ref(source: Source) -> SourceError:
    return SourceError("GitOperationFailed", f'{source.url} has no "{source.ref.full}"; check spec.ref')


def not_in_branch(source: Source) -> SourceError:
    ref = source.ref
    message = f'commit {ref.commit} is not in the branch "{ref.branch}" of {source.url}'
    return SourceError("GitOperationFailed", f"{message}; name a commit of that branch, or another branch")


def no_such_commit(source: Source, revision: Revision) -> SourceError:
    return SourceError("GitOperationFailed", f"{source.url} has no commit {revision.commit}")
