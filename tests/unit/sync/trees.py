"""Trees from folders on disk: our own beside this file, and, where they are, manifests that others wrote."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from volary.sources.memory import MemoryTree, memory_tree

OWN = Path(__file__).parent / "trees"
REAL = Path(__file__).parents[4] / "shared" / "real"
KUBECTL = shutil.which("kubectl")
NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def read_tree(root: Path) -> MemoryTree:
    """Return all files below a folder."""
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return memory_tree(files)


def kustomizations(root: Path) -> list[tuple[Path, str]]:
    """Return (root of the tree, path in it) for each kustomization below `root`."""
    found = []
    for top in sorted(root.iterdir()) if root.is_dir() else ():
        for name in NAMES:
            paths = (file.parent.relative_to(top).as_posix() for file in top.rglob(name))
            found += [(top, "" if path == "." else path) for path in paths]
    return sorted(found)


def kubectl_kustomize(folder: Path) -> str | None:
    """Return what kubectl prints, None where it fails."""
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout
