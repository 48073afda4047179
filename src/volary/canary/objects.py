"""The objects of a canary, built from the Canary and its target: what each ought to be. Pure.

    podinfo-primary   Deployment, HorizontalPodAutoscaler, copies of ConfigMaps and Secrets
    podinfo           Service, selects the primary       podinfo-primary, podinfo-canary   Services, one for each side

Each builder takes what is there already (`live`) and returns what should be there instead, with everything kept that
is not ours, or None where nothing has to change.
Source: Flagger 1.44, as seen on a real control plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from volary.canary.rewrites import ID, TRIAL, primary_name, primary_template, without_toolkit
from volary.canary.spec import Metadata, Spec
from volary.canary.tracking import CONFIG_MAP
from volary.kube.objects import NewObject, Object, controller_ref, dig, labels_of, metadata, mutable, name_of

LEAVE_ALONE = {  # so that Flux does not put back what we route
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}
COPIED_FIELDS = ("progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy")


def owned(canary: Object, kind: tuple[str, str], name: str) -> NewObject:
    """Return the beginning of an object that goes when its Canary goes. `kind` is (apiVersion, kind)."""
    return {
        "apiVersion": kind[0],
        "kind": kind[1],
        "metadata": {
            "name": name,
            "namespace": str(metadata(canary).get("namespace") or ""),
            "ownerReferences": [controller_ref(canary)],
        },
    }


@dataclass(frozen=True, slots=True)
class Rewrite:
    """How a target's template becomes the primary's; `id` and `trial` change whenever something is copied."""

    label: tuple[str, str]  # the target's selector label
    labels: tuple[str, ...]  # all names that such a label can have
    tracked: frozenset[tuple[str, str]]  # (kind, name) of configuration with a copy of its own
    id: str
    trial: str

    def template(self, target: Object) -> NewObject:
        """Return the target's template as the primary runs it, with the primary's own annotations."""
        template = primary_template(target, self.tracked, self.labels)
        assert template is not None, "the label was found in the target's selector"
        annotations = template["metadata"].get("annotations") or {}
        template["metadata"]["annotations"] = {**annotations, ID: self.id, TRIAL: self.trial}
        return template


def primary_deployment(canary: Object, target: Object, rewrite: Rewrite) -> NewObject:
    """Return a new primary, with the Pods that the target has."""
    made = owned(canary, ("apps/v1", "Deployment"), primary_name(name_of(target)))
    key, value = rewrite.label
    made["metadata"]["labels"] = {key: primary_name(value)}
    annotations = without_toolkit(metadata(target).get("annotations"))
    if annotations:
        made["metadata"]["annotations"] = annotations
    made["spec"] = {
        "replicas": int(dig(target, "spec", "replicas") or 0) or 1,
        "selector": {"matchLabels": {key: primary_name(value)}},
        "template": rewrite.template(target),
        **{field: target["spec"][field] for field in COPIED_FIELDS if field in target["spec"]},
    }
    return made


def promoted_deployment(live: Object, target: Object, rewrite: Rewrite, keep_replicas: bool) -> NewObject:
    """Return the primary with the target's template; its replicas are its autoscaler's, where there is one."""
    made = mutable(live)
    spec = made["spec"]
    for field in COPIED_FIELDS:
        spec.pop(field, None)
        if field in target["spec"]:
            spec[field] = target["spec"][field]
    replicas = int(dig(target, "spec", "replicas") or 0)
    if not keep_replicas and replicas:
        spec["replicas"] = replicas
    spec["template"] = rewrite.template(target)
    return made


def config_copy(canary: Object, kind: str, source: Object, live: Object | None) -> NewObject | None:
    """Return the primary's copy of a ConfigMap or Secret, or None if it is as it should be."""
    if live is not None:
        if (live.get("data") or {}) == (source.get("data") or {}):
            return None
        made = mutable(live)
        made["data"] = dict(source.get("data") or {})
        return made
    made = owned(canary, ("v1", "ConfigMap" if kind == CONFIG_MAP else "Secret"), primary_name(name_of(source)))
    made["data"] = dict(source.get("data") or {})
    if kind != CONFIG_MAP and source.get("type"):
        made["type"] = source["type"]
    return made


@dataclass(frozen=True, slots=True)
class Side:
    """Which Pods a Service selects, and what the user wants written on it."""

    selector: tuple[str, str]
    metadata: Metadata | None


def service(canary: Object, spec: Spec, name: str, side: Side, target: Object, live: Object | None) -> NewObject | None:
    """Return one of the three Services, or None if it is as it should be."""
    wanted = owned(canary, ("v1", "Service"), name)
    key, value = side.selector
    extra = side.metadata or Metadata()
    labels = {**extra.labels, key: name}
    annotations = {**extra.annotations, **LEAVE_ALONE}
    wanted["metadata"] |= {"labels": labels, "annotations": annotations}
    wanted["spec"] = {"type": "ClusterIP", "selector": {key: value}, "ports": ports(spec, target)}
    if spec.service.headless:
        wanted["spec"]["clusterIP"] = "None"
    if spec.service.traffic_distribution:
        wanted["spec"]["trafficDistribution"] = spec.service.traffic_distribution
    return wanted if live is None else repaired_service(canary, spec, wanted, live)


def repaired_service(canary: Object, spec: Spec, wanted: Object, live: Object) -> NewObject | None:
    """Return the live Service with our ports and selector; labels and annotations only where the Service is ours."""
    made = mutable(live)
    made["spec"]["selector"] = wanted["spec"]["selector"]
    if not same_ports(live["spec"].get("ports") or [], wanted["spec"]["ports"]):
        node_ports = {port.get("name"): port.get("nodePort") for port in live["spec"].get("ports") or []}
        made["spec"]["ports"] = [
            {**port, **({"nodePort": node_ports[port["name"]]} if node_ports.get(port["name"]) else {})}
            for port in wanted["spec"]["ports"]
        ]
    if any(ref.get("uid") == metadata(canary).get("uid") for ref in metadata(live).get("ownerReferences") or ()):
        repair_metadata(made, wanted, spec)
    return None if made == live else made


def repair_metadata(made: NewObject, wanted: Object, spec: Spec) -> None:
    """Set our labels and annotations, but leave the values of those that the user wants unmanaged."""
    for field, unmanaged in (
        ("labels", spec.service.unmanaged_labels),
        ("annotations", spec.service.unmanaged_annotations),
    ):
        live = made["metadata"].get(field) or {}
        ours = {key: text for key, text in wanted["metadata"][field].items() if key not in unmanaged or key not in live}
        made["metadata"][field] = {**live, **ours}


def same_ports(live: list[Mapping[str, Any]], wanted: list[Mapping[str, Any]]) -> bool:
    """Are the ports the same, whatever their order and what the server added?"""

    def plain(port: Mapping[str, Any]) -> tuple[Any, ...]:
        target = port.get("targetPort", port["port"])
        protocol = port.get("protocol") or "TCP"
        return port.get("name") or "", port["port"], str(target), protocol, port.get("appProtocol") or ""

    return sorted(map(plain, live)) == sorted(map(plain, wanted))


def ports(spec: Spec, target: Object) -> list[dict[str, Any]]:
    """Return the ports of all three Services."""
    wanted = spec.service
    first: dict[str, Any] = {
        "name": wanted.port_name,
        "protocol": "TCP",
        "port": wanted.port,
        "targetPort": wanted.target_port,
    }
    if wanted.app_protocol:
        first["appProtocol"] = wanted.app_protocol
    found = discovered_ports(spec, target) if wanted.port_discovery else {}
    others = [
        {"name": name, "protocol": "TCP", "port": port, "targetPort": port} for name, port in sorted(found.items())
    ]
    return [first, *others]


def discovered_ports(spec: Spec, target: Object) -> dict[str, int]:
    """Return name -> port of what the containers listen on beside the port that has its own entry."""
    wanted = spec.service
    found: dict[str, int] = {}
    for container in dig(target, "spec", "template", "spec", "containers") or ():
        if container.get("name") in ("istio-proxy", "envoy"):
            continue
        for index, port in enumerate(container.get("ports") or ()):
            number, name = int(port["containerPort"]), str(port.get("name") or "")
            if number in (wanted.port, wanted.target_port) or name in (wanted.target_port, wanted.port_name):
                continue
            found[name or f"tcp-{container['name']}-{index}"] = number
    return found


def primary_autoscaler(canary: Object, spec: Spec, source: Object, live: Object | None) -> NewObject | None:
    """Return the primary's autoscaler, or None if it is as it should be."""
    assert spec.autoscaler is not None, "only asked for where there is one"
    wanted = dict(source["spec"])
    wanted["scaleTargetRef"] = {**wanted["scaleTargetRef"], "name": primary_name(spec.target)}
    limits = {"minReplicas": spec.autoscaler.min_replicas, "maxReplicas": spec.autoscaler.max_replicas}
    wanted |= {field: value for field, value in limits.items() if value is not None}
    if live is not None:
        if live.get("spec") == wanted:
            return None
        return {**mutable(live), "spec": wanted}
    made = owned(canary, ("autoscaling/v2", "HorizontalPodAutoscaler"), primary_name(spec.autoscaler.name))
    labels = without_toolkit(labels_of(source))
    if labels:
        made["metadata"]["labels"] = labels
    made["spec"] = wanted
    return made
