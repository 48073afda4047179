"""`volary kube up|list|down` and `volary run` as processes of their own, as people start them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from tests.unit.cli.asking import Volary
from tests.unit.cli.embedded import Servers
from volary.embedded.state import alive, read_state
from volary.kube.objects import dig
from volary.kube.resources import LEASES

SECONDS = 30.0
OUTLIVES_US = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # a child that stays, on purpose


def wait_for(happened: Callable[[], object], what: str) -> None:
    """Wait for another process."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, f"{what} did not happen"
        asyncio.run(asyncio.sleep(0.02))


@contextmanager
def started(*words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in the foreground until the end of the block."""
    child = subprocess.Popen(
        [sys.executable, "-m", "volary", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environ},
    )
    try:
        with child:
            try:
                yield child
            finally:
                child.kill()
    finally:
        child.wait(timeout=SECONDS)


def test_nothing_runs_at_first(alone: Volary, tmp_path: Path) -> None:
    folder = str(tmp_path / "state" / "volary" / "kube")
    assert alone("kube", "list").one_sentence() == f"no clusters run from {folder}; start some with: volary kube up"
    assert alone("kube", "list", "-o", "json").json() == {"clusters": {}}
    answered = alone("kube", "down")
    assert (answered.status, answered.err) == (0, f"volary: no clusters run from {folder}\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("West",), '"West" is not a cluster name: lower-case letters, digits and dashes, 63 at most'),
        (("../up",), "is not a cluster name"),
        (("a-",), "is not a cluster name"),
        (("west", "east", "west"), '"west" is named twice'),
        (("west", "--no-pods", "hub"), "--no-pods hub: no such cluster is started; those that are: west"),
        (("west", "east", "--port", "6443"), "--port is for one cluster; for several on one port add --one-port"),
        (("--listen", "0.0.0.0"), "listens on loopback only, not on 0.0.0.0"),
        (("--listen", "0.0.0.0", "--listen-anyway", "--plain"), "listens on 0.0.0.0 with TLS only"),
        (("--listen", "here"), "--listen here: no IP address; name one of this computer, such as 127.0.0.1"),
    ],
)
def test_words_are_checked_before_anything_starts(
    words: tuple[str, ...], says: str, alone: Volary, tmp_path: Path
) -> None:
    assert says in alone("kube", "up", *words, "--dir", str(tmp_path / "k")).one_sentence()
    assert not (tmp_path / "k").exists()


@OUTLIVES_US
def test_up_list_use_and_down(alone: Volary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "k"
    where = ("--dir", str(folder))
    up = alone("kube", "up", "hub", "--no-pods", "hub", *where, "-o", "json").json()
    try:
        assert list(up["clusters"]) == ["hub"]
        assert alone("kube", "list", *where, "-o", "json").json() == up
        assert up["clusters"]["hub"]["server"] in alone.good("kube", "list", *where)
        assert f"export KUBECONFIG={up['kubeconfig']}" in alone.good("kube", "list", *where)
        modes = [path.stat().st_mode & 0o777 for path in (folder, Path(up["kubeconfig"]))]
        assert modes == [0o700, 0o600]
        monkeypatch.setenv("KUBECONFIG", up["kubeconfig"])
        assert "CustomResourceDefinition" in alone.good("install")
        for foreground in ((), ("--foreground",)):
            sentence = alone("kube", "up", "other", "--no-pods", "other", *where, *foreground).one_sentence()
            assert f"clusters run there already (hub); end them with: volary kube down --dir {folder}" in sentence
    finally:
        assert alone.good("kube", "down", *where) == ""
    assert not alive(up["pid"])
    assert "does not answer" in alone("get", "rollouts").one_sentence()


def test_the_foreground_ends_with_a_signal_and_takes_its_state_along(tmp_path: Path) -> None:
    with started("kube", "up", "hub", "--no-pods", "hub", "--foreground", "--dir", str(tmp_path)) as child:
        wait_for(lambda: read_state(tmp_path), "the start")
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=SECONDS)
    assert child.returncode == 0
    assert "hub " in out
    assert "Traceback" not in out
    assert not (tmp_path / "state.json").exists()


@OUTLIVES_US
def test_after_a_kill_the_next_start_is_an_ordinary_one_and_down_ends_also_the_deaf(
    alone: Volary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("kube", "up", "hub", "--no-pods", "hub", "--dir", str(tmp_path))
    first = alone(*words, "-o", "json").json()["pid"]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not alive(first), "the kill")
    assert (tmp_path / "state.json").exists()
    second = alone(*words, "-o", "json").json()["pid"]
    assert second != first
    os.kill(second, signal.SIGSTOP)
    monkeypatch.setattr("volary.cli.kube.DOWN_SECONDS", 0.2)
    alone.good("kube", "down", "--dir", str(tmp_path))
    wait_for(lambda: not alive(second), "the end")
    assert read_state(tmp_path) is None


def test_a_start_that_fails_says_why(alone: Volary, tmp_path: Path) -> None:
    (tmp_path / "clusters").write_text("a file where a folder must be")
    sentence = alone("kube", "up", "hub", "--no-pods", "hub", "--dir", str(tmp_path)).one_sentence()
    assert sentence.startswith("the clusters did not start: ")
    assert sentence.endswith(f"(see {tmp_path / 'kube.log'})")
    assert "volary: " not in sentence  # the word before it is said once


def test_a_start_on_a_full_disk_says_so(alone: Volary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clusters").write_text("a file where a folder must be")
    monkeypatch.setattr("volary.cli.kube.shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
    sentence = alone("kube", "up", "hub", "--no-pods", "hub", "--dir", str(tmp_path)).one_sentence()
    assert f"no space is left for {tmp_path}; make room and start again" in sentence


# -- volary run


def test_features_are_refused_by_name(volary: Volary) -> None:
    sentence = volary("run", "--features", "canary,teleport").one_sentence()
    assert sentence == '--features "canary,teleport": teleport is none; choose from canary, sync, fleet'
    assert "choose from canary, sync, fleet" in volary("run", "--features", "").one_sentence()


def test_a_cluster_that_is_not_prepared_says_how(volary: Volary) -> None:
    sentence = volary("run", "--context", "bare", "--log-level", "error").one_sentence()
    assert "there is no namespace volary-system; prepare it with: volary install | kubectl apply -f -" in sentence


def holder(servers: Servers) -> str:
    lease = servers.do(servers.client("east").get(LEASES, "volary", "volary-system"))
    return str(dig(lease, "spec", "holderIdentity") or "")


def test_of_two_side_by_side_one_works_and_the_other_takes_over(servers: Servers) -> None:
    words = ("run", "--features", "canary", "--log-format", "json", "--context", "east")
    environ = {"KUBECONFIG": str(servers.kubeconfig)}
    with started(*words, **environ) as one:
        wait_for(lambda: holder(servers), "leadership")
        first = holder(servers)
        with started(*words, **environ) as two:
            one.send_signal(signal.SIGTERM)
            out, _ = one.communicate(timeout=SECONDS)
            assert one.returncode == 0
            assert all(msgspec.json.decode(line)["level"] for line in out.splitlines())
            wait_for(lambda: holder(servers) not in ("", first), "the change")
            two.send_signal(signal.SIGTERM)
            assert two.wait(timeout=SECONDS) == 0
    assert holder(servers) == ""
