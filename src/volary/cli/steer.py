"""`volary pause|resume|abort|rollback|retry`: what a person says to a rollout, with who and why."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Callable

import click

from volary.cli import Complaint
from volary.cli.connect import Connection, cluster_options
from volary.cli.why import find_rollout
from volary.fleet import commands
from volary.fleet.commands import Fleet, Impossible, Patch, Words

Say = Callable[[Fleet, Words], Patch]

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
        rollout, runs = await find_rollout(client, name, connection.default_namespace())
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


@click.command("resume")
@click.argument("name")
@click.option("--take-pin", default="", metavar="CLUSTER", help="Overwrite a pin that somebody else set there.")
@click.option("--as-is", default="", metavar="CLUSTER", help="Send it there although nothing is proven there.")
@reason_option
@cluster_options()
def resume_command(name: str, take_pin: str, as_is: str, reason: str, connection: Connection) -> None:
    """Go on after a pause, a suspension or a hold.

    \b
    Examples:
      volary resume podinfo
      volary resume podinfo --take-pin west --reason "edited by hand during the incident"
      volary resume podinfo --as-is east
    """
    if take_pin and as_is:
        raise Complaint("--take-pin and --as-is are two decisions; say them one after the other")
    if take_pin:
        say(name, reason, connection, lambda fleet, words: commands.take_pin(fleet, words, take_pin))
    elif as_is:
        say(name, reason, connection, lambda fleet, words: commands.as_is(fleet, words, as_is))
    else:
        say(name, reason, connection, commands.resume)


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
