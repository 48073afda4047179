"""`spec.service` of a Canary, from its wire form."""

from __future__ import annotations

from typing import Any

import msgspec

from volary.canary import crd
from volary.canary.crd_traffic import Part
from volary.canary.spec import Metadata, Service


def service_of(wire: crd.Service, target: str) -> Service:
    """Return the service, with the defaults that depend on the target."""
    unmanaged = wire.unmanaged_metadata or crd.UnmanagedMetadata()
    port = int(wire.port)
    # "0" is how an unset int-or-string is written by Go programs.
    target_port = port if wire.target_port in (None, 0, "0", "") else wire.target_port
    return Service(
        name=wire.name or target,
        port=port,
        port_name=wire.port_name or "http",
        target_port=port if target_port is None else target_port,
        app_protocol=wire.app_protocol,
        traffic_distribution=wire.traffic_distribution or "",
        port_discovery=wire.port_discovery,
        headless=wire.headless,
        delegation=wire.delegation,
        timeout=wire.timeout,
        gateways=tuple(wire.gateways),
        hosts=tuple(wire.hosts),
        match=tuple(plain(match) for match in wire.match),
        rewrite=rewrite_of(wire.rewrite),
        retries=plain(wire.retries),
        headers=plain(wire.headers),
        cors_policy=plain(wire.cors_policy),
        traffic_policy=plain(wire.traffic_policy),
        apex=metadata_of(wire.apex),
        primary=metadata_of(wire.primary),
        canary=metadata_of(wire.canary),
        unmanaged_labels=tuple(unmanaged.labels),
        unmanaged_annotations=tuple(unmanaged.annotations),
    )


def metadata_of(wire: crd.ServiceMetadata | None) -> Metadata | None:
    return None if wire is None else Metadata(wire.labels, wire.annotations)


def rewrite_of(wire: Part | None) -> dict[str, Any] | None:
    """Return Istio's rewrite; `type` is a word of the Gateway API only."""
    made = plain(wire)
    if made is not None:
        made.pop("type", None)
    return made or None


def plain(part: Part | None) -> Any:
    """Return a part as JSON with only what is set, or None."""
    return None if part is None else msgspec.to_builtins(part)
