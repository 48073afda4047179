"""How clients come into a kept cluster: by the same token, port and authority at each start, so that they go on.

```
DIR/access.json     token, port           (0600)
DIR/authority.pem   certificate and key   (0600)
```
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from volary.embedded.listen import Listen

if TYPE_CHECKING:
    from volary.embedded.certificate import Authority

    Start = Callable[[Listen, Authority | None], Awaitable[None]]

TOKEN_BYTES = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """A way in."""

    token: str = field(repr=False)
    port: int = 0  # 0: picked by the system


def new_access() -> Access:
    return Access(secrets.token_urlsafe(TOKEN_BYTES))


def read_access(folder: Path) -> Access:
    """Return the way in of the last start, or a new one."""
    try:
        return msgspec.json.decode((folder / "access.json").read_bytes(), type=Access)
    except FileNotFoundError:
        return new_access()
    except msgspec.DecodeError as error:
        log.warning("clients need the new kubeconfig: how they came in cannot be read", extra={"problem": str(error)})
        return new_access()


def write_access(folder: Path, access: Access) -> None:
    """Keep a way in for the next start; where that is not possible (a full disk), clients need its kubeconfig."""
    try:
        write_private(folder / "access.json", msgspec.json.encode(asdict(access)))
    except OSError as error:
        log.warning("clients will need a new kubeconfig after the next start", extra={"problem": str(error)})


def kept_authority(folder: Path) -> Authority:
    """Return the authority of the last start, or a new one. Raises: ValueError for a file with something else in it."""
    from volary.embedded.certificate import Authority

    path = folder / "authority.pem"
    if path.exists():
        try:
            return Authority(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path} holds no certificate and key; remove it to have new ones made") from error
    authority = Authority()
    write_private(path, authority.pem())
    return authority


async def open_as_before(folder: Path, listen: Listen, start: Start) -> None:
    """Listen where clients of before look, unless a port is asked for or somebody else has that one by now.

    Raises: OSError, ValueError.
    """
    before = read_access(folder).port
    authority = kept_authority(folder) if listen.tls else None
    try:
        await start(replace(listen, port=listen.port or before), authority)
    except OSError as error:
        if listen.port or not before or error.errno != errno.EADDRINUSE:
            raise
        log.warning("clients need the new kubeconfig: another program has the port of before", extra={"port": before})
        await start(listen, authority)


def write_private(path: Path, content: bytes) -> None:
    """Write a file for its owner only, whole or not at all. Raises: OSError."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
