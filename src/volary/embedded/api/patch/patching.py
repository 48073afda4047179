"""PATCH in its three plain forms; apply has its own file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.apply.applying import APPLY, apply
from volary.embedded.api.apply.managed import opened
from volary.embedded.api.apply.typed import text as sorted_text
from volary.embedded.api.apply.untidy import settle
from volary.embedded.api.bodies import headed, tighten
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.encoding import JSON_ERROR, copy_of, decode, encode, read
from volary.embedded.api.errors import (
    Problem,
    bad_request,
    invalid,
    invalid_object,
    unexpected,
    unprocessable,
    unsupported_media,
)
from volary.embedded.api.patch.json_patch import PatchFailed, json_patch
from volary.embedded.api.patch.merge_patch import merge_patch
from volary.embedded.api.patch.strategic import PatchRefused, strategic_merge
from volary.embedded.api.registry import definition_names
from volary.embedded.api.store import Entry
from volary.embedded.api.text.go_order import in_order
from volary.embedded.api.text.go_text import go_text
from volary.embedded.api.validation.conform import json_kind
from volary.embedded.api.verbs.owners import drop_double_owners
from volary.embedded.api.verbs.updating import check_place, commit, find

Object = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
MOST_OPERATIONS = 10_000
METADATA = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
OPERATION_FIELDS = ("op", "path", "from", "value")


def patch(core: Core, call: Call) -> tuple[Entry, bool]:
    """Patch the object; return it, and whether it is new. Raises: Problem."""
    if call.content_type == APPLY:
        return apply(core, call)
    entry = find(core, call.type, call.namespace, call.name)
    new = patched_object(call, opened(conversion.from_storage(call.type, entry.obj)))
    written = commit(core, call.type, entry, new, call.path.subresource, call.options)
    return settle(core, call.type, entry, written, (), call.options.dry_run), False


def patched_object(call: Call, old: Object) -> Object:
    """Return a fresh object after the patch of this call, checked. Raises: Problem."""
    change, repeats = _change(call)
    new, change = patched(old, change, call)
    if not isinstance(new, dict):
        raise bad_request("the patch leaves no object")

    def shown() -> str:
        if call.content_type == STRATEGIC:
            return go_text(change)
        # The server writes the object before it patches, and what is patched in as it was sent.
        return encode(patched(_as_written(old, call.type), change, call)[0]).decode()

    _check_head(new, call, shown)
    whole = headed(new, call.type)
    kept = _untouched(old, whole, call)
    fresh: Object = copy_of({key: it for key, it in whole.items() if key not in kept})
    tighten(fresh, call.type, call.options, repeats, shown, call.content_type == STRATEGIC)
    drop_double_owners(fresh, call.options)
    check_place(call, fresh["metadata"])
    return {key: kept[key] if key in kept else fresh[key] for key in whole if key in kept or key in fresh}


def _untouched(old: Object, new: Object, call: Call) -> Object:
    """Return the parts that a write of the status takes from the stored object anyhow, if the patch left them alone.

    What is stored has been checked. A definition may have changed since.
    """
    if call.path.subresource != "status" or call.type.custom or call.type.converts:
        return {}
    return {key: it for key, it in new.items() if key not in ("metadata", "status") and it is old.get(key)}


def _as_written(obj: Object, type_: ResourceType) -> Object:
    """Return the object with its fields in the order in which the server writes them."""
    found: Object = decode(sorted_text(obj).encode()) if type_.custom else in_order(obj, type_.node)
    if not type_.custom:
        meta = obj["metadata"]
        found["metadata"] = {key: meta[key] for key in METADATA if key in meta}
    return found


def patched(old: Object, change: Any, call: Call) -> tuple[Any, Any]:
    """Return the object after the patch of this call, and what is left of the patch. Raises: Problem."""
    try:
        match call.content_type:
            case kind if kind == JSON_PATCH:
                return json_patch(old, change), change
            case kind if kind == MERGE:
                return merge_patch(old, change), change
            case kind if kind == STRATEGIC and not call.type.custom:
                return strategic_merge(old, change, call.type.node)
    except PatchFailed as error:
        raise unprocessable() from error
    except PatchRefused as error:
        refusals = {400: bad_request(str(error)), 422: unprocessable()}
        raise refusals.get(error.code) or unexpected(str(error)) from error
    raise unsupported_patch()


def _change(call: Call) -> tuple[Any, list[str]]:
    """Return the patch in the body, and the fields that it names twice. Raises: Problem."""
    try:
        change, repeats = read(call.body, "application/json")
    except Problem as error:
        raise bad_request(f"error decoding patch: {error.message.removeprefix(JSON_ERROR)}") from error
    if call.content_type == JSON_PATCH:
        return change, [f"json patch {it}" for it in check_operations(change)]
    if change is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(change, dict):
        text = f"json: cannot unmarshal {json_kind(change)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding patch: {text}")
    return change, repeats


def check_operations(change: Any) -> list[str]:
    """Refuse what is no list of operations; return what is odd in them. Raises: Problem."""
    if not isinstance(change, list):
        text = f"json: cannot unmarshal {json_kind(change)} into Go value of type []handlers.jsonPatchOp"
        raise bad_request(f"error decoding patch: {text}")
    if len(change) > MOST_OPERATIONS:
        most = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(change)}"
        raise Problem(413, "RequestEntityTooLarge", f"Request entity too large: {most}", {})
    odd: list[str] = []
    for index, operation in enumerate(change):
        if operation is None:
            continue
        if not isinstance(operation, dict):
            text = f"json: cannot unmarshal {json_kind(operation)} into Go value of type handlers.jsonPatchOp"
            raise bad_request(f"error decoding patch: {text}")
        for key in ("op", "path", "from"):
            if not isinstance(operation.get(key), str | None):
                text = f"json: cannot unmarshal {json_kind(operation[key])} into Go struct field jsonPatchOp.{key}"
                raise bad_request(f"error decoding patch: {text} of type string")
        odd += [f'unknown field "[{index}].{key}"' for key in operation if key not in OPERATION_FIELDS]
    return odd


def refuse_media(content_type: str, type_: ResourceType) -> None:
    """Refuse a patch of a kind that there is not. Raises: Problem."""
    if content_type not in accepted(type_):
        known = type_.custom or content_type == STRATEGIC
        raise unsupported_media(accepted(type_)) if known else unsupported_patch()


def unsupported_patch() -> Problem:
    return Problem(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def accepted(type_: ResourceType) -> list[str]:
    """Return the media types of patches."""
    strategic = [] if type_.custom else [STRATEGIC]
    return [JSON_PATCH, MERGE, *strategic, APPLY]


def _check_head(new: Object, call: Call, shown: Callable[[], str]) -> None:
    """Refuse a patch that makes another kind of the object; a strategic one cannot. Raises: Problem."""
    type_ = call.type
    if call.content_type == STRATEGIC:
        new["kind"], new["apiVersion"] = type_.kind.kind, type_.api_version
        return
    kind, version = new.get("kind") or type_.kind.kind, new.get("apiVersion") or type_.api_version
    if kind == type_.kind.kind and version == type_.api_version:
        return
    if type_.custom:
        raise bad_request("the API version or kind of an object cannot be changed")
    group, _, short = str(version).rpartition("/")
    if isinstance(kind, str) and (group, short, kind) in definition_names():
        text = f"converting ({short}.{kind}) to ({type_.group or 'core'}.{type_.kind.kind}): unknown conversion"
    else:
        text = f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
    raise invalid_object("", "", "", [invalid("patch", shown(), text)])
