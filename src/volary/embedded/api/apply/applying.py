"""Server-side apply: PATCH with `application/apply-patch+yaml`.

Source: apiserver, endpoints/handlers/patch.go; apimachinery, util/managedfields.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.apply.conflicts import Conflicts
from volary.embedded.api.apply.field_sets import FieldSet, difference
from volary.embedded.api.apply.managed import bare, blank, managers_of, writer
from volary.embedded.api.apply.managers import Managers
from volary.embedded.api.apply.ownership import BEFORE_FIRST, Unconvertible, Views, Writer, applied, updated
from volary.embedded.api.apply.typed import NotTyped, compare, field_set
from volary.embedded.api.apply.typed import text as sorted_text
from volary.embedded.api.apply.typed_errors import joined, typed_errors
from volary.embedded.api.apply.untidy import empties, settle
from volary.embedded.api.apply.versions import views_of
from volary.embedded.api.auth.access import demand_creation
from volary.embedded.api.bodies import conform_metadata, headed, metadata_node
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.defaults.omission import omit
from volary.embedded.api.encoding import copy_of, decode, read, read_yaml
from volary.embedded.api.errors import Problem, bad_request, conflict, not_found, unexpected
from volary.embedded.api.schema import Node
from volary.embedded.api.store import Entry
from volary.embedded.api.validation.conform import WrongType, conform
from volary.embedded.api.verbs.creating import create_object
from volary.embedded.api.verbs.updating import check_place, commit

Object = dict[str, Any]

APPLY = "application/apply-patch+yaml"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(core: Core, call: Call) -> tuple[Entry, bool]:
    """Apply the body; return the object, and whether it is new. Raises: Problem."""
    type_ = call.type
    entry = core.store.get(type_.storage, call.namespace, call.name)
    if entry is None and call.path.subresource:
        raise not_found(type_.group, type_.plural, call.name)
    config = config_in(call)
    by = writer(type_, call.options, call.path.subresource, core.stamp())
    if entry is None:
        return _create(core, call, config, by), True
    live = conversion.from_storage(type_, entry.obj)
    views = views_of(core.catalog, type_, call.path.subresource)
    merged, found = apply_to(call, bare(live), managers_of(live), views, by, config)
    # A write of the status begins with the metadata as it was read, so it leaves nothing behind.
    left = () if call.path.subresource else empties(config, merged)
    written = commit(core, type_, entry, merged, call.path.subresource, call.options, found)
    return settle(core, type_, entry, written, left, call.options.dry_run), False


def apply_to(
    call: Call, live: Object, managers: Managers, views: Views, by: Writer, config: Object | None = None
) -> tuple[Object, Managers]:
    """Return a fresh object with the body applied to `live`, and its managers. Raises: Problem."""
    config = config_in(call) if config is None else config
    start = managers or _first(call.type, live, views, by)
    merged, found = _merge(call, live, config, views, start, by)
    check_place(call, merged.get("metadata") or {})
    merged = copy_of(merged)
    _refresh_last_applied(merged, config, call.options.manager)
    _as_go_has_it(merged, call.type)
    return headed(merged, call.type), found


def _create(core: Core, call: Call, config: Object, by: Writer) -> Entry:
    type_ = call.type
    if config["metadata"].get("uid"):
        uid = config["metadata"]["uid"]
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(type_.group, type_.plural, call.name, why)
    live: Object = {"apiVersion": type_.api_version, "kind": type_.kind.kind, "metadata": {}}
    merged, found = _merge(call, live, config, views_of(core.catalog, type_, ""), {}, by)
    check_place(call, merged.get("metadata") or {})
    merged = headed(copy_of(merged), type_)
    _as_go_has_it(merged, type_)
    demand_creation(core, call)
    left = empties(config, merged)
    created = create_object(core, type_, call.namespace, merged, call.options, found, by_client=True)
    return settle(core, type_, None, created, left, call.options.dry_run)


def _as_go_has_it(merged: Object, type_: ResourceType) -> None:
    """Write what was merged as it comes back from Go's types: quantities in one form, nothing that Go leaves out."""
    if type_.custom:
        if merged.get("status", merged) is None:  # said with null it is taken away
            del merged["status"]
        conform_metadata(merged)
        omit(merged["metadata"], metadata_node())
        return
    try:
        conform(merged, type_.node)
    except WrongType as error:
        raise bad_request(f"error decoding patch: {error}") from error
    omit(merged, type_.node)


def _first(type_: ResourceType, live: Object, views: Views, by: Writer) -> Managers:
    """Give what nobody owns yet to a manager of its own, so that taking it over shows."""
    return updated(blank(type_), bare(live), views, {}, replace(by, manager=BEFORE_FIRST))


def _merge(call: Call, live: Object, config: Object, views: Views, start: Managers, by: Writer) -> tuple[Any, Managers]:
    try:
        return applied(live, config, views, start, by, call.options.force)[:2]
    except Unconvertible as error:
        raise unexpected(str(error)) from error
    except NotTyped as error:
        raise unexpected(f"failed to create typed patch object ({_about(call, config)}): {error}") from error
    except Conflicts as error:
        if call.options.manager != "kubectl" or call.options.force:
            raise error.problem() from error
        # kubectl takes over what its own client-side apply had set.
        allowed = _set_by_client(live, call.type.node)
        left = {who: rest for who, fields in error.found.items() if (rest := difference(fields, allowed))}
        if left:
            raise Conflicts(left).problem() from error
    return applied(live, config, views, start, by, force=True)[:2]


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


def config_in(call: Call) -> Object:
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
    if errors := typed_errors(config, type_.node, duplicates=False):
        raise unexpected(f"failed to create typed patch object ({_about(call, config)}): " + joined(errors))
    return config


def _json_or_yaml(body: bytes) -> tuple[Any, list[str]]:
    """Read a body that may be JSON, or YAML in braces."""
    try:
        return read(body, "application/json")
    except Problem:
        return read_yaml(body)


def _about(call: Call, config: Object) -> str:
    """Return the object as the errors of apply name it: by what the body says."""
    version = call.type.api_version if call.type.group else f"/{call.type.api_version}"
    return f"{named(config)}; {version}, Kind={call.type.kind.kind}"


def named(config: Object) -> str:
    """Return the namespace and name that a body gives itself."""
    meta = config.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    namespace, name = (it if isinstance(it := meta.get(key), str) else "" for key in ("namespace", "name"))
    return f"{namespace}/{name}"


def _refresh_last_applied(obj: Object, config: Object, manager: str) -> None:
    """Keep kubectl's annotation of client-side apply true, so that people can go back to that."""
    notes = obj["metadata"].get("annotations") or {}
    if manager == "kubectl" and notes.get(LAST_APPLIED):
        obj["metadata"]["annotations"] = {**notes, LAST_APPLIED: sorted_text(config) + "\n"}
