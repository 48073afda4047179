"""The object in a request's body: read, of the right kind, without fields that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volary.embedded.api.call import Call, Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.custom.embedded_objects import coerce
from volary.embedded.api.custom.pruning import ROOT, drop_nulls, prune
from volary.embedded.api.defaults.omission import omit
from volary.embedded.api.encoding import JSON_ERROR, read
from volary.embedded.api.errors import Problem, bad_request, invalid, invalid_object, unsupported_media
from volary.embedded.api.registry import definition_names, definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.serving.protobuf import Undecodable
from volary.embedded.api.serving.protobuf import decode as decode_protobuf
from volary.embedded.api.validation.conform import WrongType, conform, json_kind, wrap_numbers

Object = dict[str, Any]
Shown = Callable[[], str] | None

PROTOBUF = "application/vnd.kubernetes.protobuf"
READABLE = ("application/json", "application/yaml", PROTOBUF)
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_meta_nodes: list[Node] = []


def metadata_node() -> Node:
    """Return the schema of metadata."""
    if not _meta_nodes:
        _meta_nodes.append(Node(definitions()[META], definitions(), META))
    return _meta_nodes[0]


def read_body(call: Call) -> tuple[Any, list[str]]:
    """Return the value of a body and the fields that it names twice. Raises: Problem."""
    if call.body[:4] == b"k8s\0":
        try:
            return decode_protobuf(call.body), []
        except Undecodable as error:
            raise bad_request(f"the object provided cannot be decoded: {error}") from error
    kind = call.content_type
    if kind not in ("application/json", "application/yaml", "application/x-www-form-urlencoded"):
        raise unsupported_media(READABLE)
    return read(call.body, kind)


def object_in(call: Call) -> Object:
    """Return the object of a create or update, its kind and apiVersion in front. Raises: Problem."""
    type_ = call.type
    try:
        value, repeats = read_body(call)
    except Problem as error:
        if not error.message.startswith(JSON_ERROR):
            raise
        why = f"couldn't get version/kind; json parse error: {error.message.removeprefix(JSON_ERROR)}"
        raise unrecognized(type_, call.body, why) from error
    if value is None and not type_.custom:
        value = {}
    if not isinstance(value, dict):
        raise unrecognized(
            type_, call.body, f"couldn't get version/kind; json parse error: {NOT_AN_OBJECT[json_kind(value)]}"
        )
    if type_.custom and not (value.get("kind") and value.get("apiVersion")):
        missing = "apiVersion" if value.get("kind") else "Kind"
        raise unrecognized(
            type_, call.body, f"Object '{missing}' is missing in '{call.body.decode('utf-8', 'replace')}'"
        )
    if type_.custom and call.options.validation == "Warn" and value.get("apiVersion") != type_.api_version:
        for name in sorted(set(value) - set(ROOT)):  # no schema of ours knows it
            call.options.warn(f'unknown field "{name}"')
    check_identity(value, type_)
    obj = headed(value, type_)
    tighten(obj, type_, call.options, repeats)
    return obj


_GO_HEAD = (
    r'Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; '
    r'Kind string "json:\"kind,omitempty\"" }'
)
NOT_AN_OBJECT = {
    kind: f"json: cannot unmarshal {kind} into {_GO_HEAD}" for kind in ("array", "bool", "number", "string")
}
SUMMARY = 30


def unrecognized(type_: ResourceType, body: bytes, why: str) -> Problem:
    """Return the refusal of a body that is no object, with its beginning."""
    if not body:
        shown = "<empty>"
    elif body[:1] == b"{":
        text = body.decode("utf-8", "replace")
        shown = text if len(text) <= SUMMARY else text[:SUMMARY] + " ..."
    else:
        shown = body.hex() if len(body) <= SUMMARY else body[:SUMMARY].hex() + " ..."
    return bad_request(f"the object provided is unrecognized (must be of type {type_.kind.kind}): {why} ({shown})")


def headed(value: Object, type_: ResourceType) -> Object:
    """Return `value` with kind and apiVersion in front and metadata that is a map."""
    head: Object = {"kind": type_.kind.kind, "apiVersion": type_.api_version}
    obj = head | {key: it for key, it in value.items() if key not in head}
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    return obj


def check_identity(value: Object, type_: ResourceType) -> None:
    """Refuse a body of another kind or version. Raises: Problem."""
    kind, version = value.get("kind") or type_.kind.kind, value.get("apiVersion") or type_.api_version
    if kind == type_.kind.kind and version == type_.api_version:
        return
    if not isinstance(kind, str) or not isinstance(version, str):
        raise bad_request(f"the object provided is unrecognized (must be of type {type_.kind.kind}): kind is no text")
    short = str(version).rpartition("/")[2]
    group = str(version).rpartition("/")[0]
    if not type_.custom and (group, short, kind) not in definition_names():
        raise bad_request(
            f'{kind} in version "{short}" cannot be handled as a {type_.kind.kind}: no kind "{kind}" is registered for '
            f'version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    if kind != type_.kind.kind:
        raise bad_request(
            f'{kind} in version "{short}" cannot be handled as a {type_.kind.kind}: converting ({short}.{kind}) to '
            f"({type_.group or 'core'}.{type_.kind.kind}): unknown conversion"
        )
    raise bad_request(
        f"the API version in the data ({version}) does not match the expected API version ({type_.api_version})"
    )


def tighten(
    obj: Object,
    type_: ResourceType,
    options: Options,
    repeats: list[str],
    patch: Shown = None,
    strategic: bool = False,
) -> None:
    """Drop unknown fields, and say so as fieldValidation asks; check what Go's decoder checks. Raises: Problem.

    `patch`: returns the patch that made the object, for the message of a refusal; of a `strategic` one the server says
    it in other words.
    """
    try:
        if type_.custom:
            unknown = conform_metadata(obj) + prune(obj, type_.node)
            drop_nulls(obj, type_.node)
            unknown += coerce(obj, type_.node)
        else:
            if strategic:
                wrap_numbers(obj, type_.node)
            unknown = conform(obj, type_.node)
    except WrongType as error:
        raise _undecodable(type_, error.patched if strategic else str(error), patch) from error
    texts = [f'duplicate field "{it}"' for it in repeats] + [f'unknown field "{it}"' for it in unknown]
    if texts and options.validation == "Strict":
        raise _undecodable(type_, "strict decoding error: " + ", ".join(texts), patch)
    if options.validation == "Warn":
        for text in texts:
            options.warn(text)
    note_empty_labels(obj, options)
    managed = (obj.get("metadata") or {}).get("managedFields")
    if type_.custom:
        omit(obj["metadata"], metadata_node())
    else:
        omit(obj, type_.node)
        obj.setdefault("metadata", {})
    if managed == [] and not type_.custom:  # unlike other empty lists it says something: nobody owns anything any more
        obj["metadata"]["managedFields"] = managed


def note_empty_labels(obj: Object, options: Options) -> None:
    """Remember that a template came with an empty map of labels, which vanishes."""
    spec = obj.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    meta = template.get("metadata") if isinstance(template, dict) else None
    if isinstance(meta, dict) and meta.get("labels") == {}:
        options.empty_labels.append("spec.template.metadata.labels")


def conform_metadata(obj: Object) -> list[str]:
    """Check the metadata of a custom resource. Raises: WrongType."""
    meta = obj["metadata"]
    if not isinstance(meta, dict):
        raise WrongType("json: cannot unmarshal into Go struct field ObjectMeta.metadata")
    managed = meta.pop("managedFields", None)
    unknown = conform(meta, metadata_node(), "metadata")
    if managed is not None:
        meta["managedFields"] = managed
    return unknown


def _undecodable(type_: ResourceType, text: str, patch: Shown) -> Problem:
    if patch is not None:
        return invalid_object("", "", "", [invalid("patch", patch(), text)])
    kind = type_.kind
    return bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {text}')
