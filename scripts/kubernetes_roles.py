"""The roles and bindings that every cluster has from the beginning, as a new API server made them.

python scripts/kubernetes_roles.py KUBECONFIG     (testbed/testbed.py up starts such a server)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "scripts")]

from kubernetes_data import write  # noqa: E402

from tests.differential.real import RealServer  # noqa: E402

BOOTSTRAPPING = "kubernetes.io/bootstrapping"
PLURALS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
KEPT = ("aggregationRule", "roleRef", "rules", "subjects")


def rows(server: RealServer, plural: str) -> list[dict[str, Any]]:
    """Return what tells one object from another; what all have in common is put back by who reads the file."""
    selected = f"/apis/rbac.authorization.k8s.io/v1/{plural}?labelSelector={BOOTSTRAPPING}%3Drbac-defaults"
    found = []
    for item in server.json("GET", selected)["items"]:
        meta = item["metadata"]
        row = {"name": meta["name"], **({"namespace": meta["namespace"]} if "namespace" in meta else {})}
        more = {key: value for key, value in meta["labels"].items() if key != BOOTSTRAPPING}
        row |= {"labels": more} if more else {}
        found.append(row | {key: item[key] for key in KEPT if key in item})
    return sorted(found, key=lambda it: (it.get("namespace", ""), it["name"]))


def main() -> None:
    server = RealServer(Path(sys.argv[1]))
    write(
        "roles.json", {it: rows(server, it) for it in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")}
    )


if __name__ == "__main__":
    main()
