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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from volary.kube.errors import KubeError

Now = Callable[[], datetime]

REREAD = timedelta(seconds=10)  # a token file is replaced long before its token ends, so this is soon enough
PLUGIN_SECONDS = 60.0  # a plugin that asks its cloud takes a second or two
SPARE = timedelta(seconds=30)  # a token this close to its end is not used any more: the request takes time too


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


class Exec:
    """What a plugin gave; asked again shortly before it expires and after a 401, once for all who wait."""

    def __init__(self, plugin: Plugin, now: Now) -> None:
        self.plugin = plugin
        self.now = now
        self._lock = asyncio.Lock()
        self._credential: Credential | None = None
        self._expires: datetime | None = None

    async def current(self) -> Credential:
        async with self._lock:
            if self._credential is None or (self._expires is not None and self.now() >= self._expires - SPARE):
                status = await run_plugin(self.plugin)
                self._credential = Credential(
                    status.token, status.client_certificate_data.encode(), status.client_key_data.encode()
                )
                self._expires = status.expiration_timestamp and status.expiration_timestamp.astimezone(UTC)
            return self._credential

    def rejected(self, credential: Credential) -> bool:
        if credential is self._credential:  # else another request has fetched a new one meanwhile
            self._credential = None
        return True


async def run_plugin(plugin: Plugin) -> _Status:
    """Run the program and return what it printed. Raises: NoCredentials, without a word of its output."""
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
        )
    except OSError as error:
        hint = f" ({plugin.hint.strip()})" if plugin.hint else ""
        raise NoCredentials(f"cannot run {plugin.command}: {error.strerror or error}{hint}") from None
    output = await output_of(program, plugin.command)
    return credential_in(output, plugin)


async def output_of(program: asyncio.subprocess.Process, command: str) -> bytes:
    """Wait for a program; however this ends, the program has ended too."""
    try:
        async with asyncio.timeout(PLUGIN_SECONDS):
            output, complaint = await program.communicate()
    except TimeoutError:
        raise NoCredentials(f"{command} did not answer within {PLUGIN_SECONDS:.0f} s") from None
    finally:
        if program.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                program.kill()
            await program.wait()
    if program.returncode:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1][:200]}" if lines else ""
        raise NoCredentials(f"{command} ended with status {program.returncode}{said}")
    return output


def credential_in(output: bytes, plugin: Plugin) -> _Status:
    """Return the status of an ExecCredential. Raises: NoCredentials."""
    try:
        made = msgspec.json.decode(output, type=_ExecCredential)
    except msgspec.MsgspecError:
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


def bytes_of(source: Path | bytes) -> bytes:
    return read(source) if isinstance(source, Path) else source


def from_base64(text: str) -> bytes:
    """Return the bytes of a `…-data` field. Raises: ValueError."""
    return base64.b64decode("".join(text.split()), validate=True)
