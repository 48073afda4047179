"""Builds the real Flagger and the real Flux controllers, unmodified, from the Go module proxy; once, outside the tree.

A module that replaces its own API by a folder (`./api`) cannot be installed by name. Each is therefore built as a
dependency of an empty module with the same requirements and replacements; its released API is then taken instead.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("VOLARY_PEERS", "~/.cache/volary-peers")).expanduser()
BUILD_SECONDS = 1800
OWN_FOLDER = re.compile(r"^replace \S+ => \./\S*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Peer:
    """One released program."""

    module: str
    version: str
    package: str  # of its main function

    @property
    def binary(self) -> Path:
        return CACHE / f"{self.module.rpartition('/')[2]}-{self.version}"


FLAGGER = Peer("github.com/fluxcd/flagger", "v1.44.0", "github.com/fluxcd/flagger/cmd/flagger")
SOURCE = Peer("github.com/fluxcd/source-controller", "v1.9.3", "github.com/fluxcd/source-controller")
KUSTOMIZE = Peer("github.com/fluxcd/kustomize-controller", "v1.9.6", "github.com/fluxcd/kustomize-controller")


def build(peer: Peer) -> Path:
    """Return the program, built if the cache has it not. Raises: CalledProcessError, TimeoutExpired."""
    if peer.binary.exists():
        return peer.binary
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not peer.binary.exists():
            folder = CACHE / f"{peer.binary.name}.module"
            folder.mkdir(exist_ok=True)
            write_module(peer, folder)
            made = folder / "program"
            go(folder, "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", str(made), peer.package)
            made.rename(peer.binary)
    return peer.binary


def write_module(peer: Peer, folder: Path) -> None:
    """Write a module that requires what the peer's own does, and the peer."""
    source = Path(go(CACHE, "mod", "download", "-json", f"{peer.module}@{peer.version}", field="Dir"))
    text = OWN_FOLDER.sub("", (source / "go.mod").read_text())
    text = text.replace(f"module {peer.module}\n", "module peer\n", 1)
    (folder / "go.mod").write_text(f"{text}\nrequire {peer.module} {peer.version}\n")
    shutil.copyfile(source / "go.sum", folder / "go.sum")
    (folder / "go.sum").chmod(0o644)


def go(folder: Path, *arguments: str, field: str = "") -> str:
    """Run go, politely; return what it printed, or one field of the JSON that it printed."""
    command = ["nice", "-n", "19", "go", *arguments]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    out = subprocess.run(
        command, cwd=folder, env=environment, check=True, timeout=BUILD_SECONDS, stdout=subprocess.PIPE, text=True
    ).stdout
    if not field:
        return out
    match = re.search(rf'"{field}": "([^"]*)"', out)
    assert match, f"go {' '.join(arguments)} printed no {field}"
    return match[1]
