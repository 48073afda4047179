"""Ports of the nodes that Services are reached at: given out in order, kept on updates, never twice.

Source: Kubernetes, pkg/registry/core/service/storage/alloc.go.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api.errors import FieldError, internal, invalid
from volary.embedded.api.store import Store
from volary.embedded.api.validation.services import health_checked

Object = dict[str, Any]

NODE_PORTS = range(30000, 32768)
TAKEN = "provided port is already allocated"
OUTSIDE = (
    f"provided port is not in the valid range. The range of valid ports is {NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
)


def give_node_ports(store: Store, obj: Object, before: Object, dry_run: bool = False) -> list[FieldError]:
    """Give a Service the ports that it lacks; return why a wanted one is not to be had. Raises: Problem.

    A dry run asks only whether somebody has a port, not whether it is one to give.
    """
    spec = obj["spec"]
    taken = _taken(store, obj["metadata"])
    own = {it.get("nodePort") for it in before.get("ports") or ()}
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        error = _ports(spec, taken, own, dry_run)
        if error is not None:
            return [error]
    if health_checked(spec):
        number = spec.get("healthCheckNodePort")
        if number and number != before.get("healthCheckNodePort") and (text := _refusal(number, taken, dry_run)):
            raise internal(f"failed to allocate requested HealthCheck NodePort {number}: {text}")
        spec["healthCheckNodePort"] = number or _free(taken)
    return []


def _ports(spec: Object, taken: set[int], own: set[int], dry_run: bool) -> FieldError | None:
    ports = spec.get("ports") or ()
    given: dict[int, int] = {}
    allocate = spec.get("type") == "NodePort" or spec.get("allocateLoadBalancerNodePorts") is not False
    for index, it in enumerate(ports):
        number, port = it.get("nodePort") or 0, it.get("port") or 0
        if not number and not allocate:
            continue
        # Ports of one number (of several protocols) share a port of the node.
        wanted = (
            number
            or given.get(port)
            or next((o["nodePort"] for o in ports if o.get("port") == port and o.get("nodePort")), 0)
        )
        if wanted and wanted not in own and wanted != given.get(port) and (text := _refusal(wanted, taken, dry_run)):
            return invalid(f"spec.ports[{index}].nodePort", wanted, text)
        it["nodePort"] = wanted or _free(taken)
        taken.add(it["nodePort"])
        given.setdefault(port, it["nodePort"])
    return None


def _refusal(number: int, taken: set[int], dry_run: bool) -> str:
    if number not in NODE_PORTS and not dry_run:
        return OUTSIDE
    return TAKEN if number in taken else ""


def _free(taken: set[int]) -> int:
    return next(it for it in NODE_PORTS if it not in taken)


def _taken(store: Store, meta: Object) -> set[int]:
    """Return the ports of all other Services."""
    found: set[int] = set()
    for entry in store.items("/services"):
        if entry.key != (meta.get("namespace", ""), meta["name"]):
            spec = entry.obj["spec"]
            found |= {it["nodePort"] for it in spec.get("ports") or () if it.get("nodePort")}
            found |= {spec["healthCheckNodePort"]} if spec.get("healthCheckNodePort") else set()
    return found


def keep_node_ports(spec: Object, before: Object) -> None:
    """Put in the ports that were given out before, found by the names of their ports."""
    used = _used(spec) & _used(before)
    known = {it.get("name") or "": it.get("nodePort") for it in before.get("ports") or ()}
    for it in spec.get("ports") or ():
        kept = known.get(it.get("name") or "")
        if not it.get("nodePort") and kept and kept not in used:
            it["nodePort"] = kept


def release_node_ports(spec: Object, before: Object) -> None:
    """Take out ports that came along from when the Service had some; others stay, to be refused."""
    if _used(spec) <= _used(before):
        for it in spec.get("ports") or ():
            it.pop("nodePort", None)


def _used(spec: Object) -> set[int]:
    return {it["nodePort"] for it in spec.get("ports") or () if it.get("nodePort")}
