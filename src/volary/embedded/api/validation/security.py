"""Rules of security contexts, of pods and of containers.

Source: Kubernetes, pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import one_of, repeated, too_long
from volary.embedded.api.validation.paths import descending

Object = Mapping[str, Any]
PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
LONGEST_PROFILE = 4095
ADMIN = "CAP_SYS_ADMIN"


def pod_security(it: Object, spec: Object, path: str) -> list[FieldError]:
    """Return what is wrong with a pod's security context."""
    errors: list[FieldError] = []
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        errors += _id(it.get(field), f"{path}.{field}")
    for index, group in enumerate(it.get("supplementalGroups") or ()):
        errors += _id(group, f"{path}.supplementalGroups[{index}]")
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(f"{path}.shareProcessNamespace", True, text))
    errors += _sysctls(it, spec, f"{path}.sysctls")
    if it.get("fsGroupChangePolicy") is not None:
        where = f"{path}.fsGroupChangePolicy"
        errors += one_of(where, it["fsGroupChangePolicy"], ("Always", "OnRootMismatch"), needed=False)
    errors += seccomp(it.get("seccompProfile"), f"{path}.seccompProfile")
    errors += app_armor(it.get("appArmorProfile"), f"{path}.appArmorProfile")
    for field, words in (
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("Recursive",)),
    ):
        if it.get(field) is not None:
            errors += one_of(f"{path}.{field}", it[field], words, needed=False)
    return errors


def _id(value: int | None, path: str) -> list[FieldError]:
    return [] if value is None else [invalid(path, value, text) for text in forms.user_id(value)]


def _sysctls(it: Object, spec: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    names = [str(entry.get("name") or "") for entry in it.get("sysctls") or ()]
    doubled = repeated(names)
    for index, name in enumerate(names):
        where = f"{path}[{index}].name"
        if not name:
            errors.append(required(where))
        elif len(name) > 253 or not forms.matched(SYSCTL, name):
            errors.append(invalid(where, name, f"must have at most 253 characters and match regex ^{SYSCTL}$"))
        elif index in doubled:
            errors.append(duplicate(where, name))
        plain = name.replace("/", ".")
        if spec.get("hostNetwork") and plain.startswith("net."):
            errors.append(invalid(where, name, "may not be specified when 'hostNetwork' is true"))
        if spec.get("hostIPC") and plain.startswith(("kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue.")):
            errors.append(invalid(where, name, "may not be specified when 'hostIPC' is true"))
    return errors


def seccomp(it: Object | None, path: str) -> list[FieldError]:
    if it is None:
        return []
    kind, local = it.get("type") or "", it.get("localhostProfile")
    errors: list[FieldError] = []
    if not kind:
        errors.append(required(f"{path}.type", "type is required when seccompProfile is set"))
    elif kind not in PROFILES:
        errors.append(unsupported(f"{path}.type", kind, PROFILES))
    where = f"{path}.localhostProfile"
    if kind == "Localhost":
        text = "must be set when seccomp type is Localhost"
        return errors + ([required(where, text)] if local is None else descending(where, local))
    if local is not None:
        shown = {"Type": kind, "LocalhostProfile": local}  # as the server's own type prints
        errors.append(invalid(where, shown, "can only be set when seccomp type is Localhost"))
    return errors


def app_armor(it: Object | None, path: str) -> list[FieldError]:
    if it is None:
        return []
    kind, local, where = it.get("type") or "", it.get("localhostProfile"), f"{path}.localhostProfile"
    if kind == "Localhost":
        if local is None or not local:
            return [required(where, "must be set when AppArmor type is Localhost")]
        errors = []
        if local != local.strip():
            errors.append(invalid(where, local, "must not be padded with whitespace"))
        return errors + ([too_long(where, LONGEST_PROFILE)] if len(local) > LONGEST_PROFILE else [])
    if kind in PROFILES:
        return [] if local is None else [invalid(where, local, "can only be set when AppArmor type is Localhost")]
    if not kind:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    return [unsupported(f"{path}.type", kind, PROFILES)]


def container_security(it: Object | None, path: str, host_users: bool) -> list[FieldError]:
    """Return what is wrong with a container's security context."""
    if it is None:
        return []
    errors = _id(it.get("runAsUser"), f"{path}.runAsUser") + _id(it.get("runAsGroup"), f"{path}.runAsGroup")
    mount = it.get("procMount")
    if mount is not None:
        errors += one_of(f"{path}.procMount", mount, ("Default", "Unmasked"), needed=False)
        if host_users and mount == "Unmasked":
            errors.append(invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"))
    errors += seccomp(it.get("seccompProfile"), f"{path}.seccompProfile")
    if it.get("allowPrivilegeEscalation") is False:
        shown = printed(it)
        if it.get("privileged"):
            text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid(path, shown, text))
        if ADMIN in ((it.get("capabilities") or {}).get("add") or ()):
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(path, shown, text))
    return errors + app_armor(it.get("appArmorProfile"), f"{path}.appArmorProfile")


CONTEXT = (
    "capabilities", "privileged", "seLinuxOptions", "windowsOptions", "runAsUser", "runAsGroup", "runAsNonRoot",
    "readOnlyRootFilesystem", "allowPrivilegeEscalation", "procMount", "seccompProfile", "appArmorProfile",
)  # fmt: skip
SHOWN = {"seLinuxOptions": "SELinuxOptions"}
INNER: Mapping[str, tuple[str, ...]] = {
    "capabilities": ("add", "drop"),
    "seccompProfile": ("type", "localhostProfile"),
    "appArmorProfile": ("type", "localhostProfile"),
}


def printed(it: Object) -> dict[str, Any]:
    """Return a security context as the server's own type prints."""
    found: dict[str, Any] = {}
    for field in CONTEXT:
        value = it.get(field)
        if field in INNER and value is not None:
            value = {_upper(name): value.get(name) for name in INNER[field]}
        found[SHOWN.get(field, _upper(field))] = value
    return found


def _upper(name: str) -> str:
    return name[0].upper() + name[1:]


NOT_ON_WINDOWS = (
    "appArmorProfile", "seLinuxOptions", "hostUsers", "hostPID", "hostIPC", "seccompProfile", "fsGroup",
    "fsGroupChangePolicy", "sysctls", "shareProcessNamespace", "runAsUser", "runAsGroup", "supplementalGroups",
    "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
OF_POD = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")
NOT_IN_WINDOWS_CONTAINERS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def operating_system(spec: Object, path: str, containers: list[tuple[str, Object]]) -> list[FieldError]:
    """Return what is wrong with a pod's operating system, and what does not go with it."""
    if spec.get("os") is None:
        return []
    name = spec["os"].get("name") or ""
    if not name:
        return [required(f"{path}.os.name")]
    if name not in ("linux", "windows"):
        return [unsupported(f"{path}.os", name, ("linux", "windows"))]
    context, errors = spec.get("securityContext") or {}, []
    if name == "linux":
        text = "windows options cannot be set for a linux pod"
        places = [(f"{path}.securityContext", context)]
        places += [(f"{where}.securityContext", it.get("securityContext") or {}) for where, it in containers]
        return [
            forbidden_field(f"{where}.windowsOptions", text)
            for where, it in places
            if it.get("windowsOptions") is not None
        ]
    text = "cannot be set for a windows pod"
    for field in NOT_ON_WINDOWS:
        owner, where = (spec, path) if field in OF_POD else (context, f"{path}.securityContext")
        if owner.get(field) not in (None, [], False) or (
            field in ("hostUsers", "shareProcessNamespace") and field in owner
        ):
            errors.append(forbidden_field(f"{where}.{field}", text))
    for where, it in containers:
        inner = it.get("securityContext") or {}
        present = [field for field in NOT_IN_WINDOWS_CONTAINERS if inner.get(field) is not None]
        errors += [forbidden_field(f"{where}.securityContext.{field}", text) for field in present]
    return errors
