"""What `volary uninstall` does, step by step; said first, done with --yes.

Pins come first: once the controllers are gone nobody gives them up. A FleetRollout holds a finalizer until its pins
are kept or released, so the controllers must still run while FleetRollouts are deleted.
"""

from __future__ import annotations

import asyncio

import click

from volary.cli import Complaint
from volary.cli.connect import Connection
from volary.install import FEATURES, NAME, NAMESPACE, definitions, roles
from volary.kube.client import Client
from volary.kube.errors import NotFound
from volary.kube.objects import NewObject, key_of, name_of, namespace_of
from volary.kube.resources import DEFINITIONS, FLEET_ROLLOUTS

GONE_SECONDS = 120.0
LOOK_SECONDS = 0.5
RELEASE = "volary.dev/release-pins"


async def remove(connection: Connection, release_pins: bool, yes: bool) -> None:
    """Take Volary out of a cluster, or say what that would be. Raises: Complaint."""
    async with connection.client() as client:
        rollouts = await listed(client)
        say_plan(rollouts, release_pins)
        if not yes:
            click.echo("\nNothing was done; add --yes to do it.")
            return
        await remove_rollouts(client, rollouts, release_pins)
        for obj in (*reversed(roles(FEATURES)), namespaced("apps/v1", "Deployment")):
            await delete(client, obj)
        for definition in definitions(("fleet",)):
            if definition["spec"]["group"] == "volary.dev":
                await client.delete(DEFINITIONS, name_of(definition))
        click.echo(f"Done. The namespace {NAMESPACE} is kept for what is in it: kubectl delete namespace {NAMESPACE}")


async def listed(client: Client) -> list[NewObject]:
    try:
        return (await client.list(FLEET_ROLLOUTS)).items
    except NotFound:
        return []  # the kind is not installed


def say_plan(rollouts: list[NewObject], release_pins: bool) -> None:
    """Print what goes, in order."""
    pins = "released: each member follows its branch again" if release_pins else "kept: each member stays where it is"
    for rollout in rollouts:
        click.echo(f"FleetRollout {key_of(rollout)}  its pins are {pins}")
    click.echo(f"Deployment {NAMESPACE}/{NAME}, its roles, and the CRDs of volary.dev")


async def remove_rollouts(client: Client, rollouts: list[NewObject], release_pins: bool) -> None:
    """Delete all FleetRollouts and wait until the controllers have let go. Raises: Complaint."""
    for rollout in rollouts:
        name, namespace = name_of(rollout), namespace_of(rollout)
        if release_pins:
            body = {"metadata": {"annotations": {RELEASE: "true"}}}
            await client.patch(FLEET_ROLLOUTS, name, body, namespace, manager="volary-cli")
        await client.delete(FLEET_ROLLOUTS, name, namespace)
    try:
        async with asyncio.timeout(GONE_SECONDS):
            while left := await listed(client):  # noqa: ASYNC110 - what others do is seen only by asking
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        names = ", ".join(key_of(one) for one in left)
        raise Complaint(
            f"{names}: still there after {GONE_SECONDS:.0f} s; is `volary run` at work? Nothing else was removed"
        ) from None


async def delete(client: Client, obj: NewObject) -> None:
    resource = await client.resource_for(obj["apiVersion"], obj["kind"])
    await client.delete(resource, name_of(obj), namespace_of(obj))


def namespaced(api_version: str, kind: str) -> NewObject:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": NAME, "namespace": NAMESPACE}}
