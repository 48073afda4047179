"""The documents do not promise what is not there: links, targets, commands, reasons, fields."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import click
import pytest
import yaml

from volary.cli import volary
from volary.fleet import wire
from volary.fleet.progress import HoldReason

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```.*?\n(.*?)```|`([^`\n]+)`", re.DOTALL)
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]


def code_in(page: Path) -> str:
    """Return what stands in code blocks and between backticks, a line each."""
    return "\n".join(block or inline for block, inline in CODE.findall(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_make_target_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"^\s*make ([a-z]+)\b", code_in(page), re.MULTILINE):
        assert target in targets


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_and_option_is_there(page: Path) -> None:
    for words in re.findall(r"^\s*(?:\$ )?volary ([a-z].*)$", code_in(page), re.MULTILINE):
        first, *others = re.split(r"\s*(?:;|&&|\||\s{2,}|#)\s*", words)
        for line in (first, *(other.removeprefix("volary ") for other in others if other.startswith("volary "))):
            check_command(line.split())


def check_command(words: list[str]) -> None:
    command: click.Command = volary
    for word in words:
        if isinstance(command, click.Group):
            if word.startswith("-"):
                continue
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"volary {' '.join(words)}"
            command = found
        elif word.startswith("--"):
            options = {option for one in command.params for option in one.opts}
            assert word.partition("=")[0].strip("[].,…`") in options, f"volary {' '.join(words)}"


def test_every_reason_to_hold_is_explained() -> None:
    text = (ROOT / "docs/how-to/when-it-does-not-move.md").read_text()
    explained = re.findall(r"^\| `([A-Za-z]+)`", text.split("## Nothing runs")[0], re.MULTILINE)
    assert sorted(explained) == sorted(get_args(HoldReason))


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/first-fleet.md"])
def test_the_objects_that_people_copy_are_valid(page: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    kinds = []
    for document in map(yaml.safe_load, blocks):
        kinds.append(document["kind"])
        wire.cluster(document) if document["kind"] == "Cluster" else wire.rollout(document)
    assert "FleetRollout" in kinds


def test_the_generated_pages_are_those_of_the_code() -> None:
    command = [sys.executable, "-m", "scripts.make_reference", "--check"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_changes_are_numbered_and_of_a_known_kind() -> None:
    names = sorted(path.name for path in (ROOT / "changes").glob("*.md"))
    assert names
    for name in names:
        assert re.fullmatch(r"\d{4}\.(added|changed|fixed|removed)\.md", name), name
    numbers = [name[:4] for name in names]
    assert len(numbers) == len(set(numbers))
