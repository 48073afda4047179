"""Rules of pods and pod templates.

Source: Kubernetes, pkg/apis/core/validation, ValidatePodSpec and ValidatePodTemplateSpec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid, not_found_field, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.affinity import affinity, spread, tolerations
from volary.embedded.api.validation.annotations import pod_annotations, profiles_match
from volary.embedded.api.validation.common import annotations_errors, labels_errors, one_of, repeated
from volary.embedded.api.validation.containers import (
    Around,
    containers,
    ephemeral_containers,
    init_containers,
    padded_image,
)
from volary.embedded.api.validation.dns import dns_config, host_aliases, host_name
from volary.embedded.api.validation.pod_resources import pod_resources
from volary.embedded.api.validation.resources import requirements
from volary.embedded.api.validation.security import operating_system, pod_security
from volary.embedded.api.validation.volumes import volumes

Object = Mapping[str, Any]
RESTART = ("Always", "OnFailure", "Never")
DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
LARGEST = 2**31 - 1


def pod_template(template: Object, path: str) -> list[FieldError]:
    """Return what is wrong with a template of pods."""
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    errors = labels_errors(meta.get("labels"), f"{path}.labels")
    errors += annotations_errors(meta.get("annotations"), f"{path}.annotations")
    errors += pod_annotations(meta, spec, f"{path}.annotations")
    errors += pod_spec(spec, f"{path}.spec") + profiles_match(meta, spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        text = "ephemeral containers not allowed in pod template"
        errors.append(forbidden_field(f"{path}.spec.ephemeralContainers", text))
    return errors


def new_pod(obj: Object) -> list[FieldError]:
    """Return what is wrong with a new pod besides its metadata."""
    spec = obj.get("spec") or {}
    errors = pod(obj)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden_field("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        text = "cannot be set until all schedulingGates have been cleared"
        errors.append(forbidden_field("spec.nodeName", text))
    return errors + profiles_match(obj["metadata"], spec, "spec")


def pod(obj: Object) -> list[FieldError]:
    """Return what is wrong with a pod, new or changed."""
    spec = obj.get("spec") or {}
    errors = pod_annotations(obj["metadata"], spec, "metadata.annotations")
    errors += pod_spec(spec, "spec", str(obj["metadata"].get("name") or ""), is_pod=True)
    for kind in ("containers", "initContainers"):
        for index, it in enumerate(spec.get(kind) or ()):
            errors += padded_image(it, f"spec.{kind}[{index}]")
    return errors


def every_container(spec: Object, path: str) -> Iterator[tuple[str, Object]]:
    """Yield (path, container) in the order in which the server visits them."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, it in enumerate(spec.get(kind) or ()):
            yield f"{path}.{kind}[{index}]", it


def pod_spec(spec: Object, path: str, name: str = "", is_pod: bool = False) -> list[FieldError]:
    """Return what is wrong with the spec of a pod (then with its name) or of a template."""
    errors: list[FieldError] = []
    if spec.get("terminationGracePeriodSeconds") is None:
        errors.append(required(f"{path}.terminationGracePeriodSeconds"))
    found = volumes(spec.get("volumes") or (), f"{path}.volumes", name, errors)
    claims = [str(it["name"]) for it in spec.get("resourceClaims") or () if it.get("name")]
    errors += _resource_claims(spec, f"{path}.resourceClaims")
    around = Around(spec, found, claims)
    errors += containers(spec.get("containers") or (), f"{path}.containers", around)
    errors += init_containers(spec.get("initContainers") or (), f"{path}.initContainers", around)
    errors += ephemeral_containers(spec.get("ephemeralContainers") or (), f"{path}.ephemeralContainers", around)
    errors += pod_resources(spec, path)
    errors += _host_network(spec, path, is_pod)
    errors += one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART)
    errors += one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), DNS)
    errors += labels_errors(spec.get("nodeSelector"), f"{path}.nodeSelector")
    errors += pod_security(spec.get("securityContext") or {}, spec, f"{path}.securityContext")
    errors += affinity(spec.get("affinity") or {}, f"{path}.affinity")
    errors += dns_config(spec, f"{path}.dnsConfig")
    errors += _gates(spec, path)
    errors += spread(spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints")
    errors += _host_users(spec, path) + host_name(spec, path)
    return errors + _names_and_limits(spec, path)


def _names_and_limits(spec: Object, path: str) -> list[FieldError]:
    """Return what is wrong with what comes last."""
    errors: list[FieldError] = []
    for field in ("serviceAccountName", "nodeName"):
        if spec.get(field):
            errors += forms.wrong(f"{path}.{field}", spec[field], forms.subdomain)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= LARGEST:
        errors.append(invalid(f"{path}.activeDeadlineSeconds", deadline, f"must be between 1 and {LARGEST}, inclusive"))
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            errors += forms.wrong(f"{path}.{field}", spec[field], forms.label)
    errors += tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    errors += host_aliases(spec.get("hostAliases") or (), f"{path}.hostAliases")
    if spec.get("priorityClassName"):
        errors += forms.wrong(f"{path}.priorityClassName", spec["priorityClassName"], forms.subdomain)
    if spec.get("runtimeClassName") is not None:
        errors += forms.wrong(f"{path}.runtimeClassName", spec["runtimeClassName"], forms.subdomain)
    if spec.get("preemptionPolicy") is not None:
        errors += one_of(f"{path}.preemptionPolicy", spec["preemptionPolicy"], ("PreemptLowerPriority", "Never"))
    if spec.get("overhead") is not None:
        errors += requirements({"limits": spec["overhead"]}, f"{path}.overhead", ())
    errors += operating_system(spec, path, list(every_container(spec, path)))
    return errors + _file_variables(spec, path)


def _resource_claims(spec: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    items = spec.get("resourceClaims") or ()
    doubled = repeated(str(it.get("name") or "") for it in items)
    for index, it in enumerate(items):
        where, name = f"{path}[{index}]", it.get("name") or ""
        direct, template = it.get("resourceClaimName"), it.get("resourceClaimTemplateName")
        if not name:
            errors.append(required(f"{where}.name"))
        elif index in doubled:
            errors.append(duplicate(f"{where}.name", name))
        else:
            errors += forms.wrong(f"{where}.name", name, forms.label)
        shown = {"Name": name, "ResourceClaimName": direct, "ResourceClaimTemplateName": template}
        if direct is not None and template is not None:
            text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(where, shown, text))
        if direct is None and template is None:
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(where, shown, text))
        for field, value in (("resourceClaimName", direct), ("resourceClaimTemplateName", template)):
            if value is not None:
                errors += forms.wrong(f"{where}.{field}", value, forms.subdomain)
    return errors


def _host_network(spec: Object, path: str, is_pod: bool) -> list[FieldError]:
    """Return the ports that differ from those of the host, whose network the pod uses."""
    errors: list[FieldError] = []
    if not spec.get("hostNetwork"):
        return errors
    for index, it in enumerate(spec.get("containers") or ()):
        for number, port in enumerate(it.get("ports") or ()):
            outer, inner = port.get("hostPort") or 0, port.get("containerPort") or 0
            if (is_pod or outer) and outer != inner:
                text = "must match `containerPort` when `hostNetwork` is true"
                errors.append(invalid(f"{path}.containers[{index}].ports[{number}].hostPort", outer, text))
    return errors


def _gates(spec: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, it in enumerate(spec.get("readinessGates") or ()):
        where = f"{path}.readinessGates[{index}].conditionType"
        errors += forms.wrong(where, it.get("conditionType") or "", forms.key)
    names = [str(it.get("name") or "") for it in spec.get("schedulingGates") or ()]
    doubled = repeated(names)
    for index, name in enumerate(names):
        where = f"{path}.schedulingGates[{index}]"
        errors += forms.wrong(where, name, forms.key)
        if index in doubled:
            errors.append(duplicate(where, name))
    return errors


def _host_users(spec: Object, path: str) -> list[FieldError]:
    if spec.get("hostUsers") is not False:
        return []
    text = "when `hostUsers` is false"
    errors = [forbidden_field(f"{path}.hostNetwork", text)] if spec.get("hostNetwork") else []
    errors += [forbidden_field(f"{path}.{shown}", text) for field, shown in HOST if spec.get(field)]
    devices = [where for where, it in every_container(spec, path) if it.get("volumeDevices")]
    return errors + [forbidden_field(f"{where}.volumeDevices", text) for where in devices]


HOST = (("hostPID", "HostPID"), ("hostIPC", "HostIPC"))


def _file_variables(spec: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    known = {it.get("name"): it for it in spec.get("volumes") or ()}
    for where, container in every_container(spec, path):
        for index, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            place, name = f"{where}.env[{index}].valueFrom.fileKeyRef.volumeName", reference.get("volumeName") or ""
            if name not in known:
                errors.append(not_found_field(place, name))
            elif known[name].get("emptyDir") is None:
                errors.append(invalid(place, name, "referenced volume must be of type emptyDir"))
    return errors
