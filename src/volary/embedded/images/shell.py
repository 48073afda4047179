"""A very small shell, read and never executed: what a Job's container does, as waits, lines and an exit code. Pure.

    sleep N (s, m, h, infinity) · echo [-n] TEXT · true · false · exit N · tail -f /dev/null
    sh -c "A; B && C || D", also on several lines; $NAME and ${NAME}

Source: POSIX Shell Command Language, the part above.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

SHELLS = ("sh", "ash", "bash")
KNOWN = ("echo", "exit", "false", "sleep", "tail", "true")
IDLE = (":", "set")  # they change nothing here
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
INFINITY = float("inf")


class NotKnown(ValueError):
    """A command line that this shell does not understand; the text says what it does."""


class Command(NamedTuple):
    join: str  # what stands before it: ";", "&&" or "||"
    words: tuple[str, ...]


class Step(NamedTuple):
    """Write `text`, then wait."""

    text: str
    seconds: float


def read(words: Sequence[str]) -> list[Command]:
    """Return the commands of a container's command line. Raises: NotKnown, before anything is done."""
    if words and _base(words[0]) in SHELLS:
        if len(words) == 1:
            return []  # a shell without a terminal ends at once
        flag = words[1].lstrip("-")
        if not (words[1].startswith("-") and flag.endswith("c")) or len(words) < 3:
            raise NotKnown(f"{' '.join(words)!r}: of a shell only sh -c TEXT is known here")
        commands = _script(words[2])
    else:
        commands = [Command(";", tuple(words))] if words else []
    for command in commands:
        _check(command.words)
    return commands


def _script(text: str) -> list[Command]:
    if re.search(r"`|\$\(", text):
        raise NotKnown("substitutions ($(…), backticks) are not run here")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|\n<>")
    lexer.whitespace, lexer.whitespace_split = " \t\r", True
    try:
        tokens = list(lexer)
    except ValueError as problem:
        raise NotKnown(f"{text!r}: {problem}") from None
    commands: list[list[str]] = [[";"]]
    for token in tokens:
        if token.strip(";\n") == "":
            commands.append([";"])
        elif token in ("&&", "||"):
            commands.append([token])
        elif set(token) <= set(";&|\n<>"):
            raise NotKnown(f"{token.strip()!r} is not understood here; known are ; && ||")
        else:
            commands[-1].append(token)
    return [Command(join, tuple(words)) for join, *words in commands if words]


def _check(words: Sequence[str]) -> None:
    name, rest = _base(words[0]), words[1:]
    if name == "tail" and (rest[:1] not in (["-f"], ["-F"], ("-f",), ("-F",)) or "/dev/null" not in rest):
        raise NotKnown("of tail only tail -f /dev/null is known here")
    if name not in (*KNOWN, *IDLE):
        raise NotKnown(f'command "{words[0]}" is not run here; known are {", ".join(KNOWN)} and sh -c with these')


def play(commands: Sequence[Command], env: Mapping[str, str]) -> Generator[Step, None, int]:
    """Yield what is written and waited for, in order; return the exit code."""
    code = 0
    for command in commands:
        if (command.join == "&&" and code) or (command.join == "||" and not code):
            continue
        words = [_filled(word, env) for word in command.words]
        name, rest = _base(words[0]), words[1:]
        if name == "exit":
            return _number(rest[0]) if rest else code
        if name == "echo":
            yield Step(_line(rest), 0.0)
        elif name in ("sleep", "tail"):
            seconds = INFINITY if name == "tail" else sum(map(_seconds, rest))
            if seconds < 0 or not rest:
                yield Step("sleep: want a number of seconds\n", 0.0)
                code = 1
                continue
            yield Step("", seconds)
        code = 1 if name == "false" else 0
    return code


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _filled(word: str, env: Mapping[str, str]) -> str:
    return re.sub(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))", lambda match: env.get(match[1] or match[2], ""), word)


def _line(words: Sequence[str]) -> str:
    return " ".join(words[1:]) if words[:1] == ["-n"] else " ".join(words) + "\n"


def _number(text: str) -> int:
    return int(text) & 255 if text.lstrip("-").isdigit() else 2


def _seconds(text: str) -> float:
    """Return the seconds of `1.5`, `2m`, `infinity`; less than 0 for anything else."""
    if text in ("inf", "infinity"):
        return INFINITY
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", text)
    return float(match[1]) * UNITS[match[2]] if match else -INFINITY
