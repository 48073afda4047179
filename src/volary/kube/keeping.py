"""How a cache holds objects: what of an answer is kept, and what somebody who asks is given.

`WHOLE` keeps dicts: quick to read, seven times the memory. `Packed` keeps JSON text and decodes it for whoever asks;
with `fields` it keeps only these, and the rest of an answer is skipped without ever becoming Python objects. Neither
keeps managedFields unless asked: they are half of most objects. Pure.
"""

from __future__ import annotations

import functools
import keyword
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from volary.kube.errors import code_of, error_class
from volary.kube.objects import NewObject, Resource, key_of, metadata, split_key, version_of

# What of the metadata is always kept. Annotations are not: they may hold a copy of the whole object.
METADATA = ("uid", "generation", "creationTimestamp", "deletionTimestamp", "labels", "ownerReferences", "finalizers")
INITIAL_END = "k8s.io/initial-events-end"  # the annotation of the bookmark that ends a streamed list


class Item(msgspec.Struct, frozen=True, gc=False):
    """One object as it is held. Holds no cycle, so the garbage collector need not look at it."""

    key: str
    version: str
    held: Any


class Page(NamedTuple):
    """One answer to a list."""

    items: list[Item]
    version: str
    following: str  # the continue token; "": this was the last


class Event(NamedTuple):
    """One line of a watch."""

    type: str
    item: Item
    ends_list: bool = False


class Form(Protocol):
    """A way to hold the objects of a kind. Raises on JSON that cannot be read: msgspec.MsgspecError."""

    def page(self, body: bytes, resource: Resource) -> Page: ...

    def event(self, line: bytes) -> Event:
        """Read a line of a watch. Raises: ApiError, for an ERROR."""
        ...

    def pack(self, obj: Mapping[str, Any]) -> Item:
        """Hold an object that came another way."""
        ...

    def show(self, item: Item, resource: Resource) -> NewObject:
        """Return the object. Shared, for all we know: do not change it."""
        ...


class Whole:
    """Keeps objects as dicts, without managedFields."""

    def page(self, body: bytes, resource: Resource) -> Page:
        found = msgspec.json.decode(body, type=dict)
        meta = found.get("metadata") or {}
        items = [self.pack(named(obj, resource)) for obj in found.get("items") or ()]
        return Page(items, str(meta.get("resourceVersion") or ""), str(meta.get("continue") or ""))

    def event(self, line: bytes) -> Event:
        return self.happened(msgspec.json.decode(line, type=dict))

    def happened(self, event: Mapping[str, Any]) -> Event:
        """Return a decoded event. Raises: ApiError, for an ERROR."""
        kind, obj = event["type"], event["object"]
        if kind == "ERROR":
            raise error_class(code_of(obj), obj.get("reason"))(obj)
        ends = kind == "BOOKMARK" and (metadata(obj).get("annotations") or {}).get(INITIAL_END) == "true"
        return Event(kind, self.pack(obj), ends)

    def pack(self, obj: Mapping[str, Any]) -> Item:
        return Item(key_of(obj), version_of(obj), slim(obj))

    def show(self, item: Item, resource: Resource) -> NewObject:
        shown: NewObject = item.held
        return shown


WHOLE = Whole()


class _Head(msgspec.Struct, gc=False):
    """What every object is known by."""

    name: str = ""
    namespace: str = ""
    resource_version: str = msgspec.field(default="", name="resourceVersion")


class _ListHead(msgspec.Struct, rename="camel", gc=False):
    resource_version: str = ""
    following: str = msgspec.field(default="", name="continue")


class Packed:
    """Keeps objects as JSON text.

    `fields` are paths ("status.phase", "metadata.annotations", "spec.template"); kind, apiVersion and `METADATA` come
    with them. Without any, all of the object is kept. An object that has no such shape is kept whole.
    """

    def __init__(self, *fields: str) -> None:
        self.fields = fields
        self._object, self._page, self._event = decoders_of(fields)
        self._encode = msgspec.json.Encoder().encode

    def __repr__(self) -> str:
        return f"Packed{self.fields}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and other.fields == self.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def page(self, body: bytes, resource: Resource) -> Page:
        found: Any
        try:
            found = self._page.decode(body)
            items = [self._held(obj) for obj in found.items or ()]
        except msgspec.ValidationError:  # an object of another shape is among them
            plain = msgspec.json.decode(body, type=dict)
            return WHOLE.page(body, resource)._replace(items=[self.pack(obj) for obj in plain.get("items") or ()])
        return Page(items, found.metadata.resource_version, found.metadata.following)

    def event(self, line: bytes) -> Event:
        found: Any
        try:
            found = self._event.decode(line)
        except msgspec.ValidationError:
            found = None
        if found is None or found.type not in ("ADDED", "MODIFIED", "DELETED"):
            plain = WHOLE.event(line)
            return plain._replace(item=self.pack(msgspec.json.decode(line)["object"]))
        return Event(found.type, self._held(found.object))

    def pack(self, obj: Mapping[str, Any]) -> Item:
        try:
            return self._held(self._object.decode(self._encode(obj)))
        except msgspec.ValidationError:
            return Item(key_of(obj), version_of(obj), self._encode(slim(obj)))

    def show(self, item: Item, resource: Resource) -> NewObject:
        shown = decode_dict(item.held)
        meta = shown["metadata"]
        if "name" not in meta:  # not held twice
            namespace, meta["name"] = split_key(item.key)
            meta["resourceVersion"] = item.version
            if namespace:
                meta["namespace"] = namespace
        return named(shown, resource)

    def _held(self, obj: Any) -> Item:
        if self.fields:
            head = obj.metadata
        else:
            meta = msgspec.json.decode(obj.get("metadata") or b"{}", type=dict[str, msgspec.Raw])
            meta.pop("managedFields", None)
            obj["metadata"] = msgspec.Raw(self._encode(meta))
            head = msgspec.json.decode(obj["metadata"], type=_Head)
        key, version = f"{head.namespace}/{head.name}" if head.namespace else head.name, head.resource_version
        if self.fields:
            head.name = head.namespace = head.resource_version = ""
        return Item(key, version, self._encode(obj))


Decoder = msgspec.json.Decoder[Any]
Tree = dict[str, "Tree"]


decode_dict = msgspec.json.Decoder(dict[str, Any]).decode


@functools.cache
def decoders_of(fields: tuple[str, ...]) -> tuple[Decoder, Decoder, Decoder]:
    """Return what reads an object, a page and an event; made once, for they are large."""
    shape: Any = shape_of(fields) if fields else dict[str, msgspec.Raw]
    page = msgspec.defstruct("Page", [("metadata", _ListHead), ("items", list[shape] | None, None)], gc=False)
    event = msgspec.defstruct("Event", [("type", str), ("object", shape)], gc=False)
    return msgspec.json.Decoder(shape), msgspec.json.Decoder(page), msgspec.json.Decoder(event)


def shape_of(fields: Sequence[str]) -> type[msgspec.Struct]:
    """Return a type that takes these fields out of JSON and nothing else; what a field holds stays text."""
    tree: Tree = {"apiVersion": {}, "kind": {}}
    for path in (*(f"metadata.{name}" for name in METADATA), *fields):
        below = tree
        for step in path.split("."):
            below = below.setdefault(step, {})
    return struct_of("Object", tree, {"metadata": struct_of("Metadata", tree.pop("metadata"), {}, _Head)})


def struct_of(
    name: str, tree: Tree, more: Mapping[str, type], base: type[msgspec.Struct] = msgspec.Struct
) -> type[msgspec.Struct]:
    """Return a Struct of a tree of fields; an empty branch is a field that is kept as text, whatever it holds."""
    wanted: dict[str, Any] = dict(more)
    for field, below in tree.items():
        wanted[field] = struct_of(field, below, {}) if below else msgspec.Raw
    names = {field: f"{field}_" if keyword.iskeyword(field) else field.replace("-", "_") for field in wanted}
    made = [
        (names[field], kind, msgspec.field(default_factory=kind, name=field))
        if field == "metadata"
        else (names[field], kind | msgspec.UnsetType, msgspec.field(default=msgspec.UNSET, name=field))
        for field, kind in wanted.items()
    ]
    return msgspec.defstruct(name, made, bases=(base,), gc=False, omit_defaults=True)


def named(obj: NewObject, resource: Resource) -> NewObject:
    """Return the object with its kind and apiVersion, which a list of built-ins leaves out of its items."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **obj}


def slim(obj: Mapping[str, Any]) -> NewObject:
    """Return the object without managedFields: nobody reads them from a cache and they are half of it."""
    meta = metadata(obj)
    if "managedFields" not in meta:
        return obj if isinstance(obj, dict) else dict(obj)
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}


PACKED = Packed()  # all of an object, but for managedFields
