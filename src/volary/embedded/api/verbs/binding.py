"""A pod's node: set once, by binding.

Source: Kubernetes, pkg/registry/core/pod/storage.
"""

from __future__ import annotations

from volary.embedded.api.bodies import read_body
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core, fresh
from volary.embedded.api.errors import bad_request, conflict, unexpected
from volary.embedded.api.store import Entry
from volary.embedded.api.verbs.updating import find


def bind(core: Core, type_: ResourceType, entry: Entry, node: str) -> Entry:
    """Give a pod its node. Raises: Problem, if it has one or is going."""
    meta = entry.obj["metadata"]
    why = ""
    if entry.obj["spec"].get("nodeName"):
        why = f'pod {meta["name"]} is already assigned to node "{entry.obj["spec"]["nodeName"]}"'
    elif meta.get("deletionTimestamp"):
        why = f"pod {meta['name']} is being deleted, cannot be assigned to a host"
    if why:
        raise conflict("", "pods/binding", meta["name"], why)
    new = fresh(entry.obj)
    new["spec"] = {**new["spec"], "nodeName": node}
    status = new.get("status") or {}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": core.stamp()}
    others = [it for it in status.get("conditions") or () if it.get("type") != "PodScheduled"]
    new["status"] = {**status, "conditions": [*others, scheduled]}
    return core.store.put(type_.storage, new)


def create_binding(core: Core, call: Call) -> None:
    """Carry out a POST of a pod's `binding`. Raises: Problem."""
    body, _ = read_body(call)
    parts = [body, *(body.get(it) or {} for it in ("metadata", "target"))] if isinstance(body, dict) else [body]
    if not all(isinstance(it, dict) for it in parts):
        raise bad_request("the object provided is unrecognized (must be of type Binding)")
    if (body.get("metadata") or {}).get("name") != call.name:
        raise bad_request("name in URL does not match name in Binding object")
    node = (body.get("target") or {}).get("name")
    if not node or not isinstance(node, str):
        raise unexpected("target.name: Required value")
    bind(core, call.type, find(core, call.type, call.namespace, call.name), node)
