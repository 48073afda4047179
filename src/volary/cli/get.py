"""`volary get`: what is where."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import click

from volary.cli import Complaint
from volary.cli.connect import Connection, cluster_options
from volary.cli.follow import follow
from volary.cli.output import Table, print_json, print_json_line
from volary.cli.places import Place, places
from volary.cli.rows import KINDS
from volary.kube.objects import NewObject, Object, dig, key_of, name_of
from volary.kube.watch import Change
from volary.runtime.clock import SystemClock


@click.command("get", short_help="List clusters, rollouts, runs or canaries")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name", required=False, default="")
@click.option("-o", "--output", type=click.Choice(["json"]), help="Print JSON, whole objects (with -w one a line).")
@click.option("-w", "--watch", is_flag=True, help="Go on, with a line for each change, until Ctrl-C.")
@cluster_options()
def get_command(kind: str, name: str, output: str | None, watch: bool, connection: Connection) -> None:
    """List what is in the hub (clusters, rollouts, runs) or in a cluster (canaries); all namespaces unless -n is given.

    In a hub, canaries are those of every Cluster, too.

    \b
    Examples:
      volary get rollouts
      volary get runs -w
      volary get canaries --context west -o json
    """
    asyncio.run(show(kind, name, output == "json", watch, connection))


async def show(kind: str, name: str, as_json: bool, watch: bool, connection: Connection) -> None:
    """Print a listing, and with `watch` what changes after it."""
    async with places(connection, KINDS[kind].resource) as asked:
        page = Page(kind, name, as_json, any(place.name for place in asked))
        page.first(asked, watch)
        if watch:
            async with asyncio.TaskGroup() as group:
                for place in asked:
                    told = page.listener(place.name)
                    group.create_task(follow(place, KINDS[kind].resource, connection.namespace, told))


class Page:
    """What goes to the terminal, in one of the two forms."""

    def __init__(self, kind: str, name: str, as_json: bool, many: bool) -> None:
        self.kind = kind
        self.name = name
        self.as_json = as_json
        self.many = many  # clusters, so that a column says which
        self.clock = SystemClock()
        self.table = Table((*(("cluster",) if many else ()), *KINDS[kind].columns))

    def first(self, asked: Sequence[Place], watch: bool) -> None:
        """Print what there is. Raises: Complaint when there is nothing of the name that was asked for."""
        everything = [(place.name, item) for place in asked for item in place.listing.items]
        if self.kind == "runs":
            everything.sort(key=lambda entry: str(dig(entry[1], "metadata", "creationTimestamp")))  # the newest last
        found = [(cluster, item) for cluster, item in everything if self.wanted(item)]
        if self.name and not found and not watch:
            raise Complaint(no_such(self.kind, self.name, [key_of(item) for _, item in everything]))
        if self.as_json and watch:
            for cluster, item in found:
                print_json_line(self.marked(cluster, item))
        elif self.as_json:
            items = [self.marked(cluster, item) for cluster, item in found]
            print_json({"kind": "List", "apiVersion": "v1", "items": items})
        elif found or watch:
            self.table.print(self.row(cluster, item) for cluster, item in found)
        else:
            click.echo(f"volary: there are no {self.kind}", err=True)

    def listener(self, cluster: str) -> Any:
        """Return what prints the changes of one cluster."""

        def changed(change: Change) -> None:
            obj = change.new or change.old
            if obj is None or not self.wanted(obj):
                return
            if self.as_json:
                print_json_line(self.marked(cluster, obj))
                return
            row = self.row(cluster, obj)
            self.table.print([row if change.new else [*row[:-1], "deleted"]], header=False)

        return changed

    def wanted(self, obj: Object) -> bool:
        return not self.name or name_of(obj) == self.name

    def row(self, cluster: str, obj: Object) -> list[str]:
        row = KINDS[self.kind].row(obj, self.clock.now())
        return [cluster or "-", *row] if self.many else row

    def marked(self, cluster: str, obj: Object) -> NewObject:
        """Return the object, and where several clusters are listed the name of its own beside it."""
        return {"cluster": cluster, **obj} if self.many else dict(obj)


def no_such(kind: str, name: str, others: Iterable[str]) -> str:
    known = ", ".join(sorted(others))
    return f'{kind}: there is no "{name}"' + (f"; there are: {known}" if known else " and no other")
