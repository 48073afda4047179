"""Fields that a cluster with no feature gate set drops: they are in the schema, and nothing comes of them.

Source: the strategies' dropDisabledFields in pkg/registry and pkg/api/pod/util.go; the gates' defaults in
pkg/features/kube_features.go, Kubernetes 1.36.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
TEMPLATES = frozenset({"apps/daemonsets", "apps/deployments", "apps/replicasets", "apps/statefulsets", "batch/jobs"})


def drop_disabled(resource: str, obj: Object, old: Object | None) -> None:
    """Take out of a fresh object what is not enabled, unless it was there before."""
    spec = obj.get("spec") or {}
    before = (old or {}).get("spec") or {}
    if resource == "coordination.k8s.io/leases":
        for field in ("strategy", "preferredHolder"):
            if field not in before:
                spec.pop(field, None)
    elif resource == "discovery.k8s.io/endpointslices":
        if old is None or old.get("endpoints") != obj.get("endpoints"):
            for it in obj.get("endpoints") or ():
                it.pop("deprecatedTopology", None)
    elif resource == "/nodes":
        if "configSource" not in before:
            spec.pop("configSource", None)
    elif resource == "/pods":
        _drop_of_pod(spec, before)
    elif resource in TEMPLATES:
        _drop_of_pod((spec.get("template") or {}).get("spec") or {}, (before.get("template") or {}).get("spec") or {})


def _drop_of_pod(spec: Object, before: Object) -> None:
    for kind in ("clusterTrustBundle", "podCertificate"):
        if not any(kind in it for it in _projections(before)):
            for it in _projections(spec):
                it.pop(kind, None)
    if "schedulingGroup" not in before:
        spec.pop("schedulingGroup", None)
    if not any("stopSignal" in (it.get("lifecycle") or {}) for it in _containers(before)):
        for it in _containers(spec):
            (it.get("lifecycle") or {}).pop("stopSignal", None)


def _projections(spec: Object) -> list[Object]:
    return [it for volume in spec.get("volumes") or () for it in (volume.get("projected") or {}).get("sources") or ()]


def _containers(spec: Object) -> list[Object]:
    return [it for kind in ("initContainers", "containers", "ephemeralContainers") for it in spec.get(kind) or ()]
