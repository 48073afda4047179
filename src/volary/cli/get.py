"""`volary get`: what is where."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import click

from volary.cli.connect import Connection, cluster_options
from volary.cli.output import age, print_json, print_table
from volary.kube.client import Client
from volary.kube.objects import Object, Resource, condition, dig, name_of, namespace_of
from volary.kube.resources import CANARIES, CLUSTERS, FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS
from volary.runtime.clock import SystemClock

SHORT = 7  # digits of a commit that people read
Row = Callable[[Object, datetime], list[str]]


def short(commit: object) -> str:
    return str(commit or "")[:SHORT]


def created(obj: Object, now: datetime) -> str:
    return age(str(dig(obj, "metadata", "creationTimestamp") or ""), now)


def cluster_row(obj: Object, now: datetime) -> list[str]:
    reachable = condition(obj, "Reachable") or {}
    features = ",".join(dig(obj, "spec", "features") or ()) or "none"
    state = str(reachable.get("status") or "Unknown")
    version = str(dig(obj, "status", "version") or "")
    return [name_of(obj), state, str(reachable.get("reason") or ""), features, version, created(obj, now)]


def rollout_row(obj: Object, now: datetime) -> list[str]:
    ready = condition(obj, "Ready") or {}
    current, run = short(dig(obj, "status", "current", "commit")), str(dig(obj, "status", "activeRun") or "")
    ahead = condition(obj, "GitAhead") or {}
    said = str(ready.get("message") or "")
    if ahead.get("status") == "True" and not run:
        said = str(ahead.get("message") or said)
    where = [namespace_of(obj), name_of(obj)]
    return [*where, str(ready.get("status") or "Unknown"), current, run or "-", said, created(obj, now)]


def run_row(obj: Object, now: datetime) -> list[str]:
    status = dig(obj, "status") or {}
    hold = str(dig(status, "hold", "reason") or "-")
    fields = [str(status.get(key) or "") for key in ("phase", "stage", "verified")]
    where = [namespace_of(obj), name_of(obj)]
    return [*where, str(dig(obj, "spec", "revision", "short") or ""), *fields, hold, created(obj, now)]


def canary_row(obj: Object, now: datetime) -> list[str]:
    status = dig(obj, "status") or {}
    figures = [str(status.get(key) or 0) for key in ("canaryWeight", "failedChecks")]
    changed = age(str(status.get("lastTransitionTime") or ""), now)
    return [namespace_of(obj), name_of(obj), str(status.get("phase") or "-"), *figures, changed]


KINDS: dict[str, tuple[Resource, Sequence[str], Row]] = {
    "clusters": (CLUSTERS, ("name", "reachable", "reason", "features", "version", "age"), cluster_row),
    "rollouts": (
        FLEET_ROLLOUTS,
        ("namespace", "name", "ready", "commit", "run", "status", "age"),
        rollout_row,
    ),
    "runs": (
        FLEET_ROLLOUT_RUNS,
        ("namespace", "name", "revision", "phase", "stage", "verified", "hold", "age"),
        run_row,
    ),
    "canaries": (CANARIES, ("namespace", "name", "phase", "weight", "failed", "changed"), canary_row),
}


@click.command("get", short_help="List clusters, rollouts, runs or canaries")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name", required=False, default="")
@click.option("-o", "--output", type=click.Choice(["json"]), help="Print JSON, whole objects.")
@click.option("-w", "--watch", is_flag=True, help="Go on, with a line for each change, until Ctrl-C.")
@cluster_options()
def get_command(kind: str, name: str, output: str | None, watch: bool, connection: Connection) -> None:
    """List what is in the hub (clusters, rollouts, runs) or in a cluster (canaries); all namespaces unless -n is given.

    \b
    Examples:
      volary get rollouts
      volary get runs -w
      volary get canaries --context west -o json
    """
    asyncio.run(show(kind, name, output == "json", watch, connection))


async def show(kind: str, name: str, as_json: bool, watch: bool, connection: Connection) -> None:
    """Print a listing, and with `watch` what changes after it."""
    resource, columns, row = KINDS[kind]
    clock = SystemClock()
    async with connection.client() as client:
        listing = await client.list(resource, connection.namespace)
        found = [item for item in listing.items if not name or name_of(item) == name]
        if as_json and not watch:
            print_json({"kind": "List", "apiVersion": "v1", "items": found})
            return
        if as_json:
            for item in found:
                print_json(item)
        elif found or watch:
            print_table(columns, [row(item, clock.now()) for item in found])
        else:
            click.echo(nothing(kind, connection.namespace), err=True)
        if watch:
            await follow(client, kind, name, as_json, listing.version, connection.namespace)


def nothing(kind: str, namespace: str) -> str:
    return f"no {kind} in namespace {namespace}" if namespace else f"no {kind}"


async def follow(client: Client, kind: str, name: str, as_json: bool, version: str, namespace: str) -> None:
    """Print a line for each change, reopening the watch where it ended."""
    resource, columns, row = KINDS[kind]
    clock = SystemClock()
    while True:
        async with client.watch(resource, version, namespace) as events:
            async for event in events:
                obj = event["object"]
                version = str(dig(obj, "metadata", "resourceVersion") or version)
                if event["type"] not in ("ADDED", "MODIFIED", "DELETED") or (name and name_of(obj) != name):
                    continue
                if as_json:
                    print_json(obj)
                else:
                    print_table(columns, [row(obj, clock.now())], header=False)
