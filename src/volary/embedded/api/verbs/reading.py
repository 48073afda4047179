"""GET of one object and of lists: selectors, pages, and the forms that clients ask for.

Pages come from one consistent moment: the first page keeps what it saw (entries are immutable, so that is only a list
of references) under the token that it hands out.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.api import conversion, field_selectors, selectors
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.encoding import JSON_ERROR, decode, encode
from volary.embedded.api.errors import (
    Problem,
    bad_request,
    expired,
    forbidden_field,
    invalid_object,
    unexpected,
    unsupported,
)
from volary.embedded.api.serving import table
from volary.embedded.api.serving.negotiating import YAML, form_of
from volary.embedded.api.store import Entry
from volary.embedded.api.verbs.updating import find
from volary.kube.transport import Response

Object = dict[str, Any]

JSON = {"content-type": "application/json"}
TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You must start a new list without "
    "the continue parameter."
)
SNAPSHOTS = 64  # lists that clients are in the middle of; an older one answers 410


@dataclass(slots=True)
class Snapshots:
    """What the first page of a list saw, for the pages after it."""

    kept: OrderedDict[str, tuple[int, list[Entry]]] = field(default_factory=OrderedDict)

    def keep(self, key: str, version: int, entries: list[Entry]) -> None:
        self.kept[key] = (version, entries)
        while len(self.kept) > SNAPSHOTS:
            self.kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects a list or a watch is about."""

    namespace: str
    labels: tuple[selectors.Requirement, ...]
    fields: tuple[field_selectors.Test, ...]

    @property
    def all(self) -> bool:
        return not (self.labels or self.fields)

    def matches(self, obj: Object) -> bool:
        meta = obj["metadata"]
        if self.namespace and meta.get("namespace") != self.namespace:
            return False
        if self.labels and not selectors.matches(self.labels, meta.get("labels") or {}):
            return False
        return not self.fields or field_selectors.matches(self.fields, obj)


def filter_of(call: Call) -> Filter:
    """Return the filter of a request. Raises: Problem."""
    for name in ("timeoutSeconds", "limit"):
        number(call.query, name)
    chosen = selectors.parse(call.query.get("labelSelector", ""))
    fields = call.query.get("fieldSelector", "")
    type_ = call.type
    tests = field_selectors.parse(fields, type_.storage, type_.selectable, type_.custom) if fields else ()
    if call.name:
        tests = (*tests, (("metadata", "name"), True, call.name))
    return Filter(call.namespace, chosen, tests)


def raw_of(type_: ResourceType, entry: Entry) -> bytes:
    """Return an object's bytes in this type's version."""
    if entry.obj.get("apiVersion") == type_.api_version:
        return entry.raw
    return encode(conversion.from_storage(type_, entry.obj))


def obj_of(type_: ResourceType, entry: Entry) -> Object:
    return conversion.from_storage(type_, entry.obj)


def item_of(type_: ResourceType, entry: Entry) -> bytes:
    """Return an object's bytes as an item of a list: built-ins without kind and apiVersion."""
    raw = raw_of(type_, entry)
    prefix = type_.prefix
    return b"{" + raw[len(prefix) :] if not type_.custom and raw.startswith(prefix) else raw


def get(core: Core, call: Call) -> Response:
    """Return one object. Raises: Problem."""
    if "export" in call.query:
        raise bad_request("the export parameter, deprecated since v1.14, is no longer supported")
    text = call.query.get("resourceVersion") or "0"
    if not text.isdigit():
        why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise unexpected(f'resourceVersion: Invalid value: "{text}": {why}')
    return shown(core, call, find(core, call.type, call.namespace, call.name))


def shown(core: Core, call: Call, entry: Entry, status: int = 200) -> Response:
    """Return one object in the form that the client asked for."""
    form = form_of(call.accept)
    if form == "Table":
        obj = obj_of(call.type, entry)
        return Response(status, JSON, encode(in_version(call, render(core, call, [obj], obj["metadata"]))))
    if form == "PartialObjectMetadata":
        return Response(status, JSON, encode(in_version(call, partial(entry.obj))))
    if form == "PartialObjectMetadataList":
        raise other_form(form, f"is not a list ({go_type(call.type)})")
    return Response(status, JSON, raw_of(call.type, entry))


def other_form(form: str, why: str) -> Problem:
    return Problem(406, "NotAcceptable", f"you requested {form}, but the requested object {why}")


def go_type(type_: ResourceType) -> str:
    """Return what the server's own language calls objects of this type; the server tells clients."""
    if type_.custom:
        return "*unstructured.Unstructured"
    group = "" if type_.storage == "/events" else type_.group
    return f"*{group.partition('.')[0] or 'core'}.{type_.kind.kind}"


def in_yaml(answer: Response) -> Response:
    """Return an answer for a client that wants YAML, whatever it says."""
    if not answer.body or answer.headers.get("content-type") != JSON["content-type"]:
        return answer
    return Response(answer.status, {**answer.headers, "content-type": YAML}, as_yaml(answer.body))


def as_yaml(raw: bytes) -> bytes:
    """Return JSON bytes as YAML, keys sorted."""
    from volary.embedded.api.text import go_yaml

    return go_yaml.write_yaml(decode(raw))


def partial(obj: Object) -> Object:
    """Return only the metadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def in_version(call: Call, answer: Object) -> Object:
    """Return a table or a partial object in the version that the client asked for."""
    if "v=v1beta1" not in call.accept:
        return answer
    version = {"apiVersion": "meta.k8s.io/v1beta1"}
    found = {**answer, **version}
    for part in ("items", "rows"):
        if found.get(part):  # no rows may be null
            found[part] = [_in_beta(it, version) for it in found[part]]
    return found


def _in_beta(part: Object, version: Object) -> Object:
    if "cells" in part:
        return {**part, "object": _in_beta(part["object"], version)} if part.get("object") else part
    return {**part, **version} if part.get("kind") == "PartialObjectMetadata" else part


def render(core: Core, call: Call, objects: Iterable[Object], metadata: Object) -> Object:
    """Return a Table of these objects."""
    printer = (call.type.version.get("additionalPrinterColumns") or []) if call.type.custom else None
    include = call.query.get("includeObject") or "Metadata"
    return table.render(call.type.kind, objects, metadata, core.now(), include, printer)


def list_objects(core: Core, snapshots: Snapshots, call: Call) -> Response:
    """Return a list, or a page of one. Raises: Problem."""
    limit = number(call.query, "limit")
    number(call.query, "timeoutSeconds")
    selectors.parse(call.query.get("labelSelector", ""))
    field_selectors.terms(call.query.get("fieldSelector", ""))
    check_match(call)
    which = filter_of(call)
    version, entries, start = _begin(core, snapshots, call, which)
    if call.query.get("resourceVersion") == "0" and not call.query.get("continue"):
        limit = 0  # a list of any version comes from the server's memory, as a whole
    page = entries[start : start + limit] if limit else entries[start:]
    meta: Object = {"resourceVersion": str(version)}
    left = len(entries) - start - len(page)
    if left:
        meta["continue"] = _token(snapshots, version, entries, start + len(page))
        if which.all:
            meta["remainingItemCount"] = left
    return _answer(core, call, page, meta)


def number(query: Any, name: str) -> int:
    """Return a count in the query. Raises: Problem."""
    text = query.get(name) or "0"
    try:
        return max(0, int(text))
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _begin(core: Core, snapshots: Snapshots, call: Call, which: Filter) -> tuple[int, list[Entry], int]:
    """Return (version, all entries of the list, where this page starts). Raises: Problem."""
    token = call.query.get("continue")
    if token:
        if call.query.get("resourceVersion") not in (None, "", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        return _resume(snapshots, token)
    _check_version(core, call)
    entries = core.store.items(call.type.storage, which.namespace or None)
    if not which.all:
        entries = [it for it in entries if which.matches(obj_of(call.type, it) if call.type.converts else it.obj)]
    return core.store.version, entries, 0


MATCHES = ("Exact", "NotOlderThan", "")


def check_match(call: Call) -> None:
    """Refuse a resourceVersionMatch that says nothing. Raises: Problem."""
    match, version = call.query.get("resourceVersionMatch"), call.query.get("resourceVersion")
    errors = []
    if match and not version:
        detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        errors.append(forbidden_field("resourceVersionMatch", detail))
    if match and call.query.get("continue"):
        detail = "resourceVersionMatch is forbidden when continue is provided"
        errors.append(forbidden_field("resourceVersionMatch", detail))
    if match and match not in MATCHES:
        errors.append(unsupported("resourceVersionMatch", match, MATCHES))
    elif match == "Exact" and version == "0":
        detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        errors.append(forbidden_field("resourceVersionMatch", detail))
    if "sendInitialEvents" in call.query and not call.flag("watch"):
        errors.append(forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if errors:
        raise invalid_object("meta.k8s.io", "ListOptions", "", errors)


def _check_version(core: Core, call: Call) -> None:
    """Refuse a version that is not there yet or no longer. Raises: Problem."""
    text = call.query.get("resourceVersion") or "0"
    if not text.isdigit():
        detail = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: {detail}")
    asked = int(text)
    if asked > core.store.version:
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        message = f"Timeout: Too large resource version: {asked}, current: {core.store.version}"
        raise Problem(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})
    if call.query.get("resourceVersionMatch") == "Exact" and asked not in (0, core.store.version):
        raise expired(f"The resourceVersion for the provided list is too old: {asked}")


def _token(snapshots: Snapshots, version: int, entries: list[Entry], start: int) -> str:
    key = f"{version}.{id(entries)}"
    snapshots.keep(key, version, entries)
    return urlsafe_b64encode(encode({"v": "meta.k8s.io/v1", "rv": version, "key": key, "start": start})).decode()


def _resume(snapshots: Snapshots, token: str) -> tuple[int, list[Entry], int]:
    try:
        found = decode(urlsafe_b64decode(token))
        key, start = str(found["key"]), int(found["start"])
    except (Problem, ValueError, KeyError, TypeError) as error:
        raise bad_request(
            f"invalid continue token: continue key is not valid: {str(error).removeprefix(JSON_ERROR)}"
        ) from error
    if key not in snapshots.kept:
        raise expired(TOO_OLD)
    version, entries = snapshots.kept[key]
    return version, entries, start


def _answer(core: Core, call: Call, page: Sequence[Entry], meta: Object) -> Response:
    type_ = call.type
    form = form_of(call.accept)
    if form == "Table":
        return Response(
            200, JSON, encode(in_version(call, render(core, call, [obj_of(type_, it) for it in page], meta)))
        )
    if form == "PartialObjectMetadata":
        raise other_form(form, f"is a list ({go_type(type_)}List)")
    if form == "PartialObjectMetadataList":
        items = [partial(it.obj) for it in page]
        head: Object = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        head["items"] = items or None
        return Response(200, JSON, encode(in_version(call, head)))
    return Response(200, JSON, list_bytes(type_, page, meta))


def list_bytes(type_: ResourceType, page: Sequence[Entry], meta: Object) -> bytes:
    """Return a list, its items from the bytes that are there."""
    custom = type_.custom  # the server's two machineries write the two heads differently
    if custom:
        meta = {"continue": "", **meta}
    head = b'{"apiVersion":"%s","items":[%s],"kind":"%s","metadata":%s}' if custom else b""
    items = b",".join([item_of(type_, it) for it in page])
    version, kind = type_.api_version.encode(), type_.list_kind.encode()
    if custom:
        return head % (version, items, kind, encode(meta))
    return b'{"kind":"%s","apiVersion":"%s","metadata":%s,"items":[%s]}' % (kind, version, encode(meta), items)
