"""The command line: parse input, call the program, print. No decisions.

Commands are imported only when they are used, so that `volary get` starts at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from typing import Any

import click

from volary import __version__

INTERRUPTED = 130  # as a shell tells of Ctrl-C
READER_GONE = 141  # and of a closed pipe

# name -> (module, what it does, for the list of commands); each module has a click command `command`.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "The whole story on this machine, with real traffic"),
    "run": ("run", "The controllers, against the cluster of a kubeconfig"),
    "get": ("get", "List clusters, rollouts, runs or canaries"),
    "why": ("why", "Where a rollout is, and why it is not moving"),
    "pause": ("steer", "Dispatch nothing new; canaries in flight go on"),
    "resume": ("steer", "Go on after a pause or a hold"),
    "abort": ("steer", "End a run where it is; pins stay"),
    "rollback": ("steer", "Take a run back everywhere"),
    "retry": ("steer", "Try a commit again that was marked bad"),
    "kube": ("kube", "Embedded clusters for kubectl and tests"),
    "install": ("install", "Print what a cluster needs, for kubectl apply -f -"),
    "uninstall": ("install", "Take Volary out of a cluster, pins kept or released"),
}

EPILOG = """\b
Examples:
  volary demo                          see all of it in two minutes
  volary install | kubectl apply -f -  put it into the current cluster
  volary get rollouts                  what is where
  volary why podinfo                   why it is not moving
"""


class Lazy(click.Group):
    """A group that imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"volary.cli.{COMMANDS[cmd_name][0]}")
        found = getattr(module, f"{cmd_name}_command")
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Lazy, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="volary", message="%(prog)s %(version)s")
def volary() -> None:
    """Push to Git; Volary takes the change through your clusters, a canary in each, and back when it is bad."""


class Complaint(Exception):
    """Something that a person has to mend; its text is one sentence."""


def main(arguments: list[str] | None = None) -> int:
    """Run `volary`; return its exit status."""
    try:
        status = answer(arguments)
        sys.stdout.flush()  # here, where a reader that has gone can still be told from a bug
    except BrokenPipeError:
        return reader_gone()
    return status


def answer(arguments: list[str] | None) -> int:
    """Run the command that was asked for; what is wrong becomes one sentence and an exit status."""
    try:
        result: Any = volary.main(args=arguments, prog_name="volary", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        return INTERRUPTED
    except SystemExit:
        raise BrokenPipeError from None  # nothing else makes click exit by itself here
    except click.ClickException as error:
        return misused(error)
    except Exception as error:
        return complain(error)
    return result if isinstance(result, int) else 0


def misused(error: click.ClickException) -> int:
    """Say in one sentence what is wrong with the words of a command, and where they are explained."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = f"; see: {context.command_path} --help" if context else ""
    text = " ".join(error.format_message().split()).rstrip(".")
    click.echo(f"volary: {text[:1].lower()}{text[1:]}{where}", err=True)
    return error.exit_code


def complain(error: Exception) -> int:
    """Print an error that a person can mend as one sentence; let a bug be seen whole."""
    from volary.kube.errors import KubeError
    from volary.runtime.errors import Unfinished

    known = (Complaint, KubeError, Unfinished, ValueError, OSError)
    cause: BaseException = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if isinstance(cause, BrokenPipeError):
        raise cause
    if not isinstance(cause, known):
        raise error
    click.echo(f"volary: {cause}", err=True)
    return 1


def reader_gone() -> int:
    """Whoever read us has seen enough: say nothing, and leave nothing that Python would try to write at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE
