"""SSH: host keys and identity are those of the Secret, in files that only we can read, and gone afterwards."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.unit.sources.repository import make_repository
from volary.sources import Credentials, Ref, Source, SourceError
from volary.sources.git import GitFetcher

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git program here")

# Stands for the ssh program: notes how it was called, then runs what the other end would run.
SSH = """#!/bin/sh
echo "$@" >> {folder}/called
while [ $# -gt 2 ]; do
  [ "$1" = -i ] && stat -c '%a' "$2" >> {folder}/modes && cat "$2" >> {folder}/identity
  case "$2" in UserKnownHostsFile=*) cat "${{2#UserKnownHostsFile=}}" >> {folder}/hosts;; esac
  shift
done
exec sh -c "$2"
"""
KEYS = Credentials({"identity": b"the private key", "known_hosts": b"host ssh-ed25519 AAAA\n"})


def fake_ssh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "ssh").write_text(SSH.format(folder=folder))
    (folder / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{Path(shutil.which('git') or '').parent}:/usr/bin:/bin")


def test_a_repository_over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make_repository(tmp_path)
    commit = repository.commit({"a.yaml": "a: 1\n"})
    fake_ssh(tmp_path, monkeypatch)
    source = Source(f"ssh://git@host:22{repository.bare}", Ref(branch="main"), 20)

    async def fetch() -> bytes:
        fetcher = GitFetcher(tmp_path / "cache")
        revision = await fetcher.resolve(source, KEYS)
        assert revision.commit == commit
        return (await fetcher.fetch(source, revision, KEYS)).tree.read("a.yaml")

    assert asyncio.run(fetch()) == b"a: 1\n"
    called = (tmp_path / "called").read_text()
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "-F /dev/null"):
        assert option in called
    assert set((tmp_path / "modes").read_text().split()) == {"600"}
    assert "the private key" in (tmp_path / "identity").read_text()
    assert "ssh-ed25519 AAAA" in (tmp_path / "hosts").read_text()
    (tmp_path / "cache" / "login-left-by-a-crash").mkdir()
    GitFetcher(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("login-*"))
    kept = called.split(" -i ")[1].split()[0]
    assert not Path(kept).exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, '"identity" is missing'),
        ({"identity": b"x"}, '"known_hosts" is missing'),
        ({**KEYS.values, "password": b"x"}, "with a password is not supported"),
    ],
)
def test_what_the_secret_must_hold(tmp_path: Path, values: dict[str, bytes], words: str) -> None:
    source = Source("ssh://git@host/app.git", Ref(branch="main"), 5)
    with pytest.raises(SourceError, match=words) as caught:
        asyncio.run(GitFetcher(tmp_path).resolve(source, Credentials(values)))
    assert (caught.value.reason, caught.value.lasting) == ("AuthenticationFailed", True)
