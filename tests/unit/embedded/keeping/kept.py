"""A server whose objects are kept in a folder, and what it holds, to compare after it began anew."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.unit.embedded.api.server import Asked
from volary.embedded.api.restoring import restore
from volary.embedded.api.server import ApiServer
from volary.embedded.api.store import Store
from volary.embedded.keeping.journal import Journal

Held = dict[tuple[str, str, str], Any]


class Kept(Asked):
    """An `Asked` whose server begins with what the folder has."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.db")
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.api = ApiServer(
            "kept", lambda: self.time, random.Random(1), lambda: str(uuid.uuid4()), Store(keeper=self.journal)
        )
        restore(self.api.core, *self.journal.load())
        if self.api.core.namespace("default") is None:
            self.post("/api/v1/namespaces", {"metadata": {"name": "default"}})

    def held(self) -> Held:
        """Return every object by resource, namespace and name, as clients see it."""
        store = self.api.core.store
        return {(resource, *entry.key): entry.raw for resource in store.resources() for entry in store.items(resource)}
