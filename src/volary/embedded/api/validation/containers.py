"""Rules of containers: ports, variables, mounts, and what regular and init containers may have.

Source: Kubernetes, pkg/apis/core/validation, validateContainers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid,
    not_found_field,
    required,
    unsupported,
)
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import one_of, too_many
from volary.embedded.api.validation.env import env_from, variables
from volary.embedded.api.validation.handlers import lifecycle, probes
from volary.embedded.api.validation.mounts import devices, mounts
from volary.embedded.api.validation.resources import requirements
from volary.embedded.api.validation.security import container_security

Object = Mapping[str, Any]
PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL = ("Always", "IfNotPresent", "Never")
RESTARTS = ("Always", "Never", "OnFailure")
NO_SIDECAR = "may not be set for init containers without restartPolicy=Always"
NOT_EPHEMERAL = ("ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


@dataclass(frozen=True, slots=True)
class Around:
    """What a container's rules need to know of its pod."""

    spec: Object
    volumes: Mapping[str, Object]
    claims: Sequence[str] = field(default=())

    @property
    def grace(self) -> int | None:
        found: int | None = self.spec.get("terminationGracePeriodSeconds")
        return found

    @property
    def host_users(self) -> bool:
        return self.spec.get("hostUsers") is not False


def containers(items: Sequence[Object], path: str, around: Around) -> list[FieldError]:
    """Return what is wrong with the regular containers."""
    if not items:
        return [required(path)]
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, it in enumerate(items):
        where, name = f"{path}[{index}]", str(it.get("name") or "")
        errors += common(it, where, around)
        if name in names:
            errors.append(duplicate(f"{where}.name", name))
        names.add(name)
        if it.get("lifecycle") is not None:
            errors += lifecycle(it["lifecycle"], f"{where}.lifecycle", around.grace, around.spec.get("os"))
        errors += probes(it, where, around.grace) + restart_policy(it, where)
    return errors + host_ports(items, path)


def init_containers(items: Sequence[Object], path: str, around: Around) -> list[FieldError]:
    errors: list[FieldError] = []
    names = {str(it.get("name") or "") for it in around.spec.get("containers") or ()}
    for index, it in enumerate(items):
        where, name = f"{path}[{index}]", str(it.get("name") or "")
        errors += common(it, where, around)
        policy = it.get("restartPolicy")
        if policy is None and it.get("restartPolicyRules"):
            errors.append(required(f"{where}.restartPolicy", "must specify restartPolicy when restart rules are used"))
        elif policy is not None:
            errors += restart_policy(it, where)
        if name in names:
            errors.append(duplicate(f"{where}.name", name))
        elif name:
            names.add(name)
        errors += host_ports([it], path)
        errors += _sidecar(it, where, around) if policy == "Always" else _plain_init(it, where)
    return errors


def _sidecar(it: Object, path: str, around: Around) -> list[FieldError]:
    errors: list[FieldError] = []
    if it.get("lifecycle") is not None:
        errors += lifecycle(it["lifecycle"], f"{path}.lifecycle", around.grace, around.spec.get("os"))
    return errors + probes(it, path, around.grace)


def _plain_init(it: Object, path: str) -> list[FieldError]:
    fields = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
    errors = [forbidden_field(f"{path}.{name}", NO_SIDECAR) for name in fields if it.get(name) is not None]
    for index, policy in enumerate(it.get("resizePolicy") or ()):
        if policy.get("restartPolicy") == "RestartContainer":
            text = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            errors.append(invalid(f"{path}.resizePolicy[{index}].restartPolicy", "RestartContainer", text))
    return errors


def ephemeral_containers(items: Sequence[Object], path: str, around: Around) -> list[FieldError]:
    errors: list[FieldError] = []
    others = {str(it.get("name")) for kind in ("containers", "initContainers") for it in around.spec.get(kind) or ()}
    names = set(others)
    for index, it in enumerate(items):
        where, name, target = f"{path}[{index}]", str(it.get("name") or ""), it.get("targetContainerName")
        errors += common(it, where, around) + padded_image(it, where)
        if name in names:
            errors.append(duplicate(f"{where}.name", name))
        names.add(name)
        if target and target not in others:
            errors.append(not_found_field(f"{where}.targetContainerName", target))
        text = "cannot be set for an Ephemeral Container"
        errors += [forbidden_field(f"{where}.{it_}", text) for it_ in NOT_EPHEMERAL if it.get(it_)]
        for number, mount in enumerate(it.get("volumeMounts") or ()):
            paths = [sub for sub in ("subPath", "subPathExpr") if mount.get(sub)]
            errors += [forbidden_field(f"{where}.volumeMounts[{number}].{sub}", text) for sub in paths]
    return errors


def common(it: Object, path: str, around: Around) -> list[FieldError]:
    """Return what is wrong with any container."""
    errors = forms.needed(f"{path}.name", str(it.get("name") or ""), forms.label)
    if not it.get("image"):
        errors.append(required(f"{path}.image"))
    words = ("File", "FallbackToLogsOnError")
    errors += one_of(f"{path}.terminationMessagePolicy", it.get("terminationMessagePolicy"), words)
    errors += ports(it.get("ports") or (), f"{path}.ports")
    errors += variables(it.get("env") or (), f"{path}.env")
    errors += env_from(it.get("envFrom") or (), f"{path}.envFrom")
    errors += mounts(it, f"{path}.volumeMounts", around.volumes)
    errors += devices(it, f"{path}.volumeDevices", around.volumes)
    errors += one_of(f"{path}.imagePullPolicy", it.get("imagePullPolicy"), PULL)
    errors += requirements(it.get("resources") or {}, f"{path}.resources", around.claims)
    errors += _resize_policy(it.get("resizePolicy") or (), f"{path}.resizePolicy", around.spec)
    return errors + container_security(it.get("securityContext"), f"{path}.securityContext", around.host_users)


def padded_image(it: Object, path: str) -> list[FieldError]:
    image = it.get("image") or ""
    text = "must not have leading or trailing whitespace"
    return [] if image == image.strip() else [invalid(f"{path}.image", image, text)]


def ports(items: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, it in enumerate(items):
        where, name, number = f"{path}[{index}]", it.get("name") or "", it.get("containerPort") or 0
        wrong = forms.wrong(f"{where}.name", name, forms.port_name) if name else []
        if name and not wrong and name in names:
            wrong = [duplicate(f"{where}.name", name)]
        errors += wrong
        names.add(name)
        if not number:
            errors.append(required(f"{where}.containerPort"))
        else:
            errors += forms.named_port(f"{where}.containerPort", number)
        if it.get("hostPort"):
            errors += forms.named_port(f"{where}.hostPort", it["hostPort"])
        errors += one_of(f"{where}.protocol", it.get("protocol"), PROTOCOLS)
    return errors


def host_ports(items: Sequence[Object], path: str) -> list[FieldError]:
    """Return the errors of ports of the host that two want."""
    errors: list[FieldError] = []
    taken: set[str] = set()
    for index, it in enumerate(items):
        for number, port in enumerate(it.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if key in taken:
                errors.append(duplicate(f"{path}[{index}].ports[{number}].hostPort", key))
            taken.add(key)
    return errors


def _resize_policy(items: Sequence[Object], path: str, spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, it in enumerate(items):
        name, policy = it.get("resourceName") or "", it.get("restartPolicy") or ""
        if name in seen:
            errors.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
        errors += one_of(path, name, ("cpu", "memory")) + one_of(path, policy, ("NotRequired", "RestartContainer"))
        if spec.get("restartPolicy") == "Never" and policy != "NotRequired":
            text = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, policy, text))
    return errors


def restart_policy(it: Object, path: str) -> list[FieldError]:
    """Return what is wrong with a container's own restart policy and its rules."""
    policy, rules = it.get("restartPolicy"), it.get("restartPolicyRules") or ()
    errors: list[FieldError] = []
    if policy is None and not rules:
        return []
    if policy is None:
        errors.append(required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used"))
    elif policy not in RESTARTS:
        errors.append(unsupported(f"{path}.restartPolicy", policy, RESTARTS))
    if len(rules) > 20:
        errors.append(too_many(f"{path}.restartPolicyRules", len(rules), 20))
    for index, rule in enumerate(rules):
        where = f"{path}.restartPolicyRules[{index}]"
        errors += one_of(f"{where}.action", rule.get("action"), ("Restart", "RestartAllContainers"), needed=False)
        codes = rule.get("exitCodes")
        if codes is None:
            errors.append(required(f"{where}.exitCodes", "must be specified"))
            continue
        errors += one_of(f"{where}.exitCodes.operator", codes.get("operator"), ("In", "NotIn"), needed=False)
        if len(codes.get("values") or ()) > 255:
            errors.append(too_many(f"{where}.exitCodes.values", len(codes["values"]), 255))
    return errors
