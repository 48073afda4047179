"""Derive `embedded/api/data/go_shapes.json` from the Go types of Kubernetes: what JSON leaves out or always holds.

OpenAPI cannot tell a pointer from a value, but the JSON of a built-in depends on it. Usage:
`python scripts/go_shapes.py GOMODCACHE 0.36.3`
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "src/volary/embedded/api/data"
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"^type (\w+) (?!struct)(\S+)", re.MULTILINE)
FIELD = re.compile(r'^\s*(?:(\w+)\s+)?(\S+)\s+`[^`]*json:"([^"]*)"', re.MULTILINE)
SCALARS = {"string": "", "bool": False} | dict.fromkeys(("int", "int32", "int64", "uint8", "float64"), 0)
SPECIAL: dict[str, Any] = {
    "Time": None,
    "MicroTime": None,
    "Quantity": "0",
    "IntOrString": 0,
    "RawExtension": None,
    "UID": "",
    "JSON": None,
    "NodeName": "",
}


def packages(modules: Path, version: str) -> dict[str, Path]:
    """Return definition prefix -> folder of Go files."""
    api = modules / f"k8s.io/api@v{version}"
    found = {
        f"io.k8s.api.{path.parent.parent.name}.{path.parent.name}": path.parent for path in api.glob("*/v*/types.go")
    }
    machinery = modules / f"k8s.io/apimachinery@v{version}/pkg/apis/meta/v1"
    extensions = modules / f"k8s.io/apiextensions-apiserver@v{version}/pkg/apis/apiextensions/v1"
    aggregator = modules / f"k8s.io/kube-aggregator@v{version}/pkg/apis/apiregistration/v1"
    return found | {
        "io.k8s.apimachinery.pkg.apis.meta.v1": machinery,
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1": extensions,
        "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1": aggregator,
    }


STRUCTS = {"Time", "MicroTime", "Quantity", "RawExtension"}


class Types:
    """The types of all packages, by qualified and by plain name."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self.structs: dict[str, str] = {}
        self.named: dict[str, str] = {}
        for prefix, folder in folders.items():
            for path in sorted(folder.glob("*types*.go")):
                text = re.sub(r"//.*", "", path.read_text())
                self.structs |= {f"{prefix}.{name}": body for name, body in STRUCT.findall(text)}
                self.named |= {f"{prefix}.{name}": base for name, base in NAMED.findall(text) if base != "="}

    def find(self, prefix: str, name: str) -> str:
        """Return the qualified name of a type as `prefix` writes it."""
        package, _, plain = name.rpartition(".")
        if not package:
            return f"{prefix}.{plain}"
        homes = {
            "metav1": "io.k8s.apimachinery.pkg.apis.meta.v1",
            "v1": "io.k8s.api.core.v1",
            "corev1": "io.k8s.api.core.v1",
        }
        return f"{homes.get(package, package)}.{plain}"

    def zero(self, prefix: str, name: str) -> Any:
        """Return the JSON of the zero value: a scalar, None, or "struct"."""
        if name.startswith(("*", "[]", "map[")):
            return None
        plain = name.rpartition(".")[2]
        if plain in SPECIAL:
            return SPECIAL[plain]
        if name in SCALARS:
            return SCALARS[name]
        qualified = self.find(prefix, name)
        if qualified in self.named:
            return self.zero(prefix, self.named[qualified])
        return "struct" if qualified in self.structs else None

    def shape(self, prefix: str, qualified: str) -> dict[str, Any]:
        zero: list[str] = []
        always: dict[str, Any] = {}
        for _, kind, tag in FIELD.findall(self.structs[qualified]):
            name, *flags = tag.split(",")
            if "inline" in flags or not name:
                inner = self.find(prefix, kind.lstrip("*"))
                if inner in self.structs and not inner.endswith("TypeMeta"):
                    below = self.shape(inner.rpartition(".")[0], inner)
                    zero += below.get("zero", [])
                    always |= below.get("always", {})
                continue
            value = self.zero(prefix, kind)
            optional = "omitempty" in flags or "omitzero" in flags
            # `omitempty` alone never leaves a struct out, also not one with a form of its own such as a time.
            plain = kind.rpartition(".")[2]
            structural = value == "struct" or (plain in STRUCTS and not kind.startswith(("*", "[]", "map[")))
            if not optional or (structural and "omitzero" not in flags):
                always[name] = value
            elif optional and value is not None and value != "struct":
                zero.append(name)
        found: dict[str, Any] = {"zero": sorted(zero)} if zero else {}
        return found | ({"always": always} if always else {})


def main() -> None:
    folders = packages(Path(sys.argv[1]), sys.argv[2])
    types = Types(folders)
    wanted = json.loads((OUT / "schemas.json").read_text())
    shapes = {}
    for qualified in sorted(types.structs):
        if qualified in wanted:
            shape = types.shape(qualified.rpartition(".")[0], qualified)
            if shape:
                shapes[qualified] = shape
    (OUT / "go_shapes.json").write_text(json.dumps(shapes, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
