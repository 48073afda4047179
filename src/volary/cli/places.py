"""The clusters that a listing covers: the one that was named and, for canaries in a hub, its members.

A member is reached as `volary run` reaches it, by the kubeconfig in the Secret that its Cluster object names.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import click

from volary.cli.connect import Connection, client_of
from volary.fleet import wire
from volary.fleet.membership import Unusable, kubeconfig_in
from volary.kube.client import Client, Listing
from volary.kube.decoding import BadField
from volary.kube.errors import Forbidden, KubeError, NotFound
from volary.kube.kubeconfig import Access, BadKubeconfig, from_bytes
from volary.kube.objects import Object, Resource, dig, name_of, uid_of
from volary.kube.resources import CANARIES, CLUSTERS, NAMESPACES, SECRETS
from volary.runtime.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Place:
    """One cluster, and what there was when it was first asked."""

    name: str  # of its Cluster object; "": the cluster that was named
    client: Client
    listing: Listing


@contextlib.asynccontextmanager
async def places(connection: Connection, resource: Resource) -> AsyncIterator[list[Place]]:
    """Give every cluster to list, each with its first listing; those that do not answer are named on stderr."""
    async with contextlib.AsyncExitStack() as stack:
        home = await stack.enter_async_context(connection.client())
        members = await clusters(home) if resource == CANARIES else []
        if not members:
            yield [Place("", home, await connection.listing(home, resource, connection.namespace))]
            return
        found = await own(home, members, connection.namespace)
        asked = [member(stack, home, cluster, connection.namespace) for cluster in members]
        answers = await asyncio.gather(*asked)
        report([why for why in answers if isinstance(why, str)])
        yield [*found, *(one for one in answers if isinstance(one, Place))]


async def clusters(home: Client) -> Sequence[Object]:
    """Return the hub's Cluster objects; none where this is no hub, or not ours to read."""
    try:
        return (await home.list(CLUSTERS)).items
    except (NotFound, Forbidden):
        return ()


async def own(home: Client, members: Sequence[Object], namespace: str) -> list[Place]:
    """Return the hub itself, if it has canaries of its own and is not listed as one of its members."""
    system = await home.get(NAMESPACES, "kube-system")
    if system is not None and any(dig(one, "status", "uid") == uid_of(system) for one in members):
        return []
    try:
        listing = await home.list(CANARIES, namespace)
    except (NotFound, Forbidden):
        return []
    return [Place("", home, listing)]


async def member(stack: contextlib.AsyncExitStack, home: Client, cluster: Object, namespace: str) -> Place | str:
    """Return one member with its canaries, or why there is nothing to see of it."""
    name = name_of(cluster)
    try:
        client = await stack.enter_async_context(client_of(await access_of(home, cluster)))
        return Place(name, client, await client.list(CANARIES, namespace))
    except NotFound:
        return f"{name} (it has no canaries)"
    except (KubeError, BadField, BadKubeconfig, Unusable) as error:
        return f"{name} ({error})"


async def access_of(home: Client, cluster: Object) -> Access:
    """Return the way into a member. Raises: BadField, Unusable, BadKubeconfig, KubeError."""
    ref = wire.cluster(cluster).kube_config.secret_ref
    secret = await home.get(SECRETS, ref.name, ref.namespace)
    if secret is None:
        raise Unusable(f"there is no Secret {ref.namespace}/{ref.name}")
    where = f"the kubeconfig of Cluster {name_of(cluster)}"
    return from_bytes(kubeconfig_in(secret, ref), where, SystemClock().now)


def report(missing: Sequence[str]) -> None:
    """Say in one line which members are not in the answer."""
    if missing:
        click.echo(f"volary: not in this list: {', '.join(missing)}", err=True)
