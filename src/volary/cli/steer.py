"""`volary pause|resume|abort|rollback|retry`: what a person says to a rollout, with who and why."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Callable
from typing import Any

import click

from volary.cli import Complaint
from volary.cli.connect import Connection, cluster_options
from volary.cli.why import find_rollout
from volary.fleet import commands
from volary.fleet.commands import Fleet, Impossible, Patch, Words

Say = Callable[[Fleet, Words], Patch]
MEANT = "\0"  # an option that was said without a cluster; no cluster has this name

reason_option = click.option("--reason", default="", help="Why; kept with the decision.")


def who() -> str:
    """Return who says it: $VOLARY_BY, else the name of the account."""
    try:
        return os.environ.get("VOLARY_BY") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def say(name: str, reason: str, connection: Connection, what: Say) -> None:
    """Look, work out what is to be patched, patch it, and say what follows from it."""
    click.echo(asyncio.run(patch(name, Words(who(), reason), connection, what)))


async def patch(name: str, words: Words, connection: Connection, what: Say) -> str:
    """Patch what a command asks for; return the note for the person. Raises: Complaint."""
    async with connection.client() as client:
        rollout, runs = await find_rollout(client, name, connection)
        try:
            wanted = what(Fleet(rollout, runs), words)
        except Impossible as error:
            raise Complaint(str(error)) from None
        await client.patch(wanted.resource, wanted.name, wanted.body, wanted.namespace, manager="volary-cli")
    return wanted.note


@click.command("pause")
@click.argument("name")
@reason_option
@cluster_options()
def pause_command(name: str, reason: str, connection: Connection) -> None:
    """Dispatch nothing new. Canaries in flight go on.

    \b
    Example:
      volary pause podinfo --reason "the load balancer is being replaced"
    """
    say(name, reason, connection, commands.pause)


def decision_option(name: str, text: str) -> Callable[..., Any]:
    """An option that takes a cluster, or is said beside --cluster, or alone where only one cluster can be meant."""
    return click.option(name, is_flag=False, flag_value=MEANT, default=None, metavar="[CLUSTER]", help=text)


@click.command("resume")
@click.argument("name")
@decision_option("--take-pin", "Overwrite a pin that somebody else set there.")
@decision_option("--as-is", "Send it there although nothing is proven there.")
@click.option("--cluster", default="", help="The cluster that --take-pin or --as-is means.")
@reason_option
@cluster_options()
def resume_command(
    name: str, take_pin: str | None, as_is: str | None, cluster: str, reason: str, connection: Connection
) -> None:
    """Go on after a pause, a suspension or a hold.

    \b
    Examples:
      volary resume podinfo
      volary resume podinfo --take-pin west --reason "edited by hand during the incident"
      volary resume podinfo --cluster east --as-is
    """
    if take_pin is not None and as_is is not None:
        raise click.UsageError("--take-pin and --as-is are two decisions; say them one after the other")
    if cluster and take_pin is None and as_is is None:
        raise click.UsageError("--cluster goes with --take-pin or --as-is; a run is resumed as a whole")
    if take_pin is not None:
        one = which("--take-pin", take_pin, cluster)
        say(name, reason, connection, lambda fleet, words: commands.take_pin(fleet, words, one))
    elif as_is is not None:
        one = which("--as-is", as_is, cluster)
        say(name, reason, connection, lambda fleet, words: commands.as_is(fleet, words, one))
    else:
        say(name, reason, connection, commands.resume)


def which(option: str, value: str, cluster: str) -> str:
    """Return the cluster that was named, in either way; "" when it follows from what the run waits for."""
    if value == MEANT:
        return cluster
    if cluster and cluster != value:
        raise click.UsageError(f"{option} names {value} and --cluster names {cluster}")
    return value


@click.command("abort")
@click.argument("name")
@reason_option
@cluster_options()
def abort_command(name: str, reason: str, connection: Connection) -> None:
    """End the run where it is. Pins stay, and nothing starts by itself until `volary resume`.

    \b
    Example:
      volary abort podinfo --reason "not today"
    """
    say(name, reason, connection, commands.abort)


@click.command("rollback")
@click.argument("name")
@reason_option
@cluster_options()
def rollback_command(name: str, reason: str, connection: Connection) -> None:
    """Take the newest run back everywhere it went, and mark its commit bad.

    \b
    Example:
      volary rollback podinfo --reason "customers report wrong prices"
    """
    say(name, reason, connection, commands.rollback)


@click.command("retry")
@click.argument("name")
@click.option("--commit", default="", help="Default: the last that was rejected.")
@reason_option
@cluster_options()
def retry_command(name: str, commit: str, reason: str, connection: Connection) -> None:
    """Try a commit again that was marked bad or whose run failed.

    \b
    Examples:
      volary retry podinfo --reason "the metric was wrong, not the release"
      volary retry podinfo --commit 41d2e07
    """
    say(name, reason, connection, lambda fleet, words: commands.retry(fleet, words, commit))
