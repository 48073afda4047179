"""What only a running API server tells: the columns of its tables, and which words a field may hold.

python scripts/kubernetes_live.py KUBECONFIG     (testbed/testbed.py up starts such a server)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "scripts")]

from kubernetes_data import DATA, write  # noqa: E402

from tests.differential.real import RealServer  # noqa: E402
from volary.embedded.api.registry import BUILTINS  # noqa: E402
from volary.embedded.api.serving.columns import ROWS  # noqa: E402

TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


def columns(server: RealServer) -> dict[str, Any]:
    """Return GROUP/PLURAL -> the definitions of its columns, for the kinds that the server can make rows of."""
    found = {}
    for kind in BUILTINS:
        if kind.resource in ROWS or kind.resource == "apiextensions.k8s.io/customresourcedefinitions":
            root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
            table = server.json("GET", f"{root}/{kind.plural}", headers=TABLE)
            found["default" if kind.resource not in ROWS else kind.resource] = table["columnDefinitions"]
    return found


def enums(server: RealServer) -> dict[str, Any]:
    """Return definition -> field -> the words that it may hold."""
    known = json.loads((DATA / "schemas.json").read_text("utf-8"))
    live = server.json("GET", "/openapi/v2")["definitions"]
    found = {name: dict(words(live[name])) for name in known}
    return {name: fields for name, fields in found.items() if fields}


def words(definition: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, field in (definition.get("properties") or {}).items():
        if listed := field.get("enum") or (field.get("items") or {}).get("enum"):
            yield name, listed


def main() -> None:
    server = RealServer(Path(sys.argv[1]))
    write("columns.json", columns(server))
    write("enums.json", enums(server))


if __name__ == "__main__":
    main()
