"""Field numbers of the Kubernetes API in protobuf: `generated.proto` for numbers and types, Go's structs for JSON.

A row is {number: [name in JSON, type]}. The name "" says that JSON has the message's members where the message would
stand (Go's inlined structs, such as Probe's handler), "[]" that the message is a list. Before a type, "[]" and "{}"
mean list and map from string; after it, "?" means that Go leaves the field out of JSON when it has its zero value.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MODULES = ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator")
SCALARS = {"string", "bool", "int32", "int64", "uint32", "uint64", "bytes", "double", "float"}
# These write their JSON by hand; so does the decoder (`embedded/api/serving/protobuf.py`).
BY_HAND = re.compile(
    r"\.(Time|MicroTime|Duration|Quantity|IntOrString|RawExtension|FieldsV1|JSON|JSONSchemaPropsOr\w+)$"
)
LIST = "[]"  # a Go type that is a list has one field, "items", and no struct

Field = tuple[str, str]  # label (repeated, map or optional), type
Message = dict[int, Field]


def read(version: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return definition name -> field number -> row, for what the schemas name and what that refers to."""
    messages: dict[str, Message] = {}
    structs: dict[str, dict[int, tuple[str, bool]]] = {}
    for folder in folders(version):
        for path in folder.rglob("generated.proto"):
            package, found = proto_messages(path.read_text("utf-8"))
            messages.update({f"{package}.{name}": message for name, message in found.items()})
            for source in sorted(path.parent.glob("*.go")):
                for name, fields in go_structs(source.read_text("utf-8")):
                    structs[f"{package}.{name}"] = fields
    wanted = reachable(messages, [name for name in messages if openapi_name(name) in schemas])
    return {
        openapi_name(name): row(name, messages[name], structs.get(name)) for name in wanted if not BY_HAND.search(name)
    }


def folders(version: str) -> list[Path]:
    command = ["go", "mod", "download", "-json", *(f"k8s.io/{module}@{version}" for module in MODULES)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [Path(found) for found in re.findall(r'"Dir": "(.*?)"', output)]


def openapi_name(name: str) -> str:
    """Return the name of the OpenAPI definition for a protobuf message."""
    return (
        name.replace("k8s.io.", "io.k8s.", 1)
        .replace("apiextensions_apiserver", "apiextensions-apiserver")
        .replace("kube_aggregator", "kube-aggregator")
    )


def proto_messages(text: str) -> tuple[str, dict[str, Message]]:
    text = re.sub(r"//.*", "", text)
    package = re.search(r"^package ([\w.]+);", text, re.M)
    assert package, "a generated.proto names its package"
    found: dict[str, Message] = {}
    for name, body in re.findall(r"^message (\w+) \{(.*?)^\}", text, re.S | re.M):
        found[name] = dict(proto_fields(body, package[1]))
    return package[1], found


def proto_fields(body: str, package: str) -> Iterator[tuple[int, Field]]:
    pattern = r"^\s*(?:(optional|repeated|required) )?(map<\s*string\s*,\s*)?\.?([\w.]+)(?:>)? \w+ = (\d+);"
    for label, is_map, kind, number in re.findall(pattern, body, re.M):
        full = kind if kind in SCALARS or "." in kind else f"{package}.{kind}"
        yield int(number), ("map" if is_map else label, full)


def go_structs(text: str) -> Iterator[tuple[str, dict[int, tuple[str, bool]]]]:
    """Yield struct name -> field number -> (name in JSON, left out when zero)."""
    for name, body in re.findall(r"^type (\w+) struct \{(.*?)^\}", text, re.S | re.M):
        fields: dict[int, tuple[str, bool]] = {}
        for line in body.splitlines():
            tag = re.match(r'\s+(?:\w+\s+)?([\w.*\[\]]+)\s+`(?=.*json:"([^"]*)")(?=.*protobuf:"\w+,(\d+),)', line)
            if tag:
                kind, words, number = tag[1], tag[2].split(","), int(tag[3])
                plain = not kind.startswith("*") and "Time" not in kind  # omitempty does nothing to structs
                fields[number] = (words[0], "omitzero" in words or ("omitempty" in words and plain))
        yield name, fields


def reachable(messages: Mapping[str, Message], roots: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found and name in messages:
            found.add(name)
            waiting += [kind for _, kind in messages[name].values()]
    return found


def row(name: str, message: Message, struct: Mapping[int, tuple[str, bool]] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, (label, kind) in message.items():
        json_name, omitted = (struct or {}).get(number, (LIST if struct is None else None, False))
        assert json_name is not None, f"{name} has no Go field with number {number}"
        prefix = {"repeated": "[]", "map": "{}"}.get(label, "")
        # A struct by value has no zero in JSON: it is always written, but for times that say omitzero.
        mark = "?" if omitted and (prefix or kind in SCALARS or kind.endswith("Time")) else ""
        found[str(number)] = [json_name, f"{prefix}{kind if kind in SCALARS else openapi_name(kind)}{mark}"]
    return found
