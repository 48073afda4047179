"""The API of one embedded cluster over HTTP, for kubectl and for controllers in other processes.

A port of its own, on which the other clusters of the process answer too, under `/clusters/NAME`. On loopback unless
told otherwise, over TLS unless told otherwise: kubectl sends its token over TLS only.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from volary.embedded.api.identity import ANONYMOUS, Authenticator, ClientCertificate, User
from volary.embedded.api.server import ApiServer
from volary.embedded.audit import Recorder
from volary.embedded.certificate import Certificate, self_signed
from volary.embedded.front.front import Front
from volary.embedded.front.limits import MOST_BODY_BYTES
from volary.embedded.front.site import Site
from volary.embedded.outside import Outside
from volary.embedded.transport import Api

__all__ = ["MOST_BODY_BYTES", "Identity", "Listen", "Server"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the holder of the token is."""

    token: str
    user: str = "admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens, and how."""

    port: int = 0  # 0: the system picks one
    host: str = "127.0.0.1"
    tls: bool = True
    anyway: bool = False  # at an address that others can reach

    def check(self) -> None:
        """Raises: ValueError for what must not be."""
        if ipaddress.ip_address(self.host).is_loopback:
            return
        if not self.anyway:
            raise ValueError(
                f"the embedded API server listens on loopback only, not on {self.host}: it is made for this computer "
                "and nobody else; if others shall reach it, say so (--listen-anyway)"
            )
        if not self.tls:
            raise ValueError(
                f"the embedded API server listens on {self.host} with TLS only: others could read the token"
            )


class TokenAccess:
    """Knows one token. Without it only health and version may be asked for; the API asks nobody for rights."""

    def __init__(self, identity: Identity) -> None:
        self._token = identity.token.encode()
        self._user = User(identity.user, identity.groups)

    def user(self, headers: Mapping[str, str], certificate: ClientCertificate | None = None) -> User | None:
        """Return who asks. The comparison takes as long for a wrong token as for the right one."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if not kind:
            return ANONYMOUS
        known = hmac.compare_digest(token.strip().encode("utf-8", "replace"), self._token)
        return self._user if known and kind.lower() == "bearer" else None


class Server:
    """One API server on a port of its own."""

    def __init__(
        self,
        api: Api,
        identity: Identity,
        outside: Outside | None = None,
        audit: Recorder | None = None,
        authenticator: Authenticator | None = None,
        sites: Mapping[str, Site] | None = None,
    ) -> None:
        """`authenticator`: who knows more than the one token; the API then decides who may what.

        `sites`: the clusters of the process by name; it may change while the server runs.
        """
        self.api = api
        self.identity = identity
        self.host, self.port = "127.0.0.1", 0
        self.tls = True
        self.certificate: Certificate | None = None  # from `start` on, with TLS
        self.site = Site(
            api,
            authenticator or TokenAccess(identity),
            outside,
            audit,
            objects=partial(objects_of, api),
            open_to_all=None if authenticator else OPEN_PATHS,
        )
        self._front = Front({} if sites is None else sites, self.site)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}"

    async def start(self, port: int = 0, host: str = "127.0.0.1", tls: bool = True, anyway: bool = False) -> None:
        """Listen. Raises: ValueError for an address that others could reach (unless `anyway`), OSError."""
        Listen(port, host, tls, anyway).check()
        self.tls = tls
        self.certificate = self_signed(host) if tls else None
        await self._front.start(host, port, self.certificate.context() if self.certificate else None)
        self.host, self.port = self._front.host, self._front.port

    async def close(self) -> None:
        """End all watches and stop listening."""
        await self._front.close()


OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version", "/livez/ping", "/readyz/ping", "/healthz/ping"})


def objects_of(api: Api) -> dict[str, int]:
    """Return how many objects of each kind there are: GROUP/PLURAL -> number."""
    if not isinstance(api, ApiServer):
        return {}
    store = api.core.store
    return {name: len(store.table(name).entries) for name in store.resources()}
