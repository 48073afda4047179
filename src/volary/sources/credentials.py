"""Credentials as the git program and the HTTP client take them. Files that hold a secret are 0600 and short-lived."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from volary.sources import Credentials, SourceError

SSH = (
    "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15"
    " -o GlobalKnownHostsFile=/dev/null"
)


LOGIN_FOLDER = "login-"  # begins the name of a folder that holds a secret for one run of git


def forget_logins(where: Path) -> None:
    """Delete what a process that was killed has left."""
    for folder in where.glob(f"{LOGIN_FOLDER}*"):
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class GitAccess:
    """What one run of git is given."""

    settings: dict[str, str] = field(default_factory=dict, repr=False)
    environment: dict[str, str] = field(default_factory=dict, repr=False)


def authorization(credentials: Credentials) -> str:
    """Return the Authorization header, "" where the Secret has neither token nor password. Raises: SourceError."""
    token = credentials.text("bearerToken").strip()
    if token:
        return f"Bearer {one_line('bearerToken', token)}"
    user, password = credentials.text("username"), credentials.text("password")
    if not user and not password:
        return ""
    if not user or not password:
        message = 'the Secret needs both "username" and "password"'
        raise SourceError("AuthenticationFailed", message, lasting=True)
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def one_line(key: str, value: str) -> str:
    if any(ord(character) < 0x20 for character in value):
        message = f'the key "{key}" of the Secret holds more than one line'
        raise SourceError("AuthenticationFailed", message, lasting=True)
    return value


@contextlib.contextmanager
def git_access(url: str, credentials: Credentials, where: Path) -> Iterator[GitAccess]:
    """Give git what it needs to log in at `url`; files for it live in `where` meanwhile. Raises: SourceError."""
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=LOGIN_FOLDER, dir=where) as name:  # 0700
        folder = Path(name)
        if urlsplit(url).scheme == "ssh":
            yield ssh_access(folder, credentials)
        else:
            yield http_access(folder, credentials)


def http_access(folder: Path, credentials: Credentials) -> GitAccess:
    header = authorization(credentials)
    settings = {"http.extraHeader": f"Authorization: {header}"} if header else {}
    for setting, keys in (
        ("http.sslCAInfo", ("ca.crt", "caFile")),
        ("http.sslCert", ("tls.crt", "certFile")),
        ("http.sslKey", ("tls.key", "keyFile")),
    ):
        key = next((key for key in keys if credentials.values.get(key)), "")
        if key:
            settings[setting] = str(write_private(folder / key, credentials.values[key]))
    return GitAccess(settings)


def ssh_access(folder: Path, credentials: Credentials) -> GitAccess:
    """Pin the host's keys to those of the Secret; log in with its identity and no other."""
    for key in ("identity", "known_hosts"):
        if not credentials.values.get(key):
            message = f'an ssh URL needs a Secret with "identity" and "known_hosts"; "{key}" is missing'
            raise SourceError("AuthenticationFailed", message, lasting=True)
    if credentials.values.get("password"):
        message = "an ssh identity with a password is not supported; put a key without one into the Secret"
        raise SourceError("AuthenticationFailed", message, lasting=True)
    identity = credentials.values["identity"].rstrip(b"\n") + b"\n"  # ssh refuses a key whose last line is open
    write_private(folder / "identity", identity)
    write_private(folder / "known_hosts", credentials.values["known_hosts"])
    command = f"{SSH} -i {folder}/identity -o UserKnownHostsFile={folder}/known_hosts"
    return GitAccess(environment={"GIT_SSH_COMMAND": command, "GIT_SSH_VARIANT": "ssh"})


def write_private(path: Path, content: bytes) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path


def tls_context(credentials: Credentials) -> ssl.SSLContext | None:
    """Return the TLS settings for the HTTP client; None: the system's. Raises: SourceError."""
    authority = credentials.text("ca.crt") or credentials.text("caFile")
    certificate = credentials.values.get("tls.crt") or credentials.values.get("certFile")
    key = credentials.values.get("tls.key") or credentials.values.get("keyFile")
    if not authority and not certificate:
        return None
    try:
        context = ssl.create_default_context(cadata=authority or None)
        if certificate and key:
            with tempfile.TemporaryDirectory(prefix="volary-git-") as name:
                paths = [write_private(Path(name) / part, data) for part, data in (("crt", certificate), ("key", key))]
                context.load_cert_chain(paths[0], paths[1])
    except (ssl.SSLError, ValueError):
        message = 'the Secret\'s "ca.crt", "tls.crt" or "tls.key" is not a PEM certificate or key'
        raise SourceError("AuthenticationFailed", message, lasting=True) from None
    return context
