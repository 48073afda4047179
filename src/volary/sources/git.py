"""Git for real: one bare cache for each URL and set of credentials, fetched into as little as will do.

A poll asks for one ref (`refs`). A new commit is fetched alone, without history; history is fetched only to answer
whether a commit is in a branch, and then step by step. Contents are kept by Git's own ids (`store`), so a commit that
changes one file writes one file.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from volary.sources import Checkout, Credentials, Ref, Revision, Source, SourceError
from volary.sources.credentials import forget_logins, git_access
from volary.sources.memory import no_such_commit, no_such_ref, not_in_branch
from volary.sources.program import GitFailed, run_git
from volary.sources.refs import NotVersionTwo, ask, not_let_in
from volary.sources.store import Store
from volary.sources.urls import check_url

DEPTHS = (50, 1000, 2147483647)  # how far back to look for a commit in a branch; the last means all
MOST_FETCHES = 500  # into one cache; then it is made anew, which is simpler than collecting garbage
KEPT_CHECKOUTS = 8  # of one cache; a checkout is an index, not the files
LOGIN_WORDS = ("Authentication failed", "could not read Username", "Permission denied", "error: 401", "error: 403")


@dataclass(slots=True)
class Cache:
    """The bare repository of one URL."""

    folder: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    store: Store | None = None  # None: not looked at yet
    fetches: int = 0
    checkouts: dict[str, Checkout] = field(default_factory=dict)  # by commit
    members: set[tuple[str, str]] = field(default_factory=set)  # (commit, head of a branch that has it)


class GitFetcher:
    """The real end of the seam. `folder` belongs to it and may be deleted when nobody uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        forget_logins(folder)
        self._caches: dict[str, Cache] = {}
        self._session: aiohttp.ClientSession | None = None

    async def resolve(self, source: Source, credentials: Credentials) -> Revision:
        check_url(source.url)
        try:
            return await self._resolve(source, credentials)
        except OSError as error:
            raise self._no_storage(error) from None

    async def fetch(self, source: Source, revision: Revision, credentials: Credentials) -> Checkout:
        check_url(source.url)
        cache = self._cache(source.url, credentials)
        try:
            async with cache.lock:
                return await self._checkout(cache, source, revision, credentials)
        except OSError as error:
            raise self._no_storage(error) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _no_storage(self, error: OSError) -> SourceError:
        """Return what it means that something cannot be written or started: a full disk, most of the time."""
        message = f"cannot work in {self.folder}: {error.strerror or error}; is the disk full?"
        return SourceError("StorageOperationFailed", message)

    # -- asking

    async def _resolve(self, source: Source, credentials: Credentials) -> Revision:
        ref = source.ref
        if ref.commit and not ref.branch:
            return Revision(ref.commit)
        head = await self._head(source if not ref.commit else branch_of(source), credentials)
        if not ref.commit:
            return Revision(head, ref.label)
        if head != ref.commit:
            await self._check_membership(source, head, credentials)
        return Revision(ref.commit, ref.branch)

    async def _head(self, source: Source, credentials: Credentials) -> str:
        """Return the commit that a ref names. Raises: SourceError."""
        if urlsplit(source.url).scheme != "ssh":
            with contextlib.suppress(NotVersionTwo):
                found = await ask(self._http(), source, credentials)
                return commit_in(found, source)
        return await self._head_by_git(source, credentials)

    async def _head_by_git(self, source: Source, credentials: Credentials) -> str:
        wanted = source.ref.full.removesuffix("^{}")
        listing = ("ls-remote", "--", source.url, wanted, f"{wanted}^{{}}")
        out = await self._remote(listing, None, source, credentials)
        found = {name: commit for commit, name in (line.split("\t", 1) for line in out.decode().splitlines())}
        if f"{wanted}^{{}}" in found:
            found[wanted] = found[f"{wanted}^{{}}"]
        return commit_in(found, source)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=True)
        return self._session

    # -- fetching

    async def _checkout(self, cache: Cache, source: Source, revision: Revision, credentials: Credentials) -> Checkout:
        known = cache.checkouts.get(revision.commit)
        if known is None:
            store = await self._ready(cache)
            if not await store.has(revision.commit):
                await self._download(cache, source, revision, credentials)
            known = await store.checkout(revision)
            cache.checkouts[revision.commit] = known
            while len(cache.checkouts) > KEPT_CHECKOUTS:
                del cache.checkouts[next(iter(cache.checkouts))]
        return Checkout(revision, known.tree, known.subject)

    async def _download(self, cache: Cache, source: Source, revision: Revision, credentials: Credentials) -> None:
        """Fetch one commit without its history; by its ref where the server does not give commits by their hash."""
        try:
            await self._pull(cache, source, credentials, revision.commit, "refs/volary/fetched", 1)
            return
        except GitFailed as error:
            self._raise_if_login(source, error)
            first = error
        if source.ref.full:
            with contextlib.suppress(GitFailed):
                await self._pull(cache, source, credentials, source.ref.full, "refs/volary/fetched", 1)
        assert cache.store is not None
        if not await cache.store.has(revision.commit):
            if "not our ref" in str(first):
                raise no_such_commit(source, revision) from None
            raise SourceError("GitOperationFailed", f"cannot fetch from {source.url}: {first}") from None

    async def _check_membership(self, source: Source, head: str, credentials: Credentials) -> None:
        """Make sure that the commit is in the branch, with as little history as answers it. Raises: SourceError."""
        ref = source.ref
        cache = self._cache(source.url, credentials)
        async with cache.lock:
            if (ref.commit, head) in cache.members:
                return
            await self._ready(cache)
            for depth in DEPTHS:
                try:
                    await self._pull(
                        cache, source, credentials, f"refs/heads/{ref.branch}", "refs/volary/branch", depth
                    )
                except GitFailed as error:
                    self._raise_if_login(source, error)
                    raise SourceError("GitOperationFailed", f"cannot fetch from {source.url}: {error}") from None
                if await self._is_ancestor(cache, ref):
                    cache.members.add((ref.commit, head))
                    return
        raise not_in_branch(source)

    async def _is_ancestor(self, cache: Cache, ref: Ref) -> bool:
        try:
            await run_git(("merge-base", "--is-ancestor", ref.commit, "refs/volary/branch"), cache.folder / "git")
        except GitFailed:
            return False  # 1: it is not; 128: it is not here
        return True

    async def _pull(
        self, cache: Cache, source: Source, credentials: Credentials, what: str, into: str, depth: int
    ) -> None:
        """Raises: GitFailed, SourceError."""
        flags = ("--quiet", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules")
        command = ("fetch", *flags, f"--depth={depth}", "--", source.url, f"+{what}:{into}")
        cache.fetches += 1
        await self._remote(command, cache.folder / "git", source, credentials, raw=True)

    async def _remote(
        self, command: tuple[str, ...], folder: Path | None, source: Source, credentials: Credentials, raw: bool = False
    ) -> bytes:
        """Run git against the other end; with `raw` its failure is the caller's to explain."""
        with git_access(source.url, credentials, self.folder) as access:
            try:
                return await run_git(
                    command,
                    folder,
                    settings=access.settings,
                    environment=access.environment,
                    timeout_seconds=source.timeout_seconds,
                )
            except GitFailed as error:
                if raw:
                    raise
                self._raise_if_login(source, error)
                raise SourceError("GitOperationFailed", f"cannot reach {source.url}: {error}") from None

    @staticmethod
    def _raise_if_login(source: Source, error: GitFailed) -> None:
        if any(word in str(error) for word in LOGIN_WORDS):
            raise not_let_in(source.url) from None

    # -- caches

    def _cache(self, url: str, credentials: Credentials) -> Cache:
        """Return the cache; who has other credentials has another, so nothing is read that one may not fetch."""
        name = hashlib.sha256(f"{url}\0{credentials.digest}".encode()).hexdigest()[:20]
        if name not in self._caches:
            self._caches[name] = Cache(self.folder / name)
        return self._caches[name]

    async def _ready(self, cache: Cache) -> Store:
        if cache.fetches >= MOST_FETCHES:
            await asyncio.to_thread(shutil.rmtree, cache.folder / "git", True)
            cache.store, cache.fetches = None, 0
            cache.members.clear()
        if cache.store is None:
            cache.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            await run_git(("init", "--quiet", "--bare", str(cache.folder / "git")))
            (cache.folder / "git" / "shallow.lock").unlink(missing_ok=True)  # left by a git that was killed
            cache.store = Store(cache.folder / "git", cache.folder / "blobs")
        return cache.store


def branch_of(source: Source) -> Source:
    """Return the same source, following the branch instead of a commit in it."""
    return Source(source.url, Ref(branch=source.ref.branch), source.timeout_seconds)


def commit_in(found: dict[str, str], source: Source) -> str:
    """Return the commit of the ref asked for. Raises: SourceError."""
    commit = found.get(source.ref.full.removesuffix("^{}"))
    if commit is None:
        raise no_such_ref(source)
    return commit
