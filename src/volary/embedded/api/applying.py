"""Server-side apply: PATCH with `application/apply-patch+yaml`.

Source: apiserver, endpoints/handlers/patch.go; apimachinery, util/managedfields.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.bodies import conform_metadata, headed, metadata_node
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.conform import WrongType, conform, fits
from volary.embedded.api.core import Core
from volary.embedded.api.creating import create_object
from volary.embedded.api.encoding import copy_of, decode, read, read_yaml
from volary.embedded.api.errors import Problem, bad_request, conflict, invalid_object, not_found, required, unexpected
from volary.embedded.api.field_sets import FieldSet, difference
from volary.embedded.api.go_text import go_text
from volary.embedded.api.managed import bare, managers_of, writer
from volary.embedded.api.managers import BEFORE_FIRST, Conflicts, Managers, Writer, applied, updated
from volary.embedded.api.omission import omit
from volary.embedded.api.schema import LIST, MAP, SCALAR, Node
from volary.embedded.api.store import Entry
from volary.embedded.api.typed import NotTyped, compare, field_set
from volary.embedded.api.typed import text as sorted_text
from volary.embedded.api.updating import commit

Object = dict[str, Any]

APPLY = "application/apply-patch+yaml"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(core: Core, call: Call) -> tuple[Entry, bool]:
    """Apply the body; return the object, and whether it is new. Raises: Problem."""
    type_ = call.type
    if not call.query.get("fieldManager"):
        error = required("fieldManager", "is required for apply patch")
        raise invalid_object("meta.k8s.io", "PatchOptions", "", [error])
    config = _config(call)
    entry = core.store.get(type_.storage, call.namespace, call.name)
    if entry is None and call.path.subresource:
        raise not_found(type_.group, type_.plural, call.name)
    by = writer(type_, call.options, call.path.subresource, core.stamp())
    if entry is None:
        return _create(core, call, config, by), True
    live = conversion.from_storage(type_, entry.obj)
    start = managers_of(live) or _first(type_, live, by)
    merged, found = _merge(call, bare(live), config, start, by)
    _check_place(call, config)
    merged = copy_of(merged)
    _refresh_last_applied(merged, config, call.options.manager)
    _as_go_has_it(merged, type_)
    return commit(core, type_, entry, headed(merged, type_), call.path.subresource, call.options, found), False


def _create(core: Core, call: Call, config: Object, by: Writer) -> Entry:
    type_ = call.type
    if config["metadata"].get("uid"):
        uid = config["metadata"]["uid"]
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(type_.group, type_.plural, call.name, why)
    meta = {"name": call.name} | ({"namespace": call.namespace} if type_.kind.namespaced else {})
    live: Object = {"apiVersion": type_.api_version, "kind": type_.kind.kind, "metadata": meta}
    merged, found = _merge(call, live, config, {}, by)
    _check_place(call, config)
    merged = headed(copy_of(merged), type_)
    _as_go_has_it(merged, type_)
    return create_object(core, type_, call.namespace, merged, call.options, found)


def _as_go_has_it(merged: Object, type_: ResourceType) -> None:
    """Write what was merged as it comes back from Go's types: quantities in one form, nothing that Go leaves out."""
    if type_.custom:
        conform_metadata(merged)
        omit(merged["metadata"], metadata_node())
        return
    try:
        conform(merged, type_.node)
    except WrongType as error:
        raise bad_request(f"error decoding patch: {error}") from error
    omit(merged, type_.node)


def _first(type_: ResourceType, live: Object, by: Writer) -> Managers:
    """Give what nobody owns yet to a manager of its own, so that taking it over shows."""
    empty: Object = {"kind": live["kind"], "apiVersion": live["apiVersion"], "metadata": {}}
    before = Writer(BEFORE_FIRST, by.version, by.subresource, by.now, by.reset, by.keep_only)
    return updated(empty, bare(live), type_.node, {}, before)


def _merge(call: Call, live: Object, config: Object, start: Managers, by: Writer) -> tuple[Any, Managers]:
    node = call.type.node
    try:
        return applied(live, config, node, start, by, call.options.force)
    except NotTyped as error:
        raise unexpected(f"failed to create typed patch object ({_about(call, config)}): {error}") from error
    except Conflicts as error:
        if call.options.manager == "kubectl" and not call.options.force:
            return _migrate(error, live, config, node, start, by)
        raise error.problem() from error


def _migrate(
    error: Conflicts, live: Object, config: Object, node: Node, start: Managers, by: Writer
) -> tuple[Any, Managers]:
    """Let kubectl take over what its own client-side apply had set. Raises: Problem."""
    allowed = _set_by_client(live, node)
    left = {who: rest for who, fields in error.found.items() if (rest := difference(fields, allowed))}
    if left:
        raise Conflicts(left).problem() from error
    return applied(live, config, node, start, by, force=True)


def _set_by_client(live: Object, node: Node) -> FieldSet:
    """Return the fields of the last client-side apply that still are as it set them."""
    note = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if not note:
        return {}
    try:
        last = decode(note.encode())
        if last.get("apiVersion") != live.get("apiVersion"):
            return {}
        return difference(field_set(last, node), compare(last, live, node).modified)
    except (NotTyped, Problem, AttributeError):
        return {}


def _config(call: Call) -> Object:
    """Return the configuration in the body, checked. Raises: Problem."""
    type_ = call.type
    value, repeats = read_yaml(call.body) if call.body[:1] != b"{" else _json_or_yaml(call.body)
    if not isinstance(value, dict):
        raise bad_request("error decoding YAML: the body is no object")
    if repeats:
        text = ", ".join(f'key "{it}" already set in map' for it in repeats)
        if call.options.validation == "Strict":
            raise bad_request(f"error strict decoding YAML: {text}")
        if call.options.validation == "Warn":
            call.options.warn(text)
    if value.get("kind") != type_.kind.kind or value.get("apiVersion") != type_.api_version:
        version, kind = str(value.get("apiVersion") or ""), value.get("kind") or ""
        raise bad_request(f"invalid object type: {version if '/' in version else '/' + version}, Kind={kind}")
    config = headed(value, type_)
    meta = config["metadata"]
    if isinstance(meta, dict) and meta.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    errors: list[str] = []
    _check_types(config, type_.node, "", errors)
    if errors:
        raise unexpected(f"failed to create typed patch object ({_about(call, config)}): " + _joined(errors))
    return config


def _json_or_yaml(body: bytes) -> tuple[Any, list[str]]:
    """Read a body that may be JSON, or YAML in braces."""
    try:
        return read(body, "application/json")
    except Problem:
        return read_yaml(body)


def _check_place(call: Call, config: Object) -> None:
    """Refuse a body that names another object than the URL. Raises: Problem."""
    meta = config["metadata"]
    if meta.get("name") not in (None, "", call.name):
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({call.name})")
    if meta.get("namespace") not in (None, "", call.namespace):
        where = f"({meta['namespace']}) does not match the namespace on the URL ({call.namespace})"
        raise bad_request(f"the namespace of the object {where}")


def _about(call: Call, config: Object) -> str:
    """Return the object as the errors of apply name it: by what the body says."""
    meta = config["metadata"] if isinstance(config["metadata"], dict) else {}
    version = call.type.api_version if call.type.group else f"/{call.type.api_version}"
    namespace, name = meta.get("namespace") or "", meta.get("name") or ""
    shown = [it if isinstance(it, str) else "" for it in (namespace, name)]
    return f"{shown[0]}/{shown[1]}; {version}, Kind={call.type.kind.kind}"


def _joined(errors: list[str]) -> str:
    if len(errors) == 1:
        return errors[0]
    return "errors:\n" + "\n".join(f"  {it}" for it in errors)


GO_KINDS = {
    "string": "string",
    "boolean": "boolean",
    "integer": "numeric (int or float)",
    "number": "numeric (int or float)",
}


def _check_types(value: Any, node: Node, path: str, errors: list[str]) -> None:
    """Note fields that the schema does not have, and values of another type. Required fields may be missing."""
    if value is None:
        return
    if path == ".metadata":
        node = metadata_node()
    if node.kind == MAP:
        if not isinstance(value, dict):
            errors.append(f"{path}: expected map, got {_shown(value)}")
            return
        for name, child in value.items():
            below = node.field(name)
            if below is None and not node.open:
                errors.append(f"{path}.{name}: field not declared in schema")
            else:
                _check_types(child, below or node.elem, f"{path}.{name}", errors)
    elif node.kind == LIST:
        if not isinstance(value, list):
            errors.append(f"{path}: expected list, got {_shown(value)}")
            return
        for index, item in enumerate(value):
            _check_types(item, node.elem, f"{path}[{index}]", errors)
    elif node.kind == SCALAR and node.type and not fits(value, node):
        errors.append(f"{path}: expected {GO_KINDS[node.type]}, got {_shown(value)}")


def _shown(value: Any) -> str:
    text = go_text(value)
    return f"&{{{text}}}" if isinstance(value, str) else f"&value.valueUnstructured{{Value:{text}}}"


def _refresh_last_applied(obj: Object, config: Object, manager: str) -> None:
    """Keep kubectl's annotation of client-side apply true, so that people can go back to that."""
    notes = obj["metadata"].get("annotations") or {}
    if manager == "kubectl" and notes.get(LAST_APPLIED):
        obj["metadata"]["annotations"] = {**notes, LAST_APPLIED: sorted_text(config) + "\n"}
