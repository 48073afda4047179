"""The routing objects of a canary: what its VirtualService and DestinationRules ought to be. Pure."""

from __future__ import annotations

import msgspec

from volary.canary.objects import LEAVE_ALONE, owned
from volary.canary.spec import Metadata, Spec
from volary.kube.objects import NewObject, Object, annotations_of, controlled_by, dig, mutable, uid_of
from volary.providers.routers.istio import HttpRoute, Istio, destination_rule
from volary.providers.split import Split

ORIGINAL = "flagger.kubernetes.io/original-configuration"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def split_of(spec: Spec) -> Split:
    name = spec.service.name
    return Split(name, f"{name}-primary", f"{name}-canary")


def route_of(spec: Spec) -> HttpRoute:
    wanted = spec.service
    return HttpRoute(
        port=wanted.port,
        gateways=wanted.gateways,
        hosts=wanted.hosts,
        delegation=wanted.delegation,
        port_discovery=wanted.port_discovery,
        match=wanted.match,
        rewrite=wanted.rewrite,
        timeout=wanted.timeout,
        retries=wanted.retries,
        cors_policy=wanted.cors_policy,
        headers=wanted.headers,
    )


def virtual_service(
    canary: Object, spec: Spec, label: str, live: Object | None, percent: int, router: Istio
) -> NewObject | None:
    """Return the VirtualService with `percent` on the canary, or None if it is as it should be."""
    wanted = router.spec(route_of(spec), split_of(spec), percent)
    extra = spec.service.apex or Metadata()
    labels = {**extra.labels, label: spec.service.name} if spec.service.apex is not None else {}
    annotations = {**extra.annotations, **LEAVE_ALONE}
    if live is None:
        made = owned(canary, (router.resource.api_version, router.resource.kind), spec.service.name)
        made["metadata"]["annotations"] = annotations
        if labels:
            made["metadata"]["labels"] = labels
        return {**made, "spec": wanted}
    made = mutable(live)
    kept = annotations_of(live)
    if not controlled_by(live, uid_of(canary)) and ORIGINAL not in kept and LAST_APPLIED not in kept:
        # Somebody made it before there was a Canary: what it was is kept, once.
        annotations[ORIGINAL] = msgspec.json.encode(live.get("spec") or {}).decode()
    made["metadata"]["annotations"] = {**kept, **annotations}
    if labels:
        made["metadata"]["labels"] = {**(made["metadata"].get("labels") or {}), **labels}
    made["spec"] = wanted
    return None if made == live else made


def destination_rule_object(canary: Object, spec: Spec, host: str, live: Object | None) -> NewObject | None:
    """Return the DestinationRule of one side, or None if it is as it should be."""
    wanted = destination_rule(host, spec.service.traffic_policy)
    if live is not None:
        return None if dig(live, "spec") == wanted else {**mutable(live), "spec": wanted}
    made = owned(canary, ("networking.istio.io/v1beta1", "DestinationRule"), host)
    return {**made, "spec": wanted}
