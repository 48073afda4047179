"""Generate `src/volary/embedded/api/data`: what the embedded API server knows of the built-in kinds of Kubernetes.

    python scripts/kubernetes_data.py schemas     from PyPI kubernetes-validate
    python scripts/kubernetes_data.py kinds       from PyPI lightkube-models, and the short names below
    python scripts/kubernetes_data.py protobuf    from the Go modules k8s.io/api and its siblings (needs Go)

Each file has one entry a line, sorted, so that a new release of Kubernetes reads as a diff. The answers of a real
control plane check all three (`tests/differential`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import kubernetes_kinds
import kubernetes_protobuf
import kubernetes_schemas

DATA = Path(__file__).parent.parent / "src" / "volary" / "embedded" / "api" / "data"
RELEASE = "1.36"
SCHEMAS_PACKAGE = "kubernetes-validate==1.37.0"
SCHEMAS_MEMBER = f"kubernetes_validate/kubernetes-json-schema/v{RELEASE}.0-local/_definitions.json"
KINDS_PACKAGE = "lightkube-models==1.36.3.8"
GO_VERSION = "v0.36.3"


def download(package: str, folder: Path) -> zipfile.ZipFile:
    """Return the wheel of a package, fetched by pip from the registry that it is configured for."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(folder), package], check=True)
    stem = package.split("==")[0].replace("-", "_")
    return zipfile.ZipFile(next(folder.glob(f"{stem}-*.whl")))


def write(name: str, entries: Mapping[str, Any]) -> None:
    """Write entries as one JSON object, an entry a line."""
    lines = [f"{json.dumps(key)}:{dump(entries[key])}" for key in sorted(entries)]
    path = DATA / name
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(lines)} entries, {path.stat().st_size // 1000} kB")


def dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def main() -> None:
    wanted = sys.argv[1:] or ["kinds", "schemas", "protobuf"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "kinds" in wanted:
            write("kinds.json", kubernetes_kinds.read(download(KINDS_PACKAGE, folder)))
        if "schemas" in wanted:
            source = json.loads(download(SCHEMAS_PACKAGE, folder).read(SCHEMAS_MEMBER))["$defs"]
            kinds = json.loads((DATA / "kinds.json").read_text("utf-8"))
            write("schemas.json", kubernetes_schemas.convert(source, kinds))
        if "protobuf" in wanted:
            schemas = json.loads((DATA / "schemas.json").read_text("utf-8"))
            write("protobuf.json", kubernetes_protobuf.read(GO_VERSION, schemas))


if __name__ == "__main__":
    main()
