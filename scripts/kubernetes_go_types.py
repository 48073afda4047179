"""Read from Go sources what messages say of types: the types of fields, and structs that are inlined.

    python scripts/kubernetes_go_types.py MODULES        the folder that holds k8s.io/api@… and its siblings

Writes `go_types.json`: definition -> {"types": field -> Go type, where the schema does not say it; "inlined": field ->
the inlined struct that has it; "order": its fields in Go's order, where that of their protobuf numbers is another}.
Reads `protobuf.json`, so that is made first.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import kubernetes_data

STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
FIELD = re.compile(r'^\t(\w+)\s+([^\s`]+)\s+`[^`]*json:"([^",]*)[^`]*`', re.M)
INLINE = re.compile(r'^\t(\w+)\s+`json:",inline"', re.M)
MEMBER = re.compile(r'^\t(\w+)[^`\n]*`[^`]*json:"([^",]*)(,inline)?', re.M)
PLAIN = {"string", "int32", "int64", "bool", "float64", "int", "uint8"}
META = "apimachinery/pkg/apis/meta/v1"
Struct = dict[str, Any]


def packages(modules: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (name of definitions, Go package, source) of each package."""
    for folder in sorted((modules / f"api@{kubernetes_data.GO_VERSION}").glob("*/v*")):
        source = "".join(path.read_text("utf-8") for path in sorted(folder.glob("types*.go")))
        if source:
            yield f"io.k8s.api.{folder.parent.name}.{folder.name}", folder.name, source
    meta = modules / f"apimachinery@{kubernetes_data.GO_VERSION}" / "pkg" / "apis" / "meta" / "v1" / "types.go"
    yield "io.k8s.apimachinery.pkg.apis.meta.v1", "v1", meta.read_text("utf-8")


def qualified(go_type: str, package: str) -> str:
    """Return a type as messages name it, with its package."""
    plain = go_type.lstrip("*")
    if plain.startswith("[]"):
        inner = plain[2:]
        return "[]uint8" if inner == "byte" else f"[]{qualified(inner, package)}"
    if found := re.match(r"map\[(\w+)\](.+)", plain):
        return f"map[{qualified(found[1], package)}]{qualified(found[2], package)}"
    if plain == "byte":
        return "uint8"
    if "." in plain:
        return re.sub(r"^\w+v1\.", "v1.", plain)  # a package's own name, not what an import calls it
    return plain if plain in PLAIN else f"{package}.{plain}"


def plain(go_type: str, package: str, bodies: dict[str, str]) -> bool:
    """Does the schema say the type as well: JSON's own, or a struct?"""
    base = re.sub(r"^(\[\]|map\[string\])*", "", go_type)
    return base in PLAIN - {"uint8"} or base.removeprefix(f"{package}.") in bodies


def order(name: str, bodies: dict[str, str]) -> list[str]:
    """Return the fields of a struct in the order of the source, inlined ones in their place."""
    found: list[str] = []
    for go, key, inline in MEMBER.findall(bodies.get(name, "")):
        found += order(go, bodies) if inline else [key] if key not in ("", "-") else []
    return found


def numbered(reference: str, protobuf: dict[str, Any]) -> list[str]:
    """Return the fields of a struct in the order of their protobuf numbers."""
    entries = protobuf.get(reference) or {}
    return [entries[number][0] for number in sorted(entries, key=int)]


def structs(prefix: str, package: str, source: str, protobuf: dict[str, Any]) -> dict[str, Struct]:
    found: dict[str, Struct] = {}
    bodies = {name: re.sub(r"//[^\n]*", "", body) for name, body in STRUCT.findall(source)}
    for name, body in bodies.items():
        types = {key: qualified(go, package) for _, go, key in FIELD.findall(body) if key and key != "-"}
        inlined: dict[str, str] = {}
        for inner in INLINE.findall(body):
            for _, go, key in FIELD.findall(bodies.get(inner, "")):
                types[key] = qualified(go, package)
                inlined[key] = inner
        told = {key: go for key, go in types.items() if not plain(go, package, bodies)}
        entry: Struct = ({"types": told} if told else {}) | ({"inlined": inlined} if inlined else {})
        by_number = numbered(f"{prefix}.{name}", protobuf)
        fields = order(name, bodies)
        if by_number and by_number != [it for it in fields if it in by_number]:
            entry["order"] = fields
        if entry:
            found[f"{prefix}.{name}"] = entry
    return found


def main() -> None:
    modules = Path(sys.argv[1])
    protobuf = json.loads((kubernetes_data.DATA / "protobuf.json").read_text("utf-8"))
    entries: dict[str, Struct] = {}
    for prefix, package, source in packages(modules):
        entries |= structs(prefix, package, source, protobuf)
    kubernetes_data.write("go_types.json", entries)


if __name__ == "__main__":
    main()
