"""Who we are to an API server: tokens and client certificates, and where new ones come from.

A credential's text is in no repr, no error and no log. Programs are run and files are read only for a kubeconfig that
this computer's user wrote; one that came as bytes may name neither (`kube.kubeconfig`).
Source: client-go `plugin/pkg/client/auth/exec`; client.authentication.k8s.io/v1.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from volary.kube.errors import KubeError

Now = Callable[[], datetime]

REREAD = timedelta(seconds=10)  # a token file is replaced long before its token ends, so this is soon enough
PLUGIN_SECONDS = 25.0  # one that asks its cloud takes a second or two; less than a request has, so that we can tell
LARGEST_OUTPUT = 1 << 20  # bytes of a plugin
AGAIN = timedelta(seconds=5)  # whatever happens, nothing is run or asked for a new one more often than this
SPARE = timedelta(seconds=30)  # a token this close to its end is not used any more: the request takes time too
PLAIN = re.compile(r"[\"'(\[]?(?:[A-Za-z][A-Za-z'’-]{0,19}|\d{1,4})[\"')\].,:;!?]*")
HIDDEN = "[hidden]"


class NoCredentials(KubeError):
    """A token or certificate could not be had; the text says from where and what to do."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What goes with a request; all empty: nothing does."""

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)  # PEM
    key: bytes = field(default=b"", repr=False)  # PEM


class Credentials(Protocol):
    """A source of credentials. Raises: NoCredentials."""

    async def current(self) -> Credential: ...

    def rejected(self, credential: Credential) -> bool:
        """Hear that the server answered 401; return True if `current` may give another one now."""
        ...


class Fixed:
    """A credential that never changes."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    async def current(self) -> Credential:
        return self._credential

    def rejected(self, credential: Credential) -> bool:
        return False


class Files:
    """A token file, a certificate and its key, read again when they may have been replaced."""

    def __init__(self, now: Now, token: Path | str, certificate: Path | bytes = b"", key: Path | bytes = b"") -> None:
        self.now = now
        self.token = token
        self.certificate = certificate
        self.key = key
        self._read_at: datetime | None = None
        self._credential = Credential()

    async def current(self) -> Credential:
        moment = self.now()
        if self._read_at is None or not timedelta() <= moment - self._read_at < REREAD:
            token = read(self.token).decode("ascii", "replace").strip() if isinstance(self.token, Path) else self.token
            usable(token, str(self.token))
            self._credential = Credential(token, bytes_of(self.certificate), bytes_of(self.key))
            self._read_at = moment
        return self._credential

    def rejected(self, credential: Credential) -> bool:
        self._read_at = None
        return True


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that prints an ExecCredential."""

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cluster: Mapping[str, object] | None = None  # told to the program where the kubeconfig says so
    hint: str = ""  # how to install it


class _Status(msgspec.Struct, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    status: _Status


class Renewed:
    """A credential that is fetched: near its end and after a 401, once for all who wait.

    A failure is everybody's for `AGAIN`; so is a credential that was over, or refused, as soon as it came.
    """

    def __init__(self, now: Now, spare: timedelta = SPARE) -> None:
        self.now = now
        self.spare = spare
        self._lock = asyncio.Lock()
        self._credential: Credential | None = None
        self._expires: datetime | None = None
        self._failure = ""
        self._asked_at: datetime | None = None
        self._rejected_at: datetime | None = None

    async def fetch(self) -> tuple[Credential, datetime | None]:
        """Return a new credential and when it ends. Raises: NoCredentials."""
        raise NotImplementedError

    async def current(self) -> Credential:
        async with self._lock:
            if self._is_over() and not self._is_fresh(self._asked_at):
                await self._renew()
            if self._credential is None:
                raise NoCredentials(self._failure)
            return self._credential

    def rejected(self, credential: Credential) -> bool:
        # Not if another request has fetched a new one meanwhile.
        if credential == self._credential and not self._is_fresh(self._rejected_at):
            self._credential, self._asked_at, self._rejected_at = None, None, self.now()
        return True

    async def _renew(self) -> None:
        try:
            self._credential, self._expires = await self.fetch()
        except NoCredentials as error:
            self._credential, self._failure = None, str(error)
        self._asked_at = self.now()

    def _is_over(self) -> bool:
        return self._credential is None or (self._expires is not None and self.now() >= self._expires - self.spare)

    def _is_fresh(self, moment: datetime | None) -> bool:
        return moment is not None and timedelta() <= self.now() - moment < AGAIN


class Exec(Renewed):
    """What a plugin gave."""

    def __init__(self, plugin: Plugin, now: Now) -> None:
        super().__init__(now)
        self.plugin = plugin

    async def fetch(self) -> tuple[Credential, datetime | None]:
        status = await run_plugin(self.plugin)
        usable(status.token, self.plugin.command)
        certificate, key = status.client_certificate_data.encode(), status.client_key_data.encode()
        ends = status.expiration_timestamp and status.expiration_timestamp.astimezone(UTC)
        return Credential(status.token, certificate, key), ends


async def run_plugin(plugin: Plugin) -> _Status:
    """Run the program and return what it printed. Raises: NoCredentials."""
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if plugin.cluster is not None:
        info["spec"] = {"interactive": False, "cluster": plugin.cluster}
    environment = {**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": msgspec.json.encode(info).decode()}
    try:
        program = await asyncio.create_subprocess_exec(
            plugin.command,
            *plugin.args,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # whatever it starts can be ended with it
        )
    except (OSError, ValueError) as error:
        hint = f" ({plugin.hint.strip()})" if plugin.hint else ""
        why = getattr(error, "strerror", None) or "it cannot be a program"
        raise NoCredentials(f"cannot run {plugin.command}: {why}{hint}") from None
    output = await output_of(program, plugin.command)
    return credential_in(output, plugin)


async def output_of(program: asyncio.subprocess.Process, command: str) -> bytes:
    """Wait for a program; however this ends, the program has ended too."""
    try:
        async with asyncio.timeout(PLUGIN_SECONDS), asyncio.TaskGroup() as group:
            output = group.create_task(printed(program, program.stdout))
            complaint = group.create_task(printed(program, program.stderr))
            await program.wait()
    except TimeoutError:
        raise NoCredentials(f"{command} did not answer within {PLUGIN_SECONDS:.0f} s") from None
    finally:
        if program.returncode is None:
            kill(program)
            await program.wait()
    if max(len(output.result()), len(complaint.result())) > LARGEST_OUTPUT:
        raise NoCredentials(f"{command} printed more than {LARGEST_OUTPUT >> 20} MiB")
    if program.returncode:
        said = plain_words(complaint.result())
        raise NoCredentials(f"{command} ended with status {program.returncode}{f': {said}' if said else ''}")
    return output.result()


async def printed(program: asyncio.subprocess.Process, pipe: asyncio.StreamReader | None) -> bytes:
    """Return what a program prints; one that prints too much is ended."""
    kept = bytearray()
    while pipe and (chunk := await pipe.read(1 << 16)):
        kept += chunk
        if len(kept) > LARGEST_OUTPUT:
            kill(program)
            break
    return bytes(kept)


def kill(program: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)


def plain_words(complaint: bytes) -> str:
    """Return a program's last line, covering each word that may be a secret: what is not of letters, or very long."""
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    words = [word if PLAIN.fullmatch(word) else HIDDEN for word in (lines[-1].split() if lines else ())]
    return " ".join(words)[:200]


def credential_in(output: bytes, plugin: Plugin) -> _Status:
    """Return the status of an ExecCredential. Raises: NoCredentials."""
    try:
        made = msgspec.json.decode(output, type=_ExecCredential)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NoCredentials(f"{plugin.command} did not print an ExecCredential") from None
    if made.kind != "ExecCredential" or made.api_version != plugin.api_version:
        raise NoCredentials(f"{plugin.command} did not print an ExecCredential of {plugin.api_version}")
    status = made.status
    if not status.token and not (status.client_certificate_data and status.client_key_data):
        raise NoCredentials(f"{plugin.command} gave neither a token nor a certificate with its key")
    return status


def read(path: Path) -> bytes:
    """Return a file's bytes. Raises: NoCredentials."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoCredentials(f"cannot read {path}: {error.strerror or error}") from None


def usable(token: str, where: str) -> None:
    """Refuse a token that cannot stand in a header. Raises: NoCredentials."""
    if not token.isascii() or not token.isprintable():
        raise NoCredentials(f"{where}: the token holds characters that no token has, such as a line break")


def bytes_of(source: Path | bytes) -> bytes:
    return read(source) if isinstance(source, Path) else source


def from_base64(text: str) -> bytes:
    """Return the bytes of a `…-data` field. Raises: ValueError."""
    return base64.b64decode("".join(text.split()), validate=True)
