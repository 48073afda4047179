"""The `scale` subresource: a small view of a workload, written back into it.

Source: Kubernetes, pkg/registry/apps/*/storage; apiextensions-apiserver, registry/customresource.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.bodies import read_body
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.conform import WrongType, conform
from volary.embedded.api.core import Core
from volary.embedded.api.encoding import copy_of, read
from volary.embedded.api.errors import bad_request, internal, invalid, invalid_object, unsupported_media
from volary.embedded.api.managed import opened
from volary.embedded.api.patching import JSON_PATCH, MERGE, STRATEGIC, patched
from volary.embedded.api.preparing import scale_node
from volary.embedded.api.selectors import selector_text
from volary.embedded.api.store import Entry
from volary.embedded.api.updating import commit, find

Object = dict[str, Any]

KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
SPEC, STATUS = (".spec.replicas", ".status.replicas")


def scale_of(type_: ResourceType, obj: Object, strict: bool = False) -> Object:
    """Return the scale of an object; `strict`: which must say its replicas. Raises: Problem."""
    paths = _paths(type_)
    meta = obj["metadata"]
    kept = {
        key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta
    }
    replicas = _at(obj, paths.get("specReplicasPath", SPEC))
    if strict and type_.custom and replicas is None:
        raise internal(f"the spec replicas field {paths.get('specReplicasPath')!r} does not exist")
    status: Object = {"replicas": _at(obj, paths.get("statusReplicasPath", STATUS)) or 0}
    if selector := _selector(type_, obj, paths):
        status["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept, "spec": spec, "status": status}


def _paths(type_: ResourceType) -> dict[str, str]:
    found: dict[str, str] = ((type_.version.get("subresources") or {}).get("scale") or {}) if type_.custom else {}
    return found


def _selector(type_: ResourceType, obj: Object, paths: dict[str, str]) -> str:
    if type_.custom:
        return str(_at(obj, paths["labelSelectorPath"]) or "") if paths.get("labelSelectorPath") else ""
    selector = (obj.get("spec") or {}).get("selector") or {}
    if type_.storage == "/replicationcontrollers":
        selector = {"matchLabels": selector}
    return selector_text(selector)


def _at(obj: Object, path: str) -> Any:
    value: Any = obj
    for step in path.strip(".").split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def put_scale(core: Core, call: Call) -> Object:
    """Replace the scale by the body. Raises: Problem."""
    body, _ = read_body(call)
    if not isinstance(body, dict):
        raise bad_request("the object provided is unrecognized (must be of type Scale)")
    return _write(core, call, find(core, call.type, call.namespace, call.name), body)


def patch_scale(core: Core, call: Call) -> Object:
    """Patch the scale. Raises: Problem."""
    entry = find(core, call.type, call.namespace, call.name)
    current = scale_of(call.type, opened(entry.obj))
    change, _ = read(call.body, "application/yaml" if "yaml" in call.content_type else "application/json")
    if call.content_type == "application/apply-patch+yaml":
        changed = {**current, "spec": {**current["spec"], **((change or {}).get("spec") or {})}}
    elif call.content_type in (JSON_PATCH, MERGE, STRATEGIC):
        kind = MERGE if call.content_type == STRATEGIC else call.content_type
        changed = patched(current, change, _with_type(call, kind), scale_node())
    else:
        raise unsupported_media([JSON_PATCH, MERGE, STRATEGIC])
    return _write(core, call, entry, changed)


def _with_type(call: Call, kind: str) -> Call:
    headers = {**call.headers, "content-type": kind}
    return Call(call.method, call.path, call.type, call.query, headers, call.body, call.options)


def _conform(call: Call, scale: Object) -> None:
    """Take out of a scale what it cannot have. Raises: Problem."""
    try:
        unknown = conform(scale, scale_node())
    except WrongType as error:
        raise bad_request(f'Scale in version "v1" cannot be handled as a Scale: {error}') from error
    texts = [f'unknown field "{it}"' for it in unknown]
    if texts and call.options.validation == "Strict":
        reason = "strict decoding error: " + ", ".join(texts)
        raise bad_request(f'Scale in version "v1" cannot be handled as a Scale: {reason}')
    if call.options.validation == "Warn":
        for text in texts:
            call.options.warn(text)


def _write(core: Core, call: Call, entry: Entry, scale: Object) -> Object:
    _conform(call, scale)
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request(f"the replicas of a scale are a whole number, not {replicas}")
    if replicas < 0 and not call.type.custom:
        error = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid_object("autoscaling", "Scale", call.name, [error])
    new = copy_of(conversion.from_storage(call.type, entry.obj))
    steps = _paths(call.type).get("specReplicasPath", SPEC).strip(".").split(".")
    place = new
    for step in steps[:-1]:
        place = place.setdefault(step, {})
    place[steps[-1]] = replicas
    meta = scale.get("metadata") or {}
    for key in ("resourceVersion", "uid"):
        if meta.get(key):
            new["metadata"][key] = meta[key]
    written = commit(core, call.type, entry, new, "scale", call.options)
    return scale_of(call.type, written.obj)
