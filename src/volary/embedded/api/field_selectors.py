"""Field selectors: which fields each kind can be chosen by, and the choice.

Source: Kubernetes registry, `ToSelectableFields` of each kind and the field label conversions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import bad_request

Test = tuple[tuple[str, ...], bool, str]  # (path, equal wanted?, value)

EVERYWHERE = ("metadata.name", "metadata.namespace")
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
SELECTABLE: Mapping[str, tuple[str, ...]] = {
    "/pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    "/secrets": ("type",),
    "/nodes": ("spec.unschedulable",),
    "/namespaces": ("status.phase",),
    "/services": ("spec.clusterIP", "spec.type"),
    "/replicationcontrollers": ("status.replicas",),
    "/events": (
        *(f"involvedObject.{name}" for name in _INVOLVED),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "apps/replicasets": ("status.replicas",),
    "batch/jobs": ("status.successful",),
    "certificates.k8s.io/certificatesigningrequests": ("spec.signerName",),
}
ESCAPED = ",=\\"
EVENT_NAMES = {"reportingController": "reportingComponent"}  # events.k8s.io: the rest is `regarding.*`
# A field that is not there counts as Go's zero value.
ZERO = {
    "spec.unschedulable": "false",
    "spec.hostNetwork": "false",
    "status.replicas": "0",
    "status.successful": "0",
}


def parse(text: str, resource: str, own: tuple[str, ...] = (), custom: bool = False) -> tuple[Test, ...]:
    """Return the tests of a field selector; `own`: the selectable fields of a custom resource. Raises: Problem."""
    found = terms(text)
    return tuple((_path(name, resource, own, custom), operator != "!=", value) for name, operator, value in found)


def terms(text: str) -> list[tuple[str, str, str]]:
    """Return (name, operator, value) of each part, whatever fields there are. Raises: Problem."""
    found: list[tuple[str, str, str]] = []
    for part in _split(text):
        if not part:
            continue
        operator = next((it for it in ("!=", "==", "=") if it in part), "")
        if not operator:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        name, value = part.split(operator, 1)
        if name or value:  # without both it says nothing, and is no mistake
            found.append((name, operator, _unescape(value)))
    return found


def _split(text: str) -> list[str]:
    parts, current, escaped = [], "", False
    for char in text:
        if char == "," and not escaped:
            parts.append(current)
            current = ""
        else:
            current += char
        escaped = char == "\\" and not escaped
    return [*parts, current]


def _unescape(value: str) -> str:
    """Return a value without its escapes. Raises: Problem."""
    found, escaped = "", False
    for char in value:
        if escaped and char not in ESCAPED:
            raise bad_request(f"invalid field selector: invalid escape sequence: \\{char}")
        if not escaped and char in ",=":
            raise bad_request(f"invalid field selector: unescaped character in value: {ord(char)}")
        escaped = char == "\\" and not escaped
        found += "" if escaped else char
    if escaped:
        raise bad_request("invalid field selector: invalid escape sequence: \\")
    return found


def _path(name: str, resource: str, own: tuple[str, ...], custom: bool) -> tuple[str, ...]:
    known = SELECTABLE.get(resource, ())
    plain = EVENT_NAMES.get(name, name.replace("regarding.", "involvedObject.")) if resource == "/events" else name
    if plain not in EVERYWHERE and plain not in known and plain not in own:
        if resource == "batch/jobs":
            raise bad_request(f'field label "{name}" not supported for Job')
        if (known and resource != "apps/replicasets") or custom:
            raise bad_request(f"field label not supported: {name}")
        raise bad_request(f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    return tuple(plain.split("."))


def matches(tests: tuple[Test, ...], obj: Mapping[str, Any]) -> bool:
    return all((_text(obj, path) == value) is wanted for path, wanted, value in tests)


def _text(obj: Any, path: tuple[str, ...]) -> str:
    value: Any = obj
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    if path == ("source",) and isinstance(value, Mapping):  # the component stands for the whole source
        value = value.get("component") or obj.get("reportingComponent")
    if value is None:
        return ZERO.get(".".join(path), "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
