"""Annotations of pods that mean something to the server.

Source: Kubernetes, pkg/apis/core/validation, ValidatePodSpecificAnnotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid
from volary.embedded.api.text import forms
from volary.embedded.api.validation.paths import descending

Object = Mapping[str, Any]
MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def pod_annotations(meta: Object, spec: Object, path: str) -> list[FieldError]:
    notes, errors = meta.get("annotations") or {}, []
    if MIRROR in notes and not spec.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"{path}[{MIRROR}]", notes[MIRROR], text))
    if DELETION_COST in notes and not _number(notes[DELETION_COST]):
        errors.append(invalid(f"{path}[{DELETION_COST}]", notes[DELETION_COST], "must be a 32bit integer"))
    for key, value in notes.items():
        if key == SECCOMP_POD or key.startswith(SECCOMP_CONTAINER):
            errors += _seccomp(value, f"{path}.{key}")
    names = [it.get("name") for kind in ("initContainers", "containers") for it in spec.get(kind) or ()]
    for key, value in notes.items():
        name = key.removeprefix(APP_ARMOR)
        if key.startswith(APP_ARMOR) and name not in names:
            errors.append(invalid(f"{path}[{key}]", name, "container not found"))
        elif (
            key.startswith(APP_ARMOR)
            and value not in ("", "runtime/default", "unconfined")
            and not value.startswith("localhost/")
        ):
            errors.append(invalid(f"{path}[{key}]", value, f'invalid AppArmor profile name: "{value}"'))
    return errors


def _number(text: str) -> bool:
    plain = forms.matched(r"(0|-?[1-9][0-9]*)", text)
    return plain and -(2**31) <= int(text) < 2**31


def _seccomp(value: str, path: str) -> list[FieldError]:
    if value in ("runtime/default", "docker/default", "unconfined"):
        return []
    if value.startswith("localhost/"):
        return descending(path, value.removeprefix("localhost/"))
    return [invalid(path, value, "must be a valid seccomp profile")]


def profiles_match(meta: Object, spec: Object, path: str) -> list[FieldError]:
    """Return the seccomp profiles whose annotation says something else than their field."""
    notes, errors = meta.get("annotations") or {}, []
    places = [(SECCOMP_POD, spec, path)]
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        places += [
            (f"{SECCOMP_CONTAINER}{it.get('name')}", it, f"{path}.{kind}[{index}]")
            for index, it in enumerate(spec.get(kind) or ())
        ]
    for key, owner, where in places:
        profile = (owner.get("securityContext") or {}).get("seccompProfile")
        if profile is not None and key in notes:
            errors += _match(notes[key], profile, f"{where}.securityContext.seccompProfile")
    return errors


def _match(note: str, profile: Object, path: str) -> list[FieldError]:
    kind = profile.get("type")
    expected = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default", "docker/default")}.get(str(kind))
    text = "seccomp type in annotation and field must match"
    if expected is not None:
        return [] if note in expected else [forbidden_field(f"{path}.type", text)]
    if kind != "Localhost":
        return []
    if not note.startswith("localhost/"):
        return [forbidden_field(f"{path}.type", text)]
    same = note.removeprefix("localhost/") == profile.get("localhostProfile")
    text = "seccomp profile in annotation and field must match"
    return [] if same else [forbidden_field(f"{path}.localhostProfile", text)]


def annotation_changes(meta: Object, old: Object, spec: Object) -> list[FieldError]:
    """Return what an update of a pod may not do to these annotations."""
    now, then, errors = meta.get("annotations") or {}, old.get("annotations") or {}, []
    for key, value in then.items():
        if now.get(key) == value:
            continue
        if key.startswith(APP_ARMOR):
            errors.append(
                forbidden_field(f"metadata.annotations[{key}]", "may not remove or update AppArmor annotations")
            )
        if key == MIRROR:
            text = "may not remove or update mirror pod annotation"
            errors.append(forbidden_field(f"metadata.annotations[{key}]", text))
    for key in now:
        if key not in then and key.startswith(APP_ARMOR):
            errors.append(forbidden_field(f"metadata.annotations[{key}]", "may not add AppArmor annotations"))
        if key not in then and key == MIRROR:
            errors.append(forbidden_field(f"metadata.annotations[{key}]", "may not add mirror pod annotation"))
    return errors + pod_annotations(meta, spec, "metadata.annotations")
