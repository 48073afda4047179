"""Reads an object and remembers which of its fields had an effect; the others are reported, never dropped in silence.

A gap is one line for people: the path of the field and, where that is not plain, why it has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

Object = Mapping[str, Any]


class Gaps:
    """The fields of one object that are not applied, each once, in the order they were found."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}

    def add(self, path: str, why: str = "") -> None:
        self._lines[f"{path}: {why}" if why else path] = None

    def lines(self) -> tuple[str, ...]:
        return tuple(self._lines)


class Fields:
    """One mapping inside an object. As a context manager, what nobody took is a gap at the end.

    ```
    with Fields(route, "spec.http[0]", gaps) as http:
        timeout = http.take("timeout")
    ```
    """

    def __init__(self, values: Any, path: str, gaps: Gaps) -> None:
        self.values: Object = values if isinstance(values, Mapping) else {}
        self.path = path
        self.gaps = gaps
        self._left = [name for name, value in self.values.items() if value not in (None, {}, [], "")]
        if not isinstance(values, Mapping) and values is not None:
            gaps.add(path, "is not an object")

    def take(self, name: str) -> Any:
        """Return the field, None if it is absent; it counts as applied."""
        if name in self._left:
            self._left.remove(name)
        return self.values.get(name)

    def inner(self, name: str) -> Fields:
        """Return the mapping in the field `name`, empty if it is absent."""
        return Fields(self.take(name), f"{self.path}.{name}", self.gaps)

    def entries(self, name: str) -> list[Fields]:
        """Return the mappings in the list in the field `name`."""
        found = self.take(name)
        if found is not None and not isinstance(found, list):
            self.gaps.add(f"{self.path}.{name}", "is not a list")
            return []
        return [Fields(entry, f"{self.path}.{name}[{at}]", self.gaps) for at, entry in enumerate(found or ())]

    def texts(self, name: str) -> list[str]:
        """Return the list of strings in the field `name`; what is not a string is a gap."""
        found = self.take(name)
        return [entry for entry in found if isinstance(entry, str)] if isinstance(found, list) else []

    def gap(self, name: str, why: str = "") -> None:
        """Say that the field `name` has no effect."""
        self.take(name)
        self.gaps.add(f"{self.path}.{name}" if name else self.path, why)

    def __enter__(self) -> Fields:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name in self._left:
            self.gaps.add(f"{self.path}.{name}")
        self._left = []
