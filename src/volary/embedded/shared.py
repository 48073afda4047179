"""One port for all clusters of a process: the API of NAME is at `/clusters/NAME`.

A cluster that is made while the port is open is served at once; one that goes answers 404, and its watches end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from volary.embedded.api.auth.authentication import Authentication, StaticTokens
from volary.embedded.api.auth.identity import User
from volary.embedded.clusters import Clusters
from volary.embedded.front.front import Front
from volary.embedded.front.limits import DEFAULT, Limits
from volary.embedded.front.site import Site
from volary.embedded.listen import Listen, secured
from volary.embedded.server import Identity, objects_of

if TYPE_CHECKING:
    from volary.embedded.certificate import Authority


class SharedPort:
    """The port. Client certificates of its one authority count in all its clusters."""

    def __init__(self, sites: Mapping[str, Site], limits: Limits = DEFAULT) -> None:
        """`sites` may change while the port is open."""
        self.sites = sites
        self.listen = Listen()
        self.authority: Authority | None = None  # from `start` on, with TLS
        self._front = Front(sites, None, limits)

    async def start(self, listen: Listen, authority: Authority | None = None) -> None:
        """Listen, under an authority of before. Raises: ValueError for an address that others could reach, OSError."""
        listen.check()
        self.listen = listen
        self.authority, context = secured(listen, authority)
        await self._front.start(listen.host, listen.port, context)

    async def close(self) -> None:
        await self._front.close()

    @property
    def port(self) -> int:
        return self._front.port

    def url(self, name: str) -> str:
        """Return where the API of a cluster is."""
        return f"{self.listen.base(self._front.port)}/clusters/{name}"


class Sites(Mapping[str, Site]):
    """The sites of clusters that come and go, each made when it is first asked for; one token opens all of them."""

    def __init__(self, clusters: Clusters, identity: Identity, authority: Callable[[], str] = str) -> None:
        """`authority`: the name of who signs clients' certificates, once that is known."""
        self._clusters = clusters
        self._known = StaticTokens({identity.token: User(identity.user, identity.groups, identity.user)})
        self._authority = authority
        self._made: dict[str, Site] = {}
        clusters.on_destroy.append(self._gone)

    def __getitem__(self, name: str) -> Site:
        made = self._made.get(name)
        if made is None:
            api = self._clusters[name]
            known = Authentication([self._known, *api.authentication.readers])
            made = self._made[name] = Site(api, known, objects=partial(objects_of, api))
            made.authority = self._authority()
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._clusters)

    def __len__(self) -> int:
        return len(self._clusters)

    def _gone(self, name: str) -> None:
        if made := self._made.pop(name, None):
            made.end()
