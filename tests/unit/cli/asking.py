"""Runs the command line in this process, through its own `main`, and keeps what it said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click
import msgspec
from click.testing import CliRunner

from volary import cli


@dataclass(frozen=True, slots=True)
class Answered:
    """What a command said."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return msgspec.json.decode(self.out)

    def one_sentence(self, status: int = 1) -> str:
        """Return the one line on stderr; there must be nothing else, and no traceback."""
        assert self.status == status, (self.status, self.out, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("volary: ")
        assert self.out == ""
        return lines[0].removeprefix("volary: ")


class Volary:
    """The command line."""

    def __call__(self, *arguments: str) -> Answered:
        @click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
        @click.argument("words", nargs=-1, type=click.UNPROCESSED)
        def through(words: tuple[str, ...]) -> None:
            raise click.exceptions.Exit(cli.main(list(words)))

        result = CliRunner().invoke(through, ["--", *arguments], catch_exceptions=False)
        return Answered(result.exit_code, result.stdout, result.stderr)

    def good(self, *arguments: str) -> str:
        """Return what a command printed that must succeed without a complaint."""
        answered = self(*arguments)
        assert answered.status == 0, answered
        assert answered.err == "", answered
        return answered.out
