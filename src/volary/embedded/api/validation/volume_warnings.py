"""What the server warns of in volumes that it takes: sources that do nothing, files in each other's way.

Source: Kubernetes, pkg/api/pod/warnings.go, warningsForOverlappingVirtualPaths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from volary.embedded.api.text.quantities import canonical, quantity_value

Object = Mapping[str, Any]
Placed = tuple[str, str]  # (path, whose it is)
OLD_SOURCES = (
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
)


def volume_warnings(items: Sequence[Object], path: str) -> list[str]:
    found: list[str] = []
    for index, it in enumerate(items):
        found += [f"{path}[{index}].{shown}: {text}" for kind, shown, text in OLD_SOURCES if it.get(kind) is not None]
        claim = (it.get("ephemeral") or {}).get("volumeClaimTemplate") or {}
        found += _claim(claim.get("spec") or {}, f"{path}[{index}].ephemeral.volumeClaimTemplate.spec")
    for it in items:
        found += _overlaps(it)
    return found


def _claim(spec: Object, path: str) -> list[str]:
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    value = quantity_value(amount) if amount is not None else None
    if value is None or value == value.to_integral_value():
        return []
    text = f'fractional byte value "{canonical(amount)}" is invalid, must be an integer'
    return [f"{path}.resources.requests[storage]: {text}"]


def _overlaps(volume: Object) -> Iterator[str]:
    name = volume.get("name") or ""
    for kind, title, field in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        it = volume.get(kind) or {}
        paths = [(item.get("path") or "", "") for item in it.get("items") or ()]
        yield from _told(name, f'{title} "{it.get(field) or ""}"', _clashes(paths))
    items = (volume.get("downwardAPI") or {}).get("items") or ()
    yield from _told(name, "DownwardAPI", _clashes([(item.get("path") or "", "") for item in items]))
    paths = []
    for source in (volume.get("projected") or {}).get("sources") or ():
        if not any(value is not None for value in source.values()):
            yield f'volume "{name}" (Projected) has no sources provided'
        paths += _projected(source)
    yield from _told(name, "Projected", _clashes(paths))


def _told(name: str, what: str, texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        yield f'volume "{name}" ({what}): overlapping paths: {text}'


def _projected(source: Object) -> list[Placed]:
    for kind, title in (("configMap", "ConfigMap"), ("secret", "Secret")):
        it = source.get(kind)
        if it is not None and it.get("items") is not None:
            return [(item.get("path") or "", f'{title} "{it.get("name") or ""}"') for item in it["items"]]
    if (it := source.get("downwardAPI")) is not None and it.get("items") is not None:
        return [(item.get("path") or "", "DownwardAPI") for item in it["items"]]
    if (it := source.get("serviceAccountToken")) is not None:
        return [(it.get("path") or "", "ServiceAccountToken")]
    if (it := source.get("clusterTrustBundle")) is not None:
        return [(it.get("path") or "", f'ClusterTrustBundle "{it.get("name") or it.get("signerName") or ""}"')]
    it = source.get("podCertificate") or {}
    fields = (("certificateChainPath", "chain"), ("keyPath", "key"), ("credentialBundlePath", "credential bundle"))
    return [(it[field], f"PodCertificate {title}") for field, title in fields if it.get(field)]


def _clashes(paths: Sequence[Placed]) -> Iterator[str]:
    before: list[Placed] = []
    for path, owner in paths:
        placed = path.rstrip("/"), owner
        for other in before:
            if placed[0] and other[0] and _meet(placed[0], other[0]):
                yield f"{_shown(placed)} with {_shown(other)}"
        before.append(placed)


def _meet(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _shown(placed: Placed) -> str:
    return f'"{placed[0]}" ({placed[1]})' if placed[1] else f'"{placed[0]}"'
