"""Looks files up in one tree, within its bounds, and remembers what was looked at.

What was looked at is what a build depends on: while none of it changes, the build need not be made again, whatever
else a commit brings.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, field

from volary.sources import LINK, Tree
from volary.sync.kustomize.errors import BuildError

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class Looks:
    """What a build looked at, and the state it saw. Absent files too: their coming would change the build."""

    files: dict[str, str] = field(default_factory=dict)  # path -> id of the content, "" if absent
    folders: dict[str, str] = field(default_factory=dict)  # path -> digest of all names and contents below

    def still_true(self, tree: Tree) -> bool:
        """Would a build of `tree` see the same?"""
        for path, blob in self.files.items():
            entry = tree.entries.get(path)
            if (entry.blob if entry else "") != blob:
                return False
        return all(digest_below(tree, path) == digest for path, digest in self.folders.items())


class Files:
    """One tree, read through a door that opens inwards only."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.looks = Looks()
        self._folders: set[str] | None = None

    def read(self, path: str) -> bytes:
        """Return a file's content. Raises: BuildError."""
        self._note(path)
        self._refuse_links(path)
        if path not in self.tree.entries:
            raise BuildError(f"{path}: no such file in the repository")
        return self.tree.read(path)

    def is_file(self, path: str) -> bool:
        self._note(path)
        self._refuse_links(path)
        return path in self.tree.entries

    def is_folder(self, path: str) -> bool:
        self._refuse_links(path)
        if self._folders is None:
            self._folders = {""}
            for name in self.tree.entries:
                while name := posixpath.dirname(name):
                    if name in self._folders:
                        break
                    self._folders.add(name)
        return path in self._folders

    def below(self, folder: str) -> list[str]:
        """Return all paths below a folder, in the order in which a walk comes by them."""
        self.looks.folders[folder] = digest_below(self.tree, folder)
        return sorted(paths_below(self.tree, folder), key=lambda path: path.split("/"))

    def kustomization_file(self, folder: str) -> str | None:
        """Return the path of the folder's kustomization file. Raises: BuildError when there are several."""
        found = [path for name in KUSTOMIZATION_FILES if self.is_file(path := join(folder, name))]
        if len(found) > 1:
            raise BuildError(f"{folder or '.'}: more than one kustomization file: {', '.join(found)}")
        return found[0] if found else None

    def _note(self, path: str) -> None:
        entry = self.tree.entries.get(path)
        self.looks.files[path] = entry.blob if entry else ""

    def _refuse_links(self, path: str) -> None:
        """Refuse a path that is a symbolic link, or goes through one. Raises: BuildError."""
        at = path
        while at:
            entry = self.tree.entries.get(at)
            if entry is not None and entry.kind == LINK:
                raise BuildError(f"{at}: symbolic links are not followed; put the file itself there")
            at = posixpath.dirname(at)


def paths_below(tree: Tree, folder: str) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    return [path for path in tree.entries if path.startswith(prefix)]


def digest_below(tree: Tree, folder: str) -> str:
    """Return what stands for all names and contents below a folder."""
    if not folder:
        return tree.id
    lines = [f"{path}\0{tree.entries[path].blob}" for path in sorted(paths_below(tree, folder))]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def resolve(folder: str, name: str, where: str) -> str:
    """Return the path that `name`, written in a file of `folder`, means. Raises: BuildError when it leaves the tree."""
    if "://" in name or name.startswith(("git@", "github.com/")) or "?ref=" in name:
        raise BuildError(f"{where}: {name} is remote; only files of this repository are built, copy it in")
    if name.startswith("/"):
        raise BuildError(f"{where}: {name} begins at the root; write a path relative to the file")
    path = posixpath.normpath(posixpath.join(folder, name))
    if path == ".." or path.startswith("../"):
        raise BuildError(f"{where}: {name} leads out of the repository")
    return "" if path == "." else path
