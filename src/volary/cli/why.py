"""`volary why`: one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from volary.cli import Complaint
from volary.cli.connect import Connection, cluster_options
from volary.kube.client import Client
from volary.kube.errors import Forbidden
from volary.kube.objects import NewObject, dig, key_of, name_of, namespace_of
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS


@click.command("why", short_help="Where a rollout is, and why it is not moving")
@click.argument("name")
@cluster_options()
def why_command(name: str, connection: Connection) -> None:
    """Say in one sentence where a FleetRollout's commit is, and why it is not moving.

    \b
    Examples:
      volary why podinfo
      volary why podinfo --context hub --namespace apps
    """
    click.echo(asyncio.run(sentence(name, connection)))


async def sentence(name: str, connection: Connection) -> str:
    """Return the sentence. Raises: Complaint when there is no such FleetRollout."""
    from volary.fleet.why import why

    async with connection.client() as client:
        rollout, runs = await find_rollout(client, name, connection)
    return why(rollout, runs)


async def find_rollout(client: Client, name: str, connection: Connection) -> tuple[NewObject, list[NewObject]]:
    """Return a FleetRollout and its runs; without -n, also one of another namespace where only one has that name.

    Holds print commands without a namespace, and they must work as they are. Raises: Complaint.
    """
    namespace = connection.default_namespace()
    rollout = await client.get(FLEET_ROLLOUTS, name, namespace)
    if rollout is None:
        others = await everything(client, namespace, connection)
        same = [item for item in others if name_of(item) == name]
        if connection.namespace or len(same) != 1:
            raise Complaint(no_such(name, namespace, others))
        [rollout] = same
    runs = (await connection.listing(client, FLEET_ROLLOUT_RUNS, namespace_of(rollout))).items
    return rollout, [run for run in runs if owned(run, rollout)]


async def everything(client: Client, namespace: str, connection: Connection) -> list[NewObject]:
    """Return all FleetRollouts, or those of one namespace for a person who may not see more."""
    try:
        return (await connection.listing(client, FLEET_ROLLOUTS)).items
    except Forbidden:
        return (await connection.listing(client, FLEET_ROLLOUTS, namespace)).items


def owned(run: NewObject, rollout: NewObject) -> bool:
    """Does a run belong to this FleetRollout?"""
    refs = dig(run, "metadata", "ownerReferences") or ()
    return any(ref.get("uid") == rollout["metadata"]["uid"] for ref in refs)


def no_such(name: str, namespace: str, others: Sequence[NewObject]) -> str:
    """Return the sentence for a FleetRollout that is not there."""
    known = ", ".join(sorted(key_of(item) for item in others))
    return f'no FleetRollout "{name}" in namespace {namespace}; there are: {known or "none at all in this cluster"}'
