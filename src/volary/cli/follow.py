"""Follows the changes of one kind in one cluster, for as long as somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import click

from volary.cli.places import Place
from volary.kube.errors import Expired, Forbidden, KubeError, Unauthorized
from volary.kube.objects import Resource
from volary.kube.watch import Change, Unlisted, Watcher

AGAIN_SECONDS = 1.0  # between two attempts; a watch goes on where the last one ended, so nothing is missed


async def follow(place: Place, resource: Resource, namespace: str, changed: Callable[[Change], None]) -> None:
    """Tell of every change after the place's listing, until cancelled. Raises: Forbidden, Unauthorized.

    A watch that ends, an old version (410) and a server that is away for a while are lived through.
    """
    watcher = Watcher()
    watcher.listed(place.listing.items, place.listing.version)
    said = ""
    while True:
        try:
            await once(watcher, place, resource, namespace, changed)
            said = ""
        except Expired:
            watcher.expired()
            continue
        except (Forbidden, Unauthorized):
            raise
        except KubeError as error:
            if said != str(error):
                said = str(error)
                click.echo(f"volary: {f'{place.name}: ' if place.name else ''}{said}; still trying", err=True)
        await asyncio.sleep(AGAIN_SECONDS)


async def once(
    watcher: Watcher, place: Place, resource: Resource, namespace: str, changed: Callable[[Change], None]
) -> None:
    """List if need be, then watch until that ends."""
    if isinstance(watcher.state, Unlisted):
        listing = await place.client.list(resource, namespace, limit=watcher.state.limit)
        for found in watcher.listed(listing.items, listing.version):
            changed(found)
    async with place.client.watch(resource, watcher.version, namespace) as events:
        async for event in events:
            change = watcher.happened(event)
            if change is not None:
                changed(change)
