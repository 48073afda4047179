"""Configuration that belongs to a revision: the ConfigMaps and Secrets that a pod template names, and their checksums.

A checksum is the first 8 bytes of the SHA-256 of the `data` as Go writes JSON, so that a status written by Flagger
goes on being true. Nothing of a Secret but this checksum ever leaves the cluster.
Source: Flagger config tracker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from volary.kube.objects import Object, annotations_of, dig

TRACKING = "flagger.app/config-tracking"
SECRET_TYPES = frozenset({"Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"})
CONFIG_MAP = "configmap"
SECRET = "secret"  # noqa: S105  (a kind, not a password)


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One ConfigMap or Secret that a pod template names."""

    kind: str  # CONFIG_MAP | SECRET
    name: str
    optional: bool = False

    @property
    def key(self) -> str:
        """Return what it is called in `status.trackedConfigs`."""
        return f"{self.kind}/{self.name}"


def references(template: Mapping[str, Any]) -> list[Reference]:
    """Return what a pod template names, sorted, each once; one that is needed somewhere is not optional."""
    found: dict[tuple[str, str], bool] = {}
    for kind, name, optional in in_spec(dig(template, "spec") or {}):
        found[kind, name] = found.get((kind, name), True) and optional
    return [Reference(kind, name, optional) for (kind, name), optional in sorted(found.items())]


def in_spec(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield (kind, name, optional) for volumes, projected volumes and the environment of all containers."""
    for volume in spec.get("volumes") or ():
        yield from in_volume(volume)
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        for entry in container.get("env") or ():
            yield from named(dig(entry, "valueFrom", "configMapKeyRef"), CONFIG_MAP)
            yield from named(dig(entry, "valueFrom", "secretKeyRef"), SECRET)
        for entry in container.get("envFrom") or ():
            yield from named(entry.get("configMapRef"), CONFIG_MAP)
            yield from named(entry.get("secretRef"), SECRET)


def in_volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    yield from named(volume.get("configMap"), CONFIG_MAP)
    yield from named(volume.get("secret"), SECRET, "secretName")
    for source in dig(volume, "projected", "sources") or ():
        yield from named(source.get("configMap"), CONFIG_MAP)
        yield from named(source.get("secret"), SECRET)


def named(ref: Any, kind: str, field: str = "name") -> Iterator[tuple[str, str, bool]]:
    if isinstance(ref, Mapping) and ref.get(field):
        yield kind, str(ref[field]), bool(ref.get("optional"))


def is_tracked(kind: str, obj: Object) -> bool:
    """Does a change of this object count as a new revision?"""
    if annotations_of(obj).get(TRACKING, "").startswith("disable"):
        return False
    return kind == CONFIG_MAP or obj.get("type", "Opaque") in SECRET_TYPES


def checksum(obj: Object) -> str:
    """Return 16 hexadecimal digits for the `data` of a ConfigMap or Secret."""
    return checksum_of(obj.get("data"))


def checksum_of(data: Mapping[str, str] | None) -> str:
    """Return the checksum of `data`; a Secret's values are base64 already, as Go would write them."""
    return hashlib.sha256(go_json(data)).hexdigest()[:16]


def go_json(value: object) -> bytes:
    """Return JSON as Go's encoder writes it: keys sorted, and what could end an HTML script escaped."""
    text = msgspec.json.encode(value, order="sorted").decode()
    for plain, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(plain, escaped)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
