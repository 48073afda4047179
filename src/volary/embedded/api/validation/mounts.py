"""Rules of mounts and block devices in containers.

Source: Kubernetes, pkg/apis/core/validation, ValidateVolumeMounts and ValidateVolumeDevices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, not_found_field, required
from volary.embedded.api.validation.common import one_of
from volary.embedded.api.validation.paths import descending, no_steps_back

Object = Mapping[str, Any]
PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def mounts(container: Object, path: str, volumes: Mapping[str, Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    blocks = {it.get("name"): it.get("devicePath") for it in container.get("volumeDevices") or ()}
    taken: set[str] = set()
    for index, it in enumerate(container.get("volumeMounts") or ()):
        where, name, target = f"{path}[{index}]", it.get("name") or "", it.get("mountPath") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        if name not in volumes:
            errors.append(not_found_field(f"{where}.name", name))
        if not target:
            errors.append(required(f"{where}.mountPath"))
        if target in taken:
            errors.append(invalid(f"{where}.mountPath", target, "must be unique"))
        taken.add(target)
        if name in blocks:
            errors.append(invalid(f"{where}.name", name, "must not already exist in volumeDevices"))
        if target in blocks.values():
            text = "must not already exist as a path in volumeDevices"
            errors.append(invalid(f"{where}.mountPath", target, text))
        # The server names the list here, not the item.
        errors += _below(it, path, where) + _propagation(it, container, path) + _recursive(it, path)
    return errors


def _below(it: Object, path: str, where: str) -> list[FieldError]:
    errors = descending(f"{path}.subPath", it["subPath"]) if it.get("subPath") else []
    if it.get("subPathExpr"):
        if it.get("subPath"):
            text = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid(f"{where}.subPathExpr", it["subPathExpr"], text))
        errors += descending(f"{path}.subPathExpr", it["subPathExpr"])
    return errors


def _propagation(it: Object, container: Object, path: str) -> list[FieldError]:
    value = it.get("mountPropagation")
    if value is None:
        return []
    errors = one_of(f"{path}.mountPropagation", value, PROPAGATIONS, needed=False)
    if value == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        text = "Bidirectional mount propagation is available only to privileged containers"
        errors.append(forbidden_field(f"{path}.mountPropagation", text))
    return errors


def _recursive(it: Object, path: str) -> list[FieldError]:
    value, where = it.get("recursiveReadOnly"), f"{path}.recursiveReadOnly"
    if value is None or value == "Disabled":
        return []
    if value not in RECURSIVE:
        return one_of(where, value, RECURSIVE, needed=False)
    errors = [] if it.get("readOnly") else [forbidden_field(where, "may only be specified when readOnly is true")]
    if it.get("mountPropagation") not in (None, "None"):
        text = "may only be specified when mountPropagation is None or not specified"
        errors.append(forbidden_field(where, text))
    return errors


def devices(container: Object, path: str, volumes: Mapping[str, Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    mounted = {it.get("name"): it.get("mountPath") for it in container.get("volumeMounts") or ()}
    names: set[str] = set()
    paths: set[str] = set()
    for index, it in enumerate(container.get("volumeDevices") or ()):
        where, name, target = f"{path}[{index}]", it.get("name") or "", it.get("devicePath") or ""
        volume = volumes.get(name)
        claimed = volume is not None and any(
            volume.get(kind) is not None for kind in ("persistentVolumeClaim", "ephemeral")
        )
        checks = (
            (not name, required(f"{where}.name")),
            (name in names, invalid(f"{where}.name", name, "must be unique")),
            (volume is not None and not claimed, invalid(f"{where}.name", name, NO_BLOCK)),
            (volume is None, not_found_field(f"{where}.name", name)),
            (not target, required(f"{where}.devicePath")),
            (target in paths, invalid(f"{where}.devicePath", target, "must be unique")),
            (
                bool(no_steps_back("", target)),
                invalid(f"{where}.devicePath", target, "can not contain backsteps ('..')"),
            ),
            (name in mounted, invalid(f"{where}.name", name, "must not already exist in volumeMounts")),
            (target in mounted.values(), invalid(f"{where}.devicePath", target, MOUNTED)),
        )
        errors += [error for bad, error in checks if bad]
        names |= {name} - {""}
        if not no_steps_back("", target):
            paths.add(target)
    return errors


NO_BLOCK = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
MOUNTED = "must not already exist as a path in volumeMounts"
