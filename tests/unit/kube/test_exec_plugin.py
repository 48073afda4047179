"""Exec plugins: run when needed, once for all, and never a word of their secrets in an error."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from volary.kube.credentials import Exec, NoCredentials, Plugin
from volary.kube.kubeconfig import BadKubeconfig, load

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
V1 = "client.authentication.k8s.io/v1"
PROGRAM = """
import json, os, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
with open("runs", "a") as runs:
    runs.write(json.dumps(info) + chr(10))
number = len(open("runs").readlines())
status = {"token": f"token-{number}", "expirationTimestamp": "2026-11-24T10:05:00Z"}
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}))
"""


def kubeconfig(folder: Path, exec_spec: dict[str, Any]) -> str:
    document = {
        "current-context": "west",
        "contexts": [{"name": "west", "context": {"cluster": "w", "user": "me"}}],
        "clusters": [{"name": "w", "cluster": {"server": "https://w.example:6443", "tls-server-name": "kube"}}],
        "users": [{"name": "me", "user": {"exec": exec_spec}}],
    }
    (folder / "config").write_bytes(msgspec.json.encode(document))
    return str(folder / "config")


def plugin(program: str, **options: Any) -> Plugin:
    return Plugin(V1, sys.executable, ("-c", program), **options)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_plugin_is_run_once_for_all_and_again_near_its_expiry(tmp_path: Path, version: str) -> None:
    moment = NOW
    spec = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "command": sys.executable,
        "args": ["-c", PROGRAM],
        "provideClusterInfo": True,
        "interactiveMode": "IfAvailable",
    }
    access = load(lambda: moment, path=kubeconfig(tmp_path, spec), environ={})

    async def main() -> list[str]:
        nonlocal moment
        first = [made.token for made in await asyncio.gather(*[access.credentials.current() for _ in range(5)])]
        moment = NOW + timedelta(minutes=4, seconds=29)
        still = (await access.credentials.current()).token
        moment = NOW + timedelta(minutes=4, seconds=31)
        return [*first, still, (await access.credentials.current()).token]

    assert asyncio.run(main()) == ["token-1"] * 6 + ["token-2"]
    [told, _] = (tmp_path / "runs").read_text().splitlines()
    cluster = {"server": "https://w.example:6443", "tls-server-name": "kube"}
    assert msgspec.json.decode(told)["spec"] == {"interactive": False, "cluster": cluster}


def test_a_rejected_token_is_replaced_once_however_many_were_rejected() -> None:
    async def main() -> list[str]:
        source = Exec(plugin(PROGRAM), lambda: NOW)
        old = await source.current()
        assert source.rejected(old)
        new = await source.current()
        assert source.rejected(old)  # a second request that had used the old one
        return [old.token, new.token, (await source.current()).token]

    assert asyncio.run(main()) == ["token-1", "token-2", "token-2"]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (Plugin(V1, "/no/such/program", hint="get it at example.com"), "cannot run /no/such/program: No such file"),
        (Plugin(V1, "/no/such/program", hint="get it at example.com"), "(get it at example.com)"),
        (plugin("import sys; sys.exit('please log in')"), "ended with status 1: please log in"),
        (plugin("print('s3cret')"), "did not print an ExecCredential"),
        (plugin('print(\'{"apiVersion": "x", "kind": "ExecCredential", "status": {}}\')'), f"of {V1}"),
        (
            plugin(f'print(\'{{"apiVersion": "{V1}", "kind": "ExecCredential", "status": {{}}}}\')'),
            "gave neither a token nor a certificate",
        ),
    ],
)
def test_a_plugin_that_fails_says_so(made: Plugin, sentence: str) -> None:
    with pytest.raises(NoCredentials) as caught:
        asyncio.run(Exec(made, lambda: NOW).current())
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_plugin_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("volary.kube.credentials.PLUGIN_SECONDS", 0.3)
    program = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(NoCredentials, match="did not answer within 0 s"):
        asyncio.run(Exec(plugin(program), lambda: NOW).current())
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"command": "x", "apiVersion": "client.authentication.k8s.io/v1alpha1"}, "allowed: client.authentication"),
        ({"command": "x", "apiVersion": V1, "interactiveMode": "Always"}, "exec wants a terminal"),
        ({"apiVersion": V1}, "users[0].user.exec.command is missing"),
    ],
)
def test_a_plugin_that_cannot_work_here_is_refused(tmp_path: Path, spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadKubeconfig) as caught:
        load(lambda: NOW, path=kubeconfig(tmp_path, spec), environ={})
    assert sentence in str(caught.value)


def failing(program: str) -> str:
    with pytest.raises(NoCredentials) as caught:
        asyncio.run(Exec(plugin(program), lambda: NOW).current())
    return str(caught.value)


def test_a_plugin_s_last_words_are_shown_but_for_what_may_be_a_secret() -> None:
    said = failing(
        "import sys; sys.exit('warming up\\nUnable to log in: token=c4nary-s3cret, eyJhbGciOi.J9 (code 403).')"
    )
    assert said.endswith("ended with status 1: Unable to log in: [hidden] [hidden] (code 403).")


def test_a_plugin_that_prints_without_end_is_ended() -> None:
    for stream in ("stdout", "stderr"):
        assert "printed more than 1 MiB" in failing(f"import sys\nwhile True: sys.{stream}.write('x' * 65536)")


def test_whatever_a_plugin_has_started_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volary.kube.credentials.PLUGIN_SECONDS", 0.5)
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    assert "did not answer" in failing(program)


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX-Evil: 1", "tökén"])
def test_a_token_that_no_header_can_hold_is_refused(token: str) -> None:
    made = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": token}}
    assert "holds characters that no token has" in failing(f"print({msgspec.json.encode(made).decode()!r})")


def test_failures_and_tokens_that_come_too_late_are_shared_for_five_seconds(tmp_path: Path) -> None:
    moment = NOW

    async def main() -> list[int]:
        nonlocal moment
        late, broken = (
            Exec(plugin(PROGRAM), lambda: moment),
            Exec(plugin("open('fails', 'a').write('x'); exit(1)"), now),
        )
        counts = []
        for seconds in (301, 302, 303, 306.5, 308):
            moment = NOW + timedelta(seconds=seconds)
            await asyncio.gather(*[late.current() for _ in range(3)])
            for _ in range(3):
                with pytest.raises(NoCredentials, match="ended with status 1"):
                    await broken.current()
            counts.append(
                len((tmp_path / "runs").read_text().splitlines()) * 10 + len((tmp_path / "fails").read_text())
            )
        return counts

    def now() -> datetime:
        return moment

    assert asyncio.run(main()) == [11, 11, 11, 22, 22]


def test_a_server_that_refuses_every_token_has_the_plugin_run_twice_and_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        source = Exec(plugin(PROGRAM), lambda: NOW)
        for _ in range(20):
            source.rejected(await source.current())

    asyncio.run(main())
    assert len((tmp_path / "runs").read_text().splitlines()) == 2
