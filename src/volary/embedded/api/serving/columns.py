"""The cells that `kubectl get` shows of a built-in kind: one function a kind, in the order of `data/columns.json`.

Source: behaviour of kube-apiserver 1.36, pkg/printers/internalversion; `tests/differential` compares the cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from volary.embedded.api.serving.columns_cluster import CLUSTER_ROWS
from volary.embedded.api.serving.columns_pods import containers_cells, pod_cells
from volary.embedded.api.serving.columns_workloads import (
    autoscaler_cells,
    cron_job_cells,
    daemon_set_cells,
    deployment_cells,
    job_cells,
    replica_cells,
    stateful_set_cells,
)
from volary.embedded.api.text.durations import since
from volary.embedded.api.text.label_text import labels_text, selector_text

Object = Mapping[str, Any]
Row = Callable[[Object, datetime], list[Any]]
NONE = "<none>"
UNSET = "<unset>"
MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def name(obj: Object) -> str:
    return str(obj["metadata"].get("name", ""))


def age(obj: Object, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def spec(obj: Object) -> Mapping[str, Any]:
    return obj.get("spec") or {}


def status(obj: Object) -> Mapping[str, Any]:
    return obj.get("status") or {}


def some(values: Iterable[str], total: int, most: int, otherwise: str) -> str:
    """Return the first few values, and how many more there are."""
    shown = list(values)[:most]
    text = ",".join(shown)
    return (f"{text} + {total - most} more..." if total > most else text) if shown else otherwise


def service_cells(obj: Object, now: datetime) -> list[Any]:
    its = spec(obj)
    ports = ",".join(
        f"{port['port']}" + (f":{port['nodePort']}" if port.get("nodePort") else "") + f"/{port.get('protocol', 'TCP')}"
        for port in its.get("ports") or ()
    )
    addresses = its.get("clusterIPs") or [NONE]
    selector = labels_text(its.get("selector"))
    return [name(obj), its.get("type"), addresses[0], external_address(obj), ports or NONE, age(obj, now), selector]


def external_address(obj: Object) -> str:
    its = spec(obj)
    kind = its.get("type")
    if kind == "ExternalName":
        return str(its.get("externalName", ""))
    balancer = (status(obj).get("loadBalancer") or {}).get("ingress") or ()
    given = sorted({it.get("ip") or it.get("hostname") or "" for it in balancer}) if kind == "LoadBalancer" else []
    return ",".join([*given, *(its.get("externalIPs") or ())]) or ("<pending>" if kind == "LoadBalancer" else NONE)


def event_cells(obj: Object, now: datetime) -> list[Any]:
    first = since(obj.get("firstTimestamp") or obj.get("eventTime") or obj.get("deprecatedFirstTimestamp"), now)
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    series = obj.get("series") or {}
    seen = (
        since(series["lastObservedTime"], now)
        if series.get("lastObservedTime")
        else since(last, now)
        if last
        else first
    )
    target = obj.get("involvedObject") or obj.get("regarding") or {}
    about = "/".join(filter(None, (str(target.get("kind", "")).lower(), target.get("name"))))
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    told_by = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    count = series.get("count") or obj.get("count") or obj.get("deprecatedCount") or 1
    message = str(obj.get("message") or obj.get("note") or "").strip()
    return [
        seen, obj.get("type", ""), obj.get("reason", ""), about, target.get("fieldPath", ""),
        ", ".join(filter(None, (told_by, instance))), message, first, count, name(obj),
    ]  # fmt: skip


def node_cells(obj: Object, now: datetime) -> list[Any]:
    its = status(obj)
    ready = [it.get("status") for it in its.get("conditions") or () if it.get("type") == "Ready"]
    state = ["Unknown" if not ready else "Ready" if ready[0] == "True" else "NotReady"]
    if spec(obj).get("unschedulable"):
        state.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted({it.removeprefix(prefix) for it in labels if it.startswith(prefix) and it != prefix})
    addresses = {it.get("type"): it.get("address") for it in reversed(its.get("addresses") or ())}
    info = its.get("nodeInfo") or {}
    system = [info.get(key) or "<unknown>" for key in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    if info.get("architecture"):
        system[1] += f" ({info['architecture']})"
    head = [name(obj), ",".join(state), ",".join(roles) or NONE, age(obj, now), info.get("kubeletVersion", "")]
    return [*head, addresses.get("InternalIP") or NONE, addresses.get("ExternalIP") or NONE, *system]


def endpoints_cells(obj: Object, now: datetime) -> list[Any]:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [str(it["ip"]) for it in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        found += [f"{it}:{port['port']}" for port in ports for it in addresses] if ports else addresses
    return [name(obj), some(found, len(found), 3, "" if obj.get("subsets") else NONE), age(obj, now)]


def slice_cells(obj: Object, now: datetime) -> list[Any]:
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or ()]
    addresses = [it for endpoint in obj.get("endpoints") or () for it in endpoint.get("addresses") or ()]
    shown = [some(ports, len(ports), 3, UNSET), some(addresses, len(addresses), 3, UNSET)]
    return [name(obj), obj.get("addressType", ""), *shown, age(obj, now)]


def ingress_cells(obj: Object, now: datetime) -> list[Any]:
    rules = spec(obj).get("rules") or ()
    hosts = [rule["host"] for rule in rules[:3] if rule.get("host")]
    shown = some(hosts, len(rules) if hosts else 0, 3, "*")
    balancer = (status(obj).get("loadBalancer") or {}).get("ingress") or ()
    addresses = ",".join(sorted({it.get("ip") or it.get("hostname") or "" for it in balancer}))
    ports = "80, 443" if spec(obj).get("tls") else "80"
    return [name(obj), spec(obj).get("ingressClassName") or NONE, shown, addresses, ports, age(obj, now)]


def binding_cells(obj: Object, now: datetime) -> list[Any]:
    role = obj.get("roleRef") or {}
    subjects: Sequence[Mapping[str, Any]] = obj.get("subjects") or ()
    named = [", ".join(it["name"] for it in subjects if it.get("kind") == kind) for kind in ("User", "Group")]
    accounts = [f"{it.get('namespace', '')}/{it['name']}" for it in subjects if it.get("kind") == "ServiceAccount"]
    return [name(obj), f"{role.get('kind')}/{role.get('name')}", age(obj, now), *named, ", ".join(accounts)]


def volume_cells(obj: Object, now: datetime) -> list[Any]:
    its, claim = spec(obj), spec(obj).get("claimRef") or {}
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status(obj).get("phase", "")
    owner = f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""
    return [
        name(obj), (its.get("capacity") or {}).get("storage", "0"), modes_text(its.get("accessModes")),
        its.get("persistentVolumeReclaimPolicy", ""), phase, owner, its.get("storageClassName", ""),
        its.get("volumeAttributesClassName") or UNSET, status(obj).get("reason", ""), age(obj, now),
        its.get("volumeMode") or UNSET,
    ]  # fmt: skip


def claim_cells(obj: Object, now: datetime) -> list[Any]:
    its, found = spec(obj), status(obj)
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else found.get("phase", "")
    bound = bool(its.get("volumeName"))
    capacity = (found.get("capacity") or {}).get("storage", "0") if bound else ""
    return [
        name(obj), phase, its.get("volumeName", ""), capacity, modes_text(found.get("accessModes")) if bound else "",
        its.get("storageClassName") or "", its.get("volumeAttributesClassName") or UNSET, age(obj, now),
        its.get("volumeMode") or UNSET,
    ]  # fmt: skip


def modes_text(modes: Iterable[str] | None) -> str:
    return ",".join(short for mode, short in MODES.items() if mode in (modes or ()))


def budget_cells(obj: Object, now: datetime) -> list[Any]:
    limits = [str(spec(obj).get(key, "N/A")) for key in ("minAvailable", "maxUnavailable")]
    return [name(obj), *limits, status(obj).get("disruptionsAllowed", 0), age(obj, now)]


def data_size(obj: Object) -> int:
    return len(obj.get("data") or ()) + len(obj.get("binaryData") or ())


def template_cells(obj: Object, now: datetime) -> list[Any]:
    template = obj.get("template") or {}
    return [name(obj), *containers_cells(template), labels_text((template.get("metadata") or {}).get("labels"))]


# GROUP/PLURAL -> its cells. A kind that is not here has its name and when it was made.
ROWS: Mapping[str, Row] = {
    **CLUSTER_ROWS,
    "/configmaps": lambda obj, now: [name(obj), data_size(obj), age(obj, now)],
    "/endpoints": endpoints_cells,
    "/events": event_cells,
    "/namespaces": lambda obj, now: [name(obj), status(obj).get("phase", ""), age(obj, now)],
    "/nodes": node_cells,
    "/persistentvolumeclaims": claim_cells,
    "/persistentvolumes": volume_cells,
    "/pods": pod_cells,
    "/podtemplates": template_cells,
    "/replicationcontrollers": replica_cells,
    "/secrets": lambda obj, now: [name(obj), obj.get("type", ""), data_size(obj), age(obj, now)],
    "/serviceaccounts": lambda obj, now: [name(obj), age(obj, now)],
    "/services": service_cells,
    "apps/daemonsets": daemon_set_cells,
    "apps/deployments": deployment_cells,
    "apps/replicasets": replica_cells,
    "apps/statefulsets": stateful_set_cells,
    "autoscaling/horizontalpodautoscalers": autoscaler_cells,
    "batch/cronjobs": cron_job_cells,
    "batch/jobs": job_cells,
    "coordination.k8s.io/leases": lambda obj, now: [name(obj), spec(obj).get("holderIdentity") or "", age(obj, now)],
    "discovery.k8s.io/endpointslices": slice_cells,
    "events.k8s.io/events": event_cells,
    "networking.k8s.io/ingresses": ingress_cells,
    "networking.k8s.io/networkpolicies": lambda obj, now: [
        name(obj),
        selector_text(spec(obj).get("podSelector")),
        age(obj, now),
    ],
    "policy/poddisruptionbudgets": budget_cells,
    "rbac.authorization.k8s.io/clusterrolebindings": binding_cells,
    "rbac.authorization.k8s.io/rolebindings": binding_cells,
}
