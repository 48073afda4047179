"""Puts Envoy's resources into files, in an order in which no request meets a half-made table.

```
endpoints of new clusters ─► clusters, old and new ─► (Envoy has them) ─► routes ─► (in force) ─► clusters, new only
```

A change of endpoints alone waits for nothing. Envoy keeps what it had when it refuses a file; that file is then put
back to what is in force, so that a restarted Envoy starts.

Source: Envoy, "xDS protocol: eventual consistency considerations"; filesystem subscriptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from volary.embedded.mesh.admin import Admin, NoAnswer
from volary.embedded.mesh.bootstrap import discovery, listener, with_endpoint_file
from volary.embedded.mesh.translate import Translation

APPLY_SECONDS = 3.0
PREFIXES = {"cds.json": "cluster_manager.cds", "rds.json": "http.edge.rds.edge"}  # of Envoy's statistics
Stats = Mapping[str, str]


class Refused(Exception):
    """Envoy did not take a file; what was in force before still is."""


class Files:
    """Envoy's files in one folder; each is replaced as a whole, and only when its resources change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = 0
        self._written: dict[str, tuple[int, str]] = {}  # name -> version, resources as JSON

    def put(self, name: str, resources: Iterable[Mapping[str, Any]]) -> int | None:
        """Write a file under a new version and return that, None if nothing changed. Raises: OSError."""
        found = list(resources)
        text = json.dumps(found)
        if self._written.get(name, (0, ""))[1] == text:
            return None
        self.version += 1
        self._replace(name, self.version, text)
        return self.version

    def _replace(self, name: str, version: int, text: str) -> None:
        # A rename within the folder is what Envoy watches for; it never sees half a file.
        new = self.folder / f".{name}.new"
        new.write_text(json.dumps(discovery(version, json.loads(text))))
        new.replace(self.folder / name)
        self._written[name] = (version, text)

    def remember(self, name: str) -> tuple[int, str]:
        """Return what `put_back` needs."""
        return self._written.get(name, (0, "[]"))

    def put_back(self, name: str, before: tuple[int, str]) -> None:
        self._replace(name, *before)

    def version_of(self, name: str) -> int:
        return self._written.get(name, (0, ""))[0]

    def remove(self, name: str) -> None:
        self._written.pop(name, None)
        (self.folder / name).unlink(missing_ok=True)


class Publisher:
    """The one writer of an Envoy's files."""

    def __init__(self, folder: Path, admin: Admin, host: str, port: int) -> None:
        self.files = Files(folder)
        self._admin = admin
        self._gateway = listener(folder, host, port)
        self.clusters: dict[str, Mapping[str, Any]] = {}  # what Envoy was last told, and took

    def prepare(self, translation: Translation) -> None:
        """Write everything at once, before Envoy starts. Raises: OSError."""
        for old in self.files.folder.glob("eds-*.json"):
            old.unlink()  # left by a crash
        self.files.put("lds.json", [self._gateway])
        self.clusters = dict(translation.clusters)
        self.put_endpoints(translation.endpoints)
        self.files.put("cds.json", self._cluster_resources())
        self.files.put("rds.json", [translation.routes])

    def put_endpoints(self, endpoints: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the endpoints of the clusters Envoy knows, now. Raises: OSError."""
        for name in self.clusters:
            if name in endpoints:
                self.files.put(endpoint_file(name), [endpoints[name]])

    async def put(self, translation: Translation) -> bool:
        """Bring Envoy to `translation`; False if it is not known to have arrived (Envoy is down and will read it).

        Raises: Refused, OSError.
        """
        before, refusals = dict(self.clusters), await self._refusals()
        self.clusters = {**self.clusters, **translation.clusters}
        self.put_endpoints(translation.endpoints)
        known = True
        try:
            known &= await self._put("cds.json", self._cluster_resources(), refusals, tuple(translation.clusters))
            known &= await self._put("rds.json", [translation.routes], refusals)
        except Refused:
            self.clusters = before
            raise
        gone = sorted(self.clusters.keys() - translation.clusters.keys())
        self.clusters = dict(translation.clusters)
        known &= await self._put("cds.json", self._cluster_resources(), refusals)
        for name in gone:
            self.files.remove(endpoint_file(name))
        return known

    def _cluster_resources(self) -> list[Mapping[str, Any]]:
        folder = self.files.folder
        return [with_endpoint_file(self.clusters[name], folder / endpoint_file(name)) for name in sorted(self.clusters)]

    async def _refusals(self) -> Stats:
        """Return how many files Envoy has refused so far; it counts from 0 when it starts."""
        try:
            return await self._admin.stats(f"^({'|'.join(map(re.escape, PREFIXES.values()))})[.]update_rejected$")
        except NoAnswer:
            return {}

    async def _put(
        self, file: str, resources: Sequence[Mapping[str, Any]], refusals: Stats, ready: Sequence[str] = ()
    ) -> bool:
        """Write a file and wait until it is in force, and with it the endpoints of the clusters in `ready`.

        Raises: Refused, when Envoy keeps what it had; so does the file then.
        """
        before, prefix = self.files.remember(file), PREFIXES[file]
        version = self.files.put(file, resources)
        least = {f"cluster.{name}.version_text": self.files.version_of(endpoint_file(name)) for name in ready}
        if version is None and not least:
            return True
        refused = False

        def settled(stats: Stats) -> bool:
            nonlocal refused
            count = f"{prefix}.update_rejected"
            if version is not None and stats.get(f"{prefix}.version_text") != str(version):
                refused = number(stats.get(count)) > number(refusals.get(count))
                return refused
            warm = stats.get("cluster_manager.warming_clusters", "0") == "0"
            return warm and all(number(stats.get(name)) >= floor for name, floor in least.items())

        known = await self._admin.until(question(prefix, bool(least)), settled, APPLY_SECONDS)
        if refused:
            self.files.put_back(file, before)
            raise Refused(file)
        return known


def question(prefix: str, endpoints: bool) -> str:
    """Return the pattern of the statistics that tell whether a file is in force."""
    names = [rf"{re.escape(prefix)}[.](version_text|update_rejected)", "cluster_manager[.]warming_clusters"]
    return f"^({'|'.join([*names, *(['cluster[.][^.]+[.]version_text'] if endpoints else [])])})$"


def endpoint_file(cluster: str) -> str:
    return f"eds-{cluster}.json"


def number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
