"""Writes the pages of docs/reference that are made from types, commands and data; `--check` compares.

What a field means is in `meanings.yaml`; a field without a meaning, and a meaning without a field, are errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from scripts import reference_embedded
from volary.canary.phases import ALLOWED, AT_REST, RUNNING
from volary.canary.spec import Phase
from volary.cli import volary
from volary.fleet.wire import definitions

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made by scripts/make_reference.py: change the code, then run `make reference`. -->"
MEANINGS: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "meanings.yaml").read_text())
FOLDED = ("conditions", "clusterSelector", "decisions")  # the same everywhere, and known to people or said in a line
BY_FLAGGER = (Phase.WAITING, Phase.WAITING_PROMOTION, Phase.TERMINATING, Phase.TERMINATED)


# -- kinds


def kinds() -> str:
    """Return the page of our own kinds."""
    lines = [
        "# Our own kinds",
        "",
        MADE,
        "",
        "Group `volary.dev`, version `v1alpha1`, all in the hub. A field that is not listed is refused by name, where",
        "a person writes it. Flux's and Flagger's kinds are theirs: see [deviations](deviations.md).",
    ]
    for definition in definitions():
        lines += kind(definition)
    return "\n".join(lines) + "\n"


def kind(definition: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section of one kind."""
    names, served = definition["spec"]["names"], definition["spec"]["versions"][0]
    title, short = names["kind"], names.get("shortNames") or []
    yield from ("", f"## {title}", "", meaning(title, ""), "")
    columns = ", ".join(column["name"].upper() for column in served["additionalPrinterColumns"])
    alias = f", short name `{short[0]}`" if short else ""
    yield f"{definition['spec']['scope']}{alias}, category `volary`. Columns: {columns}."
    properties = served["schema"]["openAPIV3Schema"]["properties"]
    for part in ("spec", "status"):
        yield from ("", "| field | type | default | meaning |", "|---|---|---|---|")
        for path, schema, required in fields(properties[part], part):
            default = "required" if required else default_of(schema)
            yield f"| `{path}` | {type_of(schema)} | {default} | {meaning(title, path)} |"


def meaning(title: str, path: str) -> str:
    """Return what a kind (path "") or a field means. Raises: SystemExit where nobody has said it."""
    if path not in MEANINGS[title]:
        raise SystemExit(f"scripts/meanings.yaml: say what {title} {path} means")
    return MEANINGS[title][path]


def fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield (path, schema, required) of every field below, parents first."""
    required = schema.get("required") or ()
    for name, child in (schema.get("properties") or {}).items():
        here = f"{path}.{name}"
        yield here, child, name in required
        if name in FOLDED or (set(child.get("properties") or ()) == {"namespace", "name"} and name != "secretRef"):
            continue
        if child.get("type") == "array":
            yield from fields(child["items"], f"{here}[]")
        else:
            yield from fields(child, here)


def type_of(schema: Mapping[str, Any]) -> str:
    """Return a field's type in the words of people."""
    if choices := [choice for choice in schema.get("enum") or () if choice]:
        return ", ".join(f"`{choice}`" for choice in choices)
    if schema.get("x-kubernetes-int-or-string"):
        return "number or percentage"
    if "additionalProperties" in schema:
        return "map"
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}" if "properties" not in schema["items"] else "list"
    if str(schema.get("pattern", "")).startswith("^([0-9]+(\\."):
        return "duration"
    if schema.get("format") == "date-time":
        return "time"
    return {"object": "object", "string": "text", "integer": "number", "boolean": "`true`, `false`"}[schema["type"]]


def default_of(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    if default in (None, "") or isinstance(default, dict | list):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def unused_meanings() -> list[str]:
    """Return meanings of fields that are not there any more."""
    found = []
    for definition in definitions():
        title = definition["spec"]["names"]["kind"]
        properties = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        known = {"", *(path for part in ("spec", "status") for path, _, _ in fields(properties[part], part))}
        found += [f"{title} {path}" for path in MEANINGS[title] if path not in known]
    return found


# -- the command line


def cli() -> str:
    """Return the page of the commands: what `--help` says, at a width of 100."""
    lines = ["# The command line", "", MADE, ""]
    lines += ["Exit status: 0; 1 with one sentence on stderr; 2 for words that it does not know; 130 after Ctrl-C.", ""]
    for words, command in commands(volary, ("volary",)):
        context = click.Context(
            command,
            info_name=" ".join(words),
            terminal_width=100,
            max_content_width=100,
            **volary.context_settings,
        )
        lines += [f"## {' '.join(words)}", "", "```", command.get_help(context).rstrip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*words, name))


# -- phases


def phases() -> str:
    """Return the page of the canary's phases."""
    lines = ["# Phases of a canary", "", MADE, "", "The names are Flagger's. Every move that is not here is a bug:"]
    lines += ["the explorations of the tests check each move that they make.", "", "```mermaid", "stateDiagram-v2"]
    ours = {phase: after for phase, after in ALLOWED.items() if phase not in BY_FLAGGER}
    for phase, after in ours.items():
        lines += [f"    {node(phase)} --> {node(other)}" for other in sorted(after)]
    lines += ["```", "", "| phase | is | may be followed by |", "|---|---|---|"]
    for phase, after in ALLOWED.items():
        state = "at rest" if phase in AT_REST else "at work" if phase in RUNNING else "on the way"
        state += "; written by Flagger only" if phase in BY_FLAGGER else ""
        lines.append(
            f"| {f'`{phase}`' if phase else '(none)'} | {state} | {', '.join(f'`{one}`' for one in sorted(after))} |"
        )
    return "\n".join(lines) + "\n"


def node(phase: Phase) -> str:
    return phase.value or "[*]"


PAGES = {
    "kinds.md": kinds,
    "cli.md": cli,
    "phases.md": phases,
    "embedded-kinds.md": lambda: reference_embedded.kinds(MADE),
    "embedded-differences.md": lambda: reference_embedded.differences(MADE),
}


def main() -> int:
    if unused := unused_meanings():
        raise SystemExit(f"scripts/meanings.yaml: there is no {', '.join(unused)}")
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text)
    if stale and "--check" in sys.argv:
        print(f"docs/reference: {', '.join(stale)} differ from the code; run: make reference")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
