"""The API of one embedded cluster over HTTP, for kubectl and for controllers in other processes.

A port of its own, on which the other clusters of the process answer too, under `/clusters/NAME`. On loopback unless
told otherwise, over TLS unless told otherwise: kubectl sends its token over TLS only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from volary.embedded.api.auth.authentication import Authentication, StaticTokens
from volary.embedded.api.auth.identity import Authenticator, User
from volary.embedded.audit import Recorder
from volary.embedded.front.front import Front
from volary.embedded.front.limits import DEFAULT, MOST_BODY_BYTES, Limits
from volary.embedded.front.site import Site
from volary.embedded.listen import Listen, secured
from volary.embedded.outside import Outside
from volary.embedded.transport import Api

if TYPE_CHECKING:
    from volary.embedded.certificate import Authority
    from volary.embedded.shared import SharedPort

__all__ = ["MOST_BODY_BYTES", "Identity", "Listen", "Server"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the holder of the token is."""

    token: str
    user: str = "admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")


class Server:
    """One API server on a port of its own."""

    def __init__(
        self,
        api: Api,
        identity: Identity,
        outside: Outside | None = None,
        audit: Recorder | None = None,
        authenticator: Authenticator | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        """`authenticator`: who knows more than the one token."""
        self.identity = identity
        self.host, self.port = "127.0.0.1", 0
        self.tls = True
        self.url = ""  # from `start` on
        self.authority: Authority | None = None  # from `start` on, with TLS
        known = authenticator or Authentication([StaticTokens({identity.token: User(identity.user, identity.groups)})])
        self.site = Site(api, known, outside, audit, objects=partial(objects_of, api))
        self._front = Front({}, self.site, limits)

    async def start(self, port: int = 0, host: str = "127.0.0.1", tls: bool = True, anyway: bool = False) -> None:
        """Listen. Raises: ValueError for an address that others could reach (unless `anyway`), OSError."""
        await self.open(Listen(port, host, tls, anyway))

    async def open(self, listen: Listen, authority: Authority | None = None) -> None:
        """Listen, under an authority of before. Raises: as `start`."""
        listen.check()
        self.tls = listen.tls
        self.authority, context = secured(listen, authority)
        self.site.authority = self.authority.name if self.authority else ""
        await self._front.start(listen.host, listen.port, context)
        self.host, self.port = self._front.host, self._front.port
        self.url = listen.base(self.port)

    def join(self, shared: SharedPort, name: str) -> None:
        """Be served on a port of many, which is open, under a name; no port of its own is needed then."""
        self.tls = shared.listen.tls
        self.authority = shared.authority
        self.site.authority = self.authority.name if self.authority else ""
        self.url = shared.url(name)

    def neighbours(self, sites: Mapping[str, Site]) -> None:
        """Answer for these clusters too, under their names; `sites` may change while the server runs."""
        self._front.sites = sites

    async def close(self) -> None:
        """End all watches and stop listening."""
        self.site.health.stopping = True
        self.site.end()
        await self._front.close()


def objects_of(api: Api) -> dict[str, int]:
    """Return how many objects of each kind there are: GROUP/PLURAL -> number."""
    from volary.embedded.api.server import ApiServer  # the front itself needs no more than an `Api`

    if not isinstance(api, ApiServer):
        return {}
    store = api.core.store
    return {name: len(store.table(name).entries) for name in store.resources()}
