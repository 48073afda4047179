"""`volary why`: one sentence."""

from __future__ import annotations

import asyncio

import click

from volary.cli import Complaint
from volary.cli.connect import Connection, cluster_options
from volary.kube.client import Client
from volary.kube.objects import NewObject, dig, name_of
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
        rollout, runs = await find_rollout(client, name, connection.default_namespace())
    return why(rollout, runs)


async def find_rollout(client: Client, name: str, namespace: str) -> tuple[NewObject, list[NewObject]]:
    """Return a FleetRollout and its runs. Raises: Complaint when there is none of that name."""
    rollout = await client.get(FLEET_ROLLOUTS, name, namespace)
    if rollout is None:
        others = [name_of(item) for item in (await client.list(FLEET_ROLLOUTS, namespace)).items]
        raise Complaint(no_such(name, namespace, others))
    runs = (await client.list(FLEET_ROLLOUT_RUNS, namespace)).items
    return rollout, [run for run in runs if owned(run, rollout)]


def owned(run: NewObject, rollout: NewObject) -> bool:
    """Does a run belong to this FleetRollout?"""
    refs = dig(run, "metadata", "ownerReferences") or ()
    return any(ref.get("uid") == rollout["metadata"]["uid"] for ref in refs)


def no_such(name: str, namespace: str, others: list[str]) -> str:
    """Return the sentence for a FleetRollout that is not there."""
    known = f"; there are: {', '.join(others)}" if others else ""
    return (
        f'no FleetRollout "{name}" in namespace {namespace}{known} (another namespace: -n, another cluster: --context)'
    )
