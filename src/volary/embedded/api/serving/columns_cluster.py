"""What an administrator of a cluster looks at, in one line: quotas, classes, certificates, policies, devices.

Source: behaviour of kube-apiserver 1.36, pkg/printers/internalversion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from volary.embedded.api.serving.columns_workloads import age, parts
from volary.embedded.api.text.durations import human

Object = Mapping[str, Any]
Row = Callable[[Object, datetime], list[Any]]
NONE, UNSET = "<none>", "<unset>"
DEFAULT_CLASSES = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
DEFAULT_INGRESS = ("ingressclass.kubernetes.io/is-default-class",)


def quota_cells(obj: Object, now: datetime) -> list[Any]:
    name, _, status = parts(obj)
    used = status.get("used") or {}
    sides: dict[bool, list[str]] = {False: [], True: []}
    for resource, hard in sorted((status.get("hard") or {}).items()):
        sides[resource.startswith("limits.")].append(f"{resource}: {used.get(resource, '0')}/{hard}")
    return [name, ", ".join(sides[False]), ", ".join(sides[True]), age(obj, now)]


def api_service_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    service = spec.get("service")
    behind = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    found = next((it for it in status.get("conditions") or () if it.get("type") == "Available"), None)
    word = "Unknown" if found is None else str(found.get("status"))
    reason = f" ({found['reason']})" if found is not None and word != "True" and found.get("reason") else ""
    return [name, behind, word + reason, age(obj, now)]


def revision_cells(obj: Object, now: datetime) -> list[Any]:
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((it for it in owners if it.get("controller")), None)
    shown = NONE
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        shown = ".".join(filter(None, (owner["kind"], group))).lower() + f"/{owner['name']}"
    return [parts(obj)[0], shown, obj.get("revision", 0), age(obj, now)]


def signing_request_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    types = {it.get("type") for it in status.get("conditions") or ()}
    state = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    state += (",Failed" if "Failed" in types else "") + (",Issued" if status.get("certificate") else "")
    seconds = spec.get("expirationSeconds")
    lasts = NONE if seconds is None else human(seconds)
    return [name, age(obj, now), spec.get("signerName") or NONE, spec.get("username", ""), lasts, state]


def named_default(obj: Object, annotations: tuple[str, ...]) -> str:
    notes = obj["metadata"].get("annotations") or {}
    return parts(obj)[0] + (" (default)" if any(notes.get(it) == "true" for it in annotations) else "")


def ingress_class_cells(obj: Object, now: datetime) -> list[Any]:
    spec = parts(obj)[1]
    given, shown = spec.get("parameters"), NONE
    if given:
        group = f".{given['apiGroup']}" if given.get("apiGroup") is not None else ""
        shown = f"{given.get('kind', '')}{group}/{given.get('name', '')}"
    return [named_default(obj, DEFAULT_INGRESS), spec.get("controller", ""), shown, age(obj, now)]


def address_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, _ = parts(obj)
    parent, shown = spec.get("parentRef"), NONE
    if parent:
        what = ".".join(filter(None, (parent.get("resource"), parent.get("group")))).lower()
        shown = "/".join(filter(None, (what, parent.get("namespace"), parent.get("name"))))
    return [name, shown, age(obj, now)]


def driver_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, _ = parts(obj)
    requests = spec.get("tokenRequests")
    audiences = UNSET if requests is None else ",".join(it.get("audience", "") for it in requests)
    asked = [spec.get("attachRequired", True), spec.get("podInfoOnMount", False), spec.get("storageCapacity", False)]
    modes = ",".join(spec.get("volumeLifecycleModes") or ()) or NONE
    return [name, *asked, audiences, spec.get("requiresRepublish", False), modes, age(obj, now)]


def storage_class_cells(obj: Object, now: datetime) -> list[Any]:
    policies = [obj.get("reclaimPolicy") or "Delete", obj.get("volumeBindingMode") or "Immediate"]
    grows = bool(obj.get("allowVolumeExpansion"))
    return [named_default(obj, DEFAULT_CLASSES), obj.get("provisioner", ""), *policies, grows, age(obj, now)]


def attachment_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    volume = (spec.get("source") or {}).get("persistentVolumeName") or ""
    attached = bool(status.get("attached"))
    return [name, spec.get("attacher", ""), volume, spec.get("nodeName", ""), attached, age(obj, now)]


def policy_row(counted: str) -> Row:
    def cells(obj: Object, now: datetime) -> list[Any]:
        name, spec, _ = parts(obj)
        kind = spec.get("paramKind")
        shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET
        return [name, len(spec.get(counted) or ()), shown, age(obj, now)]

    return cells


def policy_binding_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, _ = parts(obj)
    ref, shown = spec.get("paramRef") or {}, UNSET
    if ref.get("name"):
        shown = f"{ref.get('namespace') or '*'}/{ref['name']}"
    elif ref.get("selector") is not None:
        shown = selector_as_go_prints_it(ref["selector"])
    return [name, spec.get("policyName", ""), shown, age(obj, now)]


def selector_as_go_prints_it(selector: Object) -> str:
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    wanted = "".join(
        f"LabelSelectorRequirement{{Key:{it.get('key', '')},Operator:{it.get('operator', '')},"
        f"Values:[{' '.join(it.get('values') or ())}],}},"
        for it in selector.get("matchExpressions") or ()
    )
    expressions = f"[]LabelSelectorRequirement{{{wanted}}}"
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:{expressions},}}"


def webhook_cells(obj: Object, now: datetime) -> list[Any]:
    return [parts(obj)[0], len(obj.get("webhooks") or ()), age(obj, now)]


def priority_class_cells(obj: Object, now: datetime) -> list[Any]:
    facts = [obj.get("value", 0), bool(obj.get("globalDefault")), age(obj, now)]
    return [parts(obj)[0], *facts, obj.get("preemptionPolicy", "")]


def claim_state_cells(obj: Object, now: datetime) -> list[Any]:
    name, _, status = parts(obj)
    going, given = bool(obj["metadata"].get("deletionTimestamp")), status.get("allocation") is not None
    words = ["deleted"] if going else []
    if given:
        words += ["allocated", *(["reserved"] if status.get("reservedFor") else [])]
    elif not going:
        words.append("pending")
    return [name, ",".join(words), age(obj, now)]


def resource_slice_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, _ = parts(obj)
    pool = (spec.get("pool") or {}).get("name", "")
    return [name, spec.get("nodeName") or "", spec.get("driver", ""), pool, age(obj, now)]


def flow_schema_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    dangling = [it.get("status", "") for it in status.get("conditions") or () if it.get("type") == "Dangling"]
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    method = (spec.get("distinguisherMethod") or {}).get("type") or NONE
    return [name, level, spec.get("matchingPrecedence", 0), method, age(obj, now), dangling[0] if dangling else "?"]


def priority_level_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, _ = parts(obj)
    limited = spec.get("limited")
    queuing = ((limited or {}).get("limitResponse") or {}).get("queuing")
    shares = NONE if limited is None else limited.get("nominalConcurrencyShares", 0)
    keys = ("queues", "handSize", "queueLengthLimit")
    queues = [NONE if queuing is None else queuing.get(key, 0) for key in keys]
    return [name, spec.get("type", ""), shares, *queues, age(obj, now)]


def plain(obj: Object, now: datetime) -> list[Any]:
    return [parts(obj)[0], age(obj, now)]


CLUSTER_ROWS: Mapping[str, Row] = {
    "/resourcequotas": quota_cells,
    "admissionregistration.k8s.io/mutatingadmissionpolicies": policy_row("mutations"),
    "admissionregistration.k8s.io/mutatingadmissionpolicybindings": policy_binding_cells,
    "admissionregistration.k8s.io/mutatingwebhookconfigurations": webhook_cells,
    "admissionregistration.k8s.io/validatingadmissionpolicies": policy_row("validations"),
    "admissionregistration.k8s.io/validatingadmissionpolicybindings": policy_binding_cells,
    "admissionregistration.k8s.io/validatingwebhookconfigurations": webhook_cells,
    "apiregistration.k8s.io/apiservices": api_service_cells,
    "apps/controllerrevisions": revision_cells,
    "certificates.k8s.io/certificatesigningrequests": signing_request_cells,
    "flowcontrol.apiserver.k8s.io/flowschemas": flow_schema_cells,
    "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": priority_level_cells,
    "networking.k8s.io/ingressclasses": ingress_class_cells,
    "networking.k8s.io/ipaddresses": address_cells,
    "networking.k8s.io/servicecidrs": lambda obj, now: [
        parts(obj)[0],
        ",".join(parts(obj)[1].get("cidrs") or ()),
        age(obj, now),
    ],
    "node.k8s.io/runtimeclasses": lambda obj, now: [parts(obj)[0], obj.get("handler", ""), age(obj, now)],
    "resource.k8s.io/deviceclasses": plain,
    "resource.k8s.io/resourceclaims": claim_state_cells,
    "resource.k8s.io/resourceclaimtemplates": plain,
    "resource.k8s.io/resourceslices": resource_slice_cells,
    "scheduling.k8s.io/priorityclasses": priority_class_cells,
    "storage.k8s.io/csidrivers": driver_cells,
    "storage.k8s.io/csinodes": lambda obj, now: [parts(obj)[0], len(parts(obj)[1].get("drivers") or ()), age(obj, now)],
    "storage.k8s.io/storageclasses": storage_class_cells,
    "storage.k8s.io/volumeattachments": attachment_cells,
    "storage.k8s.io/volumeattributesclasses": lambda obj, now: [
        parts(obj)[0],
        obj.get("driverName", ""),
        age(obj, now),
    ],
}
