"""Rules of pods and pod templates.

Source: Kubernetes, pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from volary.embedded.api.names import LABEL, LABEL_TEXT
from volary.embedded.api.quantities import quantity_value

Object = Mapping[str, Any]
POLICIES = ("Always", "IfNotPresent", "Never")
RESTART = ("Always", "OnFailure", "Never")
DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PORT_TEXT = "must be between 1 and 65535, inclusive"


def pod_spec(spec: Object, path: str) -> list[FieldError]:
    """Return what is wrong with the spec of a pod or of a template."""
    errors: list[FieldError] = []
    volumes = _volumes(spec, path, errors)
    containers = spec.get("containers") or ()
    if not containers:
        errors.append(required(f"{path}.containers"))
    names: set[str] = set()
    for kind in ("containers", "initContainers"):
        for index, it in enumerate(spec.get(kind) or ()):
            _container(it, f"{path}.{kind}[{index}]", volumes, names, errors)
    if spec.get("restartPolicy") not in RESTART:
        errors.append(unsupported(f"{path}.restartPolicy", spec.get("restartPolicy") or "", RESTART))
    if spec.get("dnsPolicy") not in DNS:
        errors.append(unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy") or "", sorted(DNS)))
    return errors


def _volumes(spec: Object, path: str, errors: list[FieldError]) -> set[str]:
    names: set[str] = set()
    for index, it in enumerate(spec.get("volumes") or ()):
        name = str(it.get("name") or "")
        where = f"{path}.volumes[{index}].name"
        if not name:
            errors.append(required(where))
        elif not LABEL.match(name):
            errors.append(invalid(where, name, LABEL_TEXT))
        if name in names:
            errors.append(duplicate(where, name))
        names.add(name)
        sources = [key for key in it if key != "name"]
        for extra in sorted(sources)[1:]:
            where = f"{path}.volumes[{index}].{extra}"
            errors.append(forbidden_field(where, "may not specify more than 1 volume type"))
    return names


def _container(it: Object, path: str, volumes: set[str], names: set[str], errors: list[FieldError]) -> None:
    name = str(it.get("name") or "")
    if not name:
        errors.append(required(f"{path}.name"))
    elif len(name) > 63 or not LABEL.match(name):
        errors.append(invalid(f"{path}.name", name, LABEL_TEXT))
    elif name in names:
        errors.append(duplicate(f"{path}.name", name))
    names.add(name)
    if not it.get("image"):
        errors.append(required(f"{path}.image"))
    elif it["image"] != it["image"].strip():
        errors.append(invalid(f"{path}.image", it["image"], "must not have leading or trailing whitespace"))
    if it.get("imagePullPolicy") not in POLICIES:
        errors.append(unsupported(f"{path}.imagePullPolicy", it.get("imagePullPolicy") or "", POLICIES))
    _ports(it, path, errors)
    _variables(it, path, errors)
    _mounts(it, path, volumes, errors)
    _probes(it, path, errors)
    _resources(it.get("resources") or {}, f"{path}.resources", errors)


def _variables(it: Object, path: str, errors: list[FieldError]) -> None:
    for index, env in enumerate(it.get("env") or ()):
        if not env.get("name"):
            errors.append(required(f"{path}.env[{index}].name"))
        if env.get("value") and env.get("valueFrom"):
            detail = "may not be specified when `value` is not empty"
            errors.append(invalid(f"{path}.env[{index}].valueFrom", "", detail))


def _mounts(it: Object, path: str, volumes: set[str], errors: list[FieldError]) -> None:
    for index, mount in enumerate(it.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            errors.append(not_found_field(f"{where}.name", mount.get("name") or ""))
        if not mount.get("mountPath"):
            errors.append(required(f"{where}.mountPath"))


def _ports(it: Object, path: str, errors: list[FieldError]) -> None:
    names: set[str] = set()
    for index, port in enumerate(it.get("ports") or ()):
        where = f"{path}.ports[{index}]"
        name = port.get("name")
        if name:
            if len(name) > 15:
                errors.append(invalid(f"{where}.name", name, "must be no more than 15 characters"))
            if name in names:
                errors.append(duplicate(f"{where}.name", name))
            names.add(name)
        number = port.get("containerPort") or 0
        if not number:
            errors.append(required(f"{where}.containerPort"))
        elif not 0 < number < 65536:
            errors.append(invalid(f"{where}.containerPort", number, PORT_TEXT))
        if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
            errors.append(unsupported(f"{where}.protocol", port.get("protocol") or "", ("SCTP", "TCP", "UDP")))


PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def _probes(it: Object, path: str, errors: list[FieldError]) -> None:
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = it.get(kind)
        if not probe:
            continue
        where = f"{path}.{kind}"
        _handler_ports(probe, where, errors)
        handlers = [name for name in HANDLERS if probe.get(name) is not None]
        if not handlers:
            errors.append(required(where, "must specify a handler type"))
        errors += [forbidden_field(f"{where}.{it}", "may not specify more than 1 handler type") for it in handlers[1:]]
        negative = [it for it in PROBE_NUMBERS if (probe.get(it) or 0) < 0]
        errors += [invalid(f"{where}.{it}", probe[it], "must be greater than or equal to 0") for it in negative]
        if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            errors.append(invalid(f"{where}.successThreshold", probe["successThreshold"], "must be 1"))


def _handler_ports(probe: Object, where: str, errors: list[FieldError]) -> None:
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if probe.get(kind) is not None:
            port = probe[kind].get("port", 0)
            if isinstance(port, int) and not 0 < port < 65536:
                errors.append(invalid(f"{where}.{kind}.port", port, PORT_TEXT))


def _resources(it: Object, path: str, errors: list[FieldError]) -> None:
    limits = it.get("limits") or {}
    for kind in ("limits", "requests"):
        for name, amount in (it.get(kind) or {}).items():
            value = quantity_value(amount)
            where = f"{path}.{kind}[{name}]"
            if value is None:
                continue
            if value < 0:
                errors.append(invalid(where, str(amount), "must be greater than or equal to 0"))
            limit = quantity_value(limits[name]) if kind == "requests" and name in limits else None
            if limit is not None and value > limit:
                detail = f"must be less than or equal to {name} limit of {limits[name]}"
                errors.append(invalid(f"{path}.requests", str(amount), detail))


CHANGEABLE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


MAY_CHANGE = ("activeDeadlineSeconds", "tolerations")


def pod(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    if old is None:
        return pod_spec(spec, "spec")
    before, after = _fixed(old.get("spec") or {}), _fixed(spec)
    if before != after:
        return [forbidden_field("spec", CHANGEABLE.removeprefix("spec: Forbidden: "))]
    return []


def _fixed(spec: Object) -> dict[str, Any]:
    """Return the part of a pod's spec that an update may not change."""
    kept = {key: value for key, value in spec.items() if key not in MAY_CHANGE}
    for kind in ("containers", "initContainers"):
        if kept.get(kind):
            kept[kind] = [{key: value for key, value in it.items() if key != "image"} for it in kept[kind]]
    return kept
