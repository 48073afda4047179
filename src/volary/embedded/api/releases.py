"""Which Kubernetes a server is: a minor from 1.31 to 1.36, with the kinds and fields that were there then.

The data says in which minor the schema of a stable version got a kind or a field (`scripts/kubernetes_since.py`); what
the server made of it then, behind a gate or without one, it does not say.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from volary.embedded.api.registry import BUILTINS, Kind, definition_names, definitions, load

OLDEST, NEWEST = 31, 36
PATCH = {31: 14, 32: 13, 33: 12, 34: 8, 35: 6, 36: 3}  # which patch release of each the version names
PARTS_SINCE = 33  # /version says what it emulates and what it is compatible with


class UnknownRelease(ValueError):
    """A version that embedded clusters cannot be."""


def minor_of(version: str) -> int:
    """Return the minor of "1.33" (also "v1.33.2"). Raises: UnknownRelease."""
    parts = version.removeprefix("v").split(".")
    if len(parts) >= 2 and parts[0] == "1" and parts[1].isdigit() and OLDEST <= int(parts[1]) <= NEWEST:
        return int(parts[1])
    raise UnknownRelease(f'Kubernetes "{version}" is not one of 1.{OLDEST} to 1.{NEWEST}')


@cache
def since() -> dict[str, dict[str, int]]:
    """Return definition -> field ("" for itself) -> the minor it came in, where that is later than the oldest."""
    found: dict[str, dict[str, int]] = load("since.json")
    return found


@cache
def definitions_in(minor: int) -> dict[str, dict[str, Any]]:
    """Return the definitions of a minor; shared, not to be changed."""
    if minor == NEWEST:
        return definitions()
    found = {}
    for name, definition in definitions().items():
        came = since().get(name) or {}
        if came.get("", 0) > minor:
            continue
        later = {field for field, first in came.items() if first > minor}
        if later:
            kept = {field: it for field, it in definition["properties"].items() if field not in later}
            definition = {**definition, "properties": kept}
        found[name] = definition
    return found


@cache
def kinds_in(minor: int) -> tuple[Kind, ...]:
    """Return the built-in kinds of a minor."""

    def there(kind: Kind) -> bool:
        name = definition_names().get((kind.group, kind.version, kind.kind), "")
        return (since().get(name) or {}).get("", 0) <= minor

    return tuple(kind for kind in BUILTINS if there(kind))


@cache
def version_in(minor: int) -> dict[str, str]:
    """Return what /version answers."""
    found = {"major": "1", "minor": str(minor)}
    if minor >= PARTS_SINCE:
        found |= {"emulationMajor": "1", "emulationMinor": str(minor)}
        found |= {"minCompatibilityMajor": "1", "minCompatibilityMinor": str(minor - 1)}
    return found | {
        "gitVersion": f"v1.{minor}.{PATCH[minor]}+embedded",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "",
    }
