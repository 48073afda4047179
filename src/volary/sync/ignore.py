"""Files of a repository that are no configuration: `.sourceignore` files, and what Flux leaves out by itself. Pure.

Source: Flux source-controller, default exclusions; gitignore, "Pattern format".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from volary.sources import Entry, Tree

IGNORE_FILE = ".sourceignore"
DEFAULTS = """
.git/
.gitignore
.gitmodules
.gitattributes
*.jpg
*.jpeg
*.gif
*.png
*.wmv
*.flv
*.tar.gz
*.zip
/.github/
/.circleci/
/.travis.yml
/.gitlab-ci.yml
/appveyor.yml
/.drone.yml
/cloudbuild.yaml
/codeship-services.yml
/codeship-steps.yml
**/.goreleaser.yml
**/.sops.yaml
**/.flux.yaml
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of an ignore file."""

    pattern: re.Pattern[str]  # of the path below the file's folder
    folder: str  # where the file lies, with "/" at its end
    folders_only: bool
    includes: bool  # "!": take it back in


@dataclass(frozen=True, slots=True)
class Filtered:
    """A tree without what is ignored."""

    tree: Tree
    entries: Mapping[str, Entry]

    @property
    def id(self) -> str:
        return self.tree.id

    def read(self, path: str) -> bytes:
        if path not in self.entries:
            raise KeyError(path)
        return self.tree.read(path)


def without_ignored(tree: Tree) -> Tree:
    """Return the tree as Flux would pack it."""
    rules = rules_of(DEFAULTS, "")
    for path in sorted(tree.entries, key=lambda path: path.count("/")):
        folder, _, name = path.rpartition("/")
        if name == IGNORE_FILE:
            rules += rules_of(tree.read(path).decode("utf-8", "replace"), f"{folder}/" if folder else "")
    folders: dict[str, bool] = {}
    kept = {path: entry for path, entry in tree.entries.items() if not is_ignored(path, rules, folders)}
    return Filtered(tree, kept)


def rules_of(text: str, folder: str) -> list[Rule]:
    """Return the rules of an ignore file in `folder`."""
    made = []
    for line in text.splitlines():
        pattern = line.rstrip() if not line.endswith("\\ ") else line
        if not pattern or pattern.startswith("#"):
            continue
        includes = pattern.startswith("!")
        pattern = pattern.removeprefix("!").removeprefix("\\")
        made.append(Rule(re.compile(translate(pattern.rstrip("/"))), folder, pattern.endswith("/"), includes))
    return made


def translate(pattern: str) -> str:
    """Return the regular expression for a gitignore pattern."""
    anchored = "/" in pattern
    pattern = pattern.lstrip("/")
    made = "" if anchored else "(?:.*/)?"
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            made, at = made + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            made, at = made + ".*", at + 2
        elif pattern[at] == "*":
            made, at = made + "[^/]*", at + 1
        elif pattern[at] == "?":
            made, at = made + "[^/]", at + 1
        elif pattern[at] == "[" and "]" in pattern[at + 2 :]:
            end = pattern.index("]", at + 2)
            inside = pattern[at + 1 : end].replace("\\", "\\\\")
            made, at = made + "[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]", end + 1
        else:
            made, at = made + re.escape(pattern[at]), at + 1
    return made


def is_ignored(path: str, rules: list[Rule], folders: dict[str, bool], is_folder: bool = False) -> bool:
    """Is the file left out, or a folder that it is in? What is below such a folder cannot be taken back in.

    `folders` remembers the answer for each folder.
    """
    folder = path.rpartition("/")[0]
    if folder:
        if folder not in folders:
            folders[folder] = is_ignored(folder, rules, folders, is_folder=True)
        if folders[folder]:
            return True
    return is_left_out(path, is_folder, rules)


def is_left_out(path: str, is_folder: bool, rules: list[Rule]) -> bool:
    """Does the last rule that speaks of this very path leave it out?"""
    for rule in reversed(rules):
        if rule.folders_only and not is_folder:
            continue
        if path.startswith(rule.folder) and rule.pattern.fullmatch(path, len(rule.folder)):
            return not rule.includes
    return False
