"""Git for real: the git program against `git http-backend` on loopback, behind a password."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from tests.unit.sources.repository import Repository, git, make_repository
from volary.demo.git_server import GitServer
from volary.sources import Credentials, Ref, Revision, Source, SourceError
from volary.sources.git import GitFetcher
from volary.sources.program import run_git, start

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git program here")

USER = Credentials({"username": b"flux", "password": b"p:w"})


class World:
    """A repository, its server, and a fetcher."""

    def __init__(self, repository: Repository, server: GitServer, fetcher: GitFetcher) -> None:
        self.repository, self.server, self.fetcher = repository, server, fetcher
        self.url = f"{server.url}/app.git"

    def source(self, **ref: str) -> Source:
        return Source(self.url, Ref(**ref) if ref else Ref(branch="main"), 20)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    repository = make_repository(folder)
    async with GitServer(folder / "served", "flux", "p:w") as server:
        fetcher = GitFetcher(folder / "cache")
        try:
            yield World(repository, server, fetcher)
        finally:
            await fetcher.close()


def play(folder: Path, story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with world(folder) as there:
            await story(there)

    asyncio.run(run())


def test_a_branch_is_resolved_with_one_request_and_fetched(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        commit = there.repository.commit({"deploy/a.yaml": "a: 1\n", "b.txt": "b"}, "first\n\nbody")
        revision = await there.fetcher.resolve(there.source(), USER)
        assert (str(revision), there.server.asked) == (f"main@sha1:{commit}", 1)
        checkout = await there.fetcher.fetch(there.source(), revision, USER)
        assert checkout.tree.read("deploy/a.yaml") == b"a: 1\n"
        assert sorted(checkout.tree.entries) == ["b.txt", "deploy/a.yaml"]
        assert checkout.subject == "first"
        asked = there.server.asked
        again = await there.fetcher.fetch(there.source(), revision, USER)
        assert (again.tree.id, there.server.asked) == (checkout.tree.id, asked)

    play(tmp_path, story)


def test_a_new_process_finds_what_was_fetched_before(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        there.repository.commit({"a.yaml": "a: 1\n"})
        revision = await there.fetcher.resolve(there.source(), USER)
        await there.fetcher.fetch(there.source(), revision, USER)
        asked = there.server.asked
        other = GitFetcher(tmp_path / "cache")
        checkout = await other.fetch(there.source(), revision, USER)
        assert (checkout.tree.read("a.yaml"), there.server.asked) == (b"a: 1\n", asked)
        await other.close()

    play(tmp_path, story)


def test_tags_full_names_and_commits(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        first = there.repository.commit({"a.yaml": "a: 1\n"})
        git(there.repository.work, "tag", "-a", "v1", "-m", "one")
        git(there.repository.work, "push", "-q", str(there.repository.bare), "v1", "HEAD:refs/pull/7/head")
        second = there.repository.commit({"a.yaml": "a: 2\n"})
        resolve = there.fetcher.resolve
        assert await resolve(there.source(tag="v1"), USER) == Revision(first, "v1")
        assert await resolve(there.source(name="refs/pull/7/head"), USER) == Revision(first, "refs/pull/7/head")
        assert await resolve(there.source(branch="main"), USER) == Revision(second, "main")
        asked = there.server.asked
        assert await resolve(there.source(commit=first), USER) == Revision(first)
        assert there.server.asked == asked
        checkout = await there.fetcher.fetch(there.source(commit=first), Revision(first), USER)
        assert checkout.tree.read("a.yaml") == b"a: 1\n"

    play(tmp_path, story)


def test_a_commit_must_be_in_its_branch(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        old = there.repository.commit({"a.yaml": "a: 1\n"})
        for number in range(3):
            there.repository.commit({"a.yaml": f"a: {number}\n"}, str(number))
        head = there.repository.commit({"a.yaml": "a: 9\n"})
        there.repository.commit({"a.yaml": "a: 10\n"}, branch="side")
        other = git(there.repository.work, "rev-parse", "HEAD")
        for commit in (head, old):
            source = there.source(branch="main", commit=commit)
            assert await there.fetcher.resolve(source, USER) == Revision(commit, "main")
        with pytest.raises(SourceError, match=f'commit {other} is not in the branch "main"'):
            await there.fetcher.resolve(there.source(branch="main", commit=other), USER)
        with pytest.raises(SourceError, match="has no commit"):
            await there.fetcher.fetch(there.source(commit="0" * 40), Revision("0" * 40), USER)

    play(tmp_path, story)


def test_a_force_push_is_followed(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        first = there.repository.commit({"a.yaml": "a: 1\n"})
        lost = there.repository.commit({"a.yaml": "a: 2\n"})
        await there.fetcher.fetch(there.source(), await there.fetcher.resolve(there.source(), USER), USER)
        git(there.repository.work, "reset", "-q", "--hard", first)
        forced = there.repository.commit({"a.yaml": "a: 3\n"}, "rewritten")
        revision = await there.fetcher.resolve(there.source(), USER)
        checkout = await there.fetcher.fetch(there.source(), revision, USER)
        assert (revision.commit, checkout.tree.read("a.yaml")) == (forced, b"a: 3\n")
        assert lost != forced

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (Credentials(), "does not let us in"),
        (Credentials({"username": b"flux", "password": b"wrong-secret"}), "does not let us in"),
        (Credentials({"bearerToken": b"wrong-secret"}), "does not let us in"),
        (Credentials({"username": b"flux"}), 'both "username" and "password"'),
        (Credentials({"bearerToken": b"a\nb"}), "more than one line"),
    ],
)
def test_bad_credentials(tmp_path: Path, credentials: Credentials, words: str) -> None:
    async def story(there: World) -> None:
        commit = there.repository.commit({"a.yaml": "a: 1\n"})
        with pytest.raises(SourceError, match=words) as caught:
            await there.fetcher.resolve(there.source(), credentials)
        assert caught.value.reason == "AuthenticationFailed"
        with pytest.raises(SourceError, match=words) as caught:
            await there.fetcher.fetch(there.source(), Revision(commit), credentials)
        assert "wrong-secret" not in str(caught.value)

    play(tmp_path, story)


def test_what_is_not_there_has_a_sentence(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        there.repository.commit({"a.yaml": "a: 1\n"})
        with pytest.raises(SourceError, match='has no "refs/heads/dev"'):
            await there.fetcher.resolve(there.source(branch="dev"), USER)
        with pytest.raises(SourceError, match=r"cannot reach .*/none.git: .*not found"):
            await there.fetcher.resolve(Source(f"{there.server.url}/none.git", Ref(branch="main"), 10), USER)
        await there.server.stop()
        with pytest.raises(SourceError, match=r"cannot reach .*: "):
            await there.fetcher.resolve(there.source(), USER)

    play(tmp_path, story)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        commit = there.repository.commit({"a.yaml": "a: 1\n"})
        (tmp_path / "file").write_text("")
        fetcher = GitFetcher(tmp_path / "file" / "cache")
        with pytest.raises(SourceError, match=r"cannot work in .*/cache: Not a directory") as caught:
            await fetcher.fetch(there.source(), Revision(commit), USER)
        assert caught.value.reason == "StorageOperationFailed"

    play(tmp_path, story)


def test_no_git_program_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SourceError, match="there is no git program; install Git"):
        asyncio.run(run_git(("version",)))


def test_a_git_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\nsleep 100 &\necho $! > {tmp_path}/child\nwait\n")
    (tmp_path / "git").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    async def hang() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", path)
            await run_git(("fetch",), timeout_seconds=1)

    with pytest.raises(SourceError, match=r"git fetch took longer than 1s"):
        asyncio.run(hang())
    child = int((tmp_path / "child").read_text())
    stat = Path(f"/proc/{child}/stat")
    assert not stat.exists() or stat.read_text().split()[2] in "ZX"  # dead, perhaps not yet collected


def test_links_and_submodules(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        (there.repository.work / "link.yaml").symlink_to("/etc/passwd")
        git(there.repository.work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
        there.repository.work.joinpath("module").mkdir()
        there.repository.commit({"a.yaml": "a: 1\n"})
        revision = await there.fetcher.resolve(there.source(), USER)
        tree = (await there.fetcher.fetch(there.source(), revision, USER)).tree
        assert {path: entry.kind for path, entry in tree.entries.items()} == {"a.yaml": "file", "link.yaml": "link"}

    play(tmp_path, story)


def test_the_server_serves_only_the_smart_protocol(tmp_path: Path) -> None:
    async def story(there: World) -> None:
        there.repository.commit({"a.yaml": "a: 1\n"})
        session = there.fetcher._http()
        headers = {"Authorization": there.server._login}
        for path, status in (
            ("/app.git/HEAD", 405),
            ("/app.git/info/refs", 403),
            ("/app.git/objects/info/packs", 404),
            ("/app.git/info/refs?service=git-upload-pack", 200),
            ("/other.git/info/refs?service=git-upload-pack", 404),
            ("/..%2fapp.git/info/refs?service=git-upload-pack", 404),
        ):
            async with session.get(there.server.url + path, headers=headers) as response:
                assert response.status == status, path
        async with session.get(f"{there.url}/info/refs?service=git-upload-pack") as response:
            assert response.status == 401

    play(tmp_path, story)


def test_a_program_that_is_told_nothing_gets_no_pipe_to_be_told_by() -> None:
    async def story() -> None:
        process = await start(("--version",), None, {}, {})
        assert process.stdin is None  # uvloop raises at a write to a program that has ended already
        await process.communicate()
        assert (await run_git(("hash-object", "--stdin"), stdin=b"a\n")).strip() == git_hash(b"a\n")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


def git_hash(content: bytes) -> bytes:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest().encode()
