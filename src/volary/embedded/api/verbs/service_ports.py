"""From a service and a port, as a proxied request names them, to the pods behind: their (address, port) in the API.

Source: kube-apiserver pkg/registry/core/service/storage, ResourceLocation (rules and texts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.answers import Proxy
from volary.embedded.api.errors import Problem, not_found
from volary.embedded.api.local import Local

Object = Mapping[str, Any]
SLICE_OF = "kubernetes.io/service-name"


def split_target(text: str) -> tuple[str, str, str] | None:
    """Return (scheme, service, port) of SERVICE, SERVICE:PORT or SCHEME:SERVICE:PORT; None if it is none of these."""
    parts = text.split(":")
    if len(parts) == 1:
        parts = ["", parts[0], ""]
    elif len(parts) == 2:
        parts = ["", *parts]
    if len(parts) != 3 or parts[0] not in ("", "http", "https") or not parts[1]:
        return None
    return parts[0] or "http", parts[1], parts[2]


def endpoints_of(api: Local, target: Proxy) -> list[tuple[str, int]]:
    """Return where the service's ready pods listen. Raises: Problem 404, 503."""
    service = api.get("/services", target.namespace, target.service)
    if service is None:
        raise not_found("", "services", target.service)
    name = port_name(service, target)
    found: list[tuple[str, int]] = []
    for it in api.items("discovery.k8s.io/endpointslices", target.namespace):
        if (it["metadata"].get("labels") or {}).get(SLICE_OF) == target.service:
            ports = [port["port"] for port in it.get("ports") or () if (port.get("name") or "") == name]
            found += [(address, port) for address in ready_addresses(it) for port in ports]
    if not found:
        raise unavailable(f'no endpoints available for service "{target.service}"')
    return found


def port_name(service: Object, target: Proxy) -> str:
    """Return the name of the port that a name or number stands for. Raises: Problem 503."""
    ports: list[Object] = (service.get("spec") or {}).get("ports") or []
    if not target.port.isdigit():
        return target.port or (str(ports[0].get("name") or "") if len(ports) == 1 else "")
    for port in ports:
        if port.get("port") == int(target.port):
            return str(port.get("name") or "")
    raise unavailable(f'no service port {target.port} found for service "{target.service}"')


def ready_addresses(endpoint_slice: Object) -> list[str]:
    """Return the addresses of endpoints that are ready; one that does not say counts as ready."""
    return [
        str(address)
        for endpoint in endpoint_slice.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True) is not False
        for address in endpoint.get("addresses") or ()
    ]


def unavailable(message: str) -> Problem:
    return Problem(503, "ServiceUnavailable", message)
