"""PATCH in its three plain forms; apply has its own file."""

from __future__ import annotations

from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.applying import APPLY, apply
from volary.embedded.api.bodies import headed, tighten
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.conform import json_kind
from volary.embedded.api.core import Core
from volary.embedded.api.encoding import JSON_ERROR, copy_of, encode, read
from volary.embedded.api.errors import (
    Problem,
    bad_request,
    forbidden_field,
    invalid_object,
    unexpected,
    unprocessable,
    unsupported_media,
)
from volary.embedded.api.go_text import go_text
from volary.embedded.api.json_patch import NotAPatch, PatchFailed, json_patch
from volary.embedded.api.managed import opened
from volary.embedded.api.merge_patch import merge_patch
from volary.embedded.api.schema import Node
from volary.embedded.api.store import Entry
from volary.embedded.api.strategic import PatchRefused, strategic_merge
from volary.embedded.api.updating import commit, find

Object = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
MOST_OPERATIONS = 10_000


def patch(core: Core, call: Call) -> tuple[Entry, bool]:
    """Patch the object; return it, and whether it is new. Raises: Problem."""
    if call.content_type == APPLY:
        return apply(core, call)
    if "force" in call.query:
        error = forbidden_field("force", "may not be specified for non-apply patch")
        raise invalid_object("meta.k8s.io", "PatchOptions", "", [error])
    if call.content_type not in accepted(call.type):
        known = call.content_type == STRATEGIC
        raise unsupported_media(accepted(call.type)) if known else unsupported_patch()
    entry = find(core, call.type, call.namespace, call.name)
    new = patched_object(call, opened(conversion.from_storage(call.type, entry.obj)))
    return commit(core, call.type, entry, new, call.path.subresource, call.options), False


def patched_object(call: Call, old: Object) -> Object:
    """Return a fresh object after the patch of this call, checked. Raises: Problem."""
    change, repeats = _change(call.body)
    new = patched(old, change, call, call.type.node)
    if not isinstance(new, dict):
        raise bad_request("the patch leaves no object")
    _check_head(new, call.type, call.name)
    new = headed(new, call.type)
    shown = encode(new).decode() if call.content_type != STRATEGIC else go_text(change)
    tighten(new, call.type, call.options, repeats, shown)
    return new


def patched(old: Object, change: Any, call: Call, node: Node) -> Any:
    """Return a fresh object after the patch of this call. Raises: Problem."""
    kind = call.content_type
    if kind == JSON_PATCH:
        try:
            return json_patch(old, change)
        except NotAPatch as error:
            kind_name = "object" if isinstance(change, dict) else json_kind(change)
            text = f"json: cannot unmarshal {kind_name} into Go value of type []handlers.jsonPatchOp"
            raise bad_request(f"error decoding patch: {text}") from error
        except PatchFailed as error:
            raise unprocessable() from error
    if kind == MERGE:
        if not isinstance(change, dict):
            raise _no_map(change)
        return copy_of(merge_patch(old, change))
    if kind == STRATEGIC and not call.type.custom:
        if not isinstance(change, dict):
            raise _no_map(change)
        try:
            return copy_of(strategic_merge(old, change, node))
        except PatchRefused as error:
            raise unexpected(str(error)) from error
    raise unsupported_patch()


def _no_map(change: Any) -> Problem:
    text = f"json: cannot unmarshal {json_kind(change)} into Go value of type map[string]interface {{}}"
    return bad_request(f"error decoding patch: {text}")


def _change(body: bytes) -> tuple[Any, list[str]]:
    try:
        return read(body, "application/json")
    except Problem as error:
        raise bad_request(f"error decoding patch: {error.message.removeprefix(JSON_ERROR)}") from error


def unsupported_patch() -> Problem:
    return Problem(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def accepted(type_: ResourceType) -> list[str]:
    """Return the media types of patches."""
    strategic = [] if type_.custom else [STRATEGIC]
    return [JSON_PATCH, MERGE, *strategic, APPLY]


def _check_head(new: Object, type_: ResourceType, name: str) -> None:
    meta = new.get("metadata")
    if not isinstance(meta, dict):
        raise bad_request("the patch leaves no metadata")
    if (
        new.get("kind", type_.kind.kind) != type_.kind.kind
        or new.get("apiVersion", type_.api_version) != type_.api_version
    ):
        raise bad_request("the API version or kind of an object cannot be changed")
    if meta.get("name") != name:
        raise bad_request(
            f"the name of the object ({meta.get('name') or ''}) does not match the name on the URL ({name})"
        )
