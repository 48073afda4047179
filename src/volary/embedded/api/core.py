"""What all verbs of one server share: the store, the catalog, the clock, chance and ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from volary.embedded.api.auth.rbac import Rbac
from volary.embedded.api.catalog import Catalog
from volary.embedded.api.store import Entry, Store

NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Chance(Protocol):
    """The part of `random.Random` that is used here."""

    def choice(self, seq: str, /) -> str: ...


@dataclass(slots=True)
class Core:
    """One cluster's state."""

    name: str
    now: Callable[[], datetime]
    rng: Chance
    new_id: Callable[[], str]
    store: Store = field(default_factory=Store)
    catalog: Catalog = field(default_factory=Catalog)
    untidy: dict[str, tuple[str, ...]] = field(default_factory=dict)  # uid -> see untidy.py
    rbac: Rbac = field(init=False)

    def __post_init__(self) -> None:
        self.rbac = Rbac(self.store)

    def stamp(self) -> str:
        """Return the time as objects carry it."""
        return time_text(self.now())

    def suffix(self) -> str:
        """Return the five letters that follow a generateName."""
        return "".join(self.rng.choice(NAME_LETTERS) for _ in range(5))

    def namespace(self, name: str) -> Entry | None:
        return self.store.get("/namespaces", "", name)


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def fresh(obj: Any) -> dict[str, Any]:
    """Return a copy whose metadata may be changed."""
    return {**obj, "metadata": dict(obj["metadata"])}
