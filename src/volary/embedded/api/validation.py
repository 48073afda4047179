"""The rules of built-in kinds that matter to users: what is required, what fits together, what never changes.

Source: Kubernetes, pkg/apis/*/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from volary.embedded.api import validation_pods, validation_services, validation_workloads
from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported

Object = Mapping[str, Any]
Check = Callable[[Object, Object | None], list[FieldError]]

IMMUTABLE = "field is immutable"
SET_ONCE = "field is immutable when `immutable` is set"
LARGEST = 1024 * 1024


def changed(old: Object | None, new: Object, field: str, path: str) -> list[FieldError]:
    """Return the error for a field that an update may not change."""
    if old is None or old.get(field) == new.get(field):
        return []
    return [invalid(path, new.get(field), IMMUTABLE)]


def config_map(obj: Object, old: Object | None) -> list[FieldError]:
    errors: list[FieldError] = []
    if old is not None and old.get("immutable"):
        if not obj.get("immutable"):
            errors.append(forbidden_field("immutable", SET_ONCE))
        kept = [it for it in ("data", "binaryData") if obj.get(it) != old.get(it)]
        errors += [forbidden_field(it, SET_ONCE) for it in kept]
    size = 0
    for field in ("data", "binaryData"):
        for key, value in (obj.get(field) or {}).items():
            size += len(key) + len(value)
            errors += key_errors(f"{field}[{key}]", key)
    for key in obj.get("data") or {}:
        if key in (obj.get("binaryData") or {}):
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    if size > LARGEST:
        errors.append(FieldError("FieldValueTooLong", "", f"may not be more than {LARGEST} bytes"))
    return errors


def key_errors(path: str, key: str) -> list[FieldError]:
    """Return what is wrong with a key of a ConfigMap or Secret."""
    if len(key) > 253:
        return [invalid(path, key, "must be no more than 253 bytes")]
    if key in (".", "..") or not key or not all(it.isascii() and (it.isalnum() or it in "-_.") for it in key):
        text = (
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
            "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        )
        return [invalid(path, key, text)]
    return []


SECRET_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def secret(obj: Object, old: Object | None) -> list[FieldError]:
    errors = config_map(obj, old) if old is not None and old.get("immutable") else []
    data = obj.get("data") or {}
    for key in data:
        errors += key_errors(f"data[{key}]", key)
    for key in SECRET_KEYS.get(str(obj.get("type")), ()):
        if key not in data:
            errors.append(required(f"data[{key}]"))
    return errors + changed(old, obj, "type", "type")


def role_binding(obj: Object, old: Object | None) -> list[FieldError]:
    reference = obj.get("roleRef") or {}
    kinds = ("ClusterRole",) if obj.get("kind") == "ClusterRoleBinding" else ("Role", "ClusterRole")
    errors = []
    if reference.get("apiGroup") != "rbac.authorization.k8s.io":
        errors.append(unsupported("roleRef.apiGroup", reference.get("apiGroup"), ("rbac.authorization.k8s.io",)))
    if reference.get("kind") not in kinds:
        errors.append(unsupported("roleRef.kind", reference.get("kind") or "", kinds))
    if not reference.get("name"):
        errors.append(required("roleRef.name"))
    if old is not None and old.get("roleRef") != reference:
        shown = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}  # as the server's own type prints
        value = {name: reference.get(key) or "" for name, key in shown.items()}
        errors.append(invalid("roleRef", value, "cannot change roleRef"))
    for index, subject in enumerate(obj.get("subjects") or ()):
        path = f"subjects[{index}]"
        if not subject.get("name"):
            errors.append(required(f"{path}.name"))
        if subject.get("kind") == "ServiceAccount":
            if not subject.get("namespace"):
                errors.append(required(f"{path}.namespace"))
        elif subject.get("kind") not in ("User", "Group"):
            supported = ("ServiceAccount", "User", "Group")
            errors.append(unsupported(f"{path}.kind", subject.get("kind") or "", supported))
    return errors


def role(obj: Object, old: Object | None) -> list[FieldError]:
    errors = []
    for index, rule in enumerate(obj.get("rules") or ()):
        path = f"rules[{index}]"
        if not rule.get("verbs"):
            errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def lease(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = []
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if spec.get("leaseTransitions") is not None and spec["leaseTransitions"] < 0:
        detail = "must be greater than or equal to 0"
        errors.append(invalid("spec.leaseTransitions", spec["leaseTransitions"], detail))
    return errors


def event(obj: Object, old: Object | None) -> list[FieldError]:
    involved = obj.get("involvedObject") or {}
    namespace, named = obj["metadata"].get("namespace", ""), involved.get("namespace", "")
    mismatch = invalid("involvedObject.namespace", named, "does not match event.namespace")
    if not obj.get("eventTime"):
        fits = namespace == named if named else namespace in ("", "default")
        return [] if fits else [mismatch]
    errors = [mismatch] if not named and namespace not in ("default", "kube-system") else []
    return errors + [
        required(it) for it in ("reportingComponent", "reportingInstance", "action", "reason") if not obj.get(it)
    ]


CHECKS: dict[str, Check] = {
    "/configmaps": config_map,
    "/events": event,
    "/endpoints": validation_services.endpoints,
    "/pods": validation_pods.pod,
    "/secrets": secret,
    "/services": validation_services.service,
    "apps/daemonsets": validation_workloads.workload,
    "apps/deployments": validation_workloads.deployment,
    "apps/replicasets": validation_workloads.workload,
    "apps/statefulsets": validation_workloads.workload,
    "autoscaling/horizontalpodautoscalers": validation_workloads.autoscaler,
    "batch/cronjobs": validation_workloads.cron_job,
    "batch/jobs": validation_workloads.job,
    "coordination.k8s.io/leases": lease,
    "discovery.k8s.io/endpointslices": validation_services.endpoint_slice,
    "rbac.authorization.k8s.io/clusterrolebindings": role_binding,
    "rbac.authorization.k8s.io/clusterroles": role,
    "rbac.authorization.k8s.io/rolebindings": role_binding,
    "rbac.authorization.k8s.io/roles": role,
}


def validate_builtin(resource: str, obj: Object, old: Object | None) -> list[FieldError]:
    """Return what is wrong with an object of a built-in kind; `old` is None for a new one."""
    check = CHECKS.get(resource)
    return check(obj, old) if check else []
