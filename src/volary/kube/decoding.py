"""JSON into msgspec types, strict; what does not fit becomes one sentence that a user can act on.

Source: the words of our own promise: which field of which object, what was found and what is allowed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from volary.kube.objects import dig
from volary.kube.schema import Schema, schema_of

T = TypeVar("T")
Step = str | int
MOST_SHOWN = 60  # characters of a found value in a sentence

MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
STEPS = re.compile(r"\[(?P<index>\d+|\.\.\.)\]|\.(?P<name>[^.\[\]]+)")
NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class BadField(ValueError):
    """One field does not fit; the text is a sentence for people."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path  # such as spec.stages[0].name


def decode(
    struct_type: type[T], obj: object, where: str, *, at: str = "", refuse_unknown: bool = False, secret: bool = False
) -> T:
    """Return `obj` as a `struct_type`; types are strict, defaults are filled in.

    `where` names the object in the sentence ("Canary test/podinfo"), `at` is the path of `obj` in it ("spec").
    With `secret` the sentence does not show what was found.
    Raises: BadField; with `refuse_unknown` also for a field that the type does not have.
    """
    untyped: type = struct_type
    schema = schema_of(untyped)
    if refuse_unknown and schema is not None:
        for path, name, known in unknown_fields(obj, schema, ()):
            raise unknown_field(where, at, (*path, name), known)
    try:
        return msgspec.convert(obj, struct_type)
    except msgspec.ValidationError as error:
        raise bad_field(struct_type, obj, str(error), where, at, secret) from None


def prepare(struct_type: type) -> None:
    """Have msgspec work out a type now; call it on import for each type that threads decode.

    It does so at the first use, half done in between: a second thread there ends the process (msgspec 0.22).
    """
    msgspec.json.Decoder(struct_type)


def bad_field(struct_type: type, obj: object, text: str, where: str, at: str, secret: bool) -> BadField:
    """Return msgspec's complaint in our words."""
    complaint, _, place = text.partition(" - at `")
    path = steps_of(place.rstrip("`"), struct_type, obj, text)
    schema = schema_of(struct_type) or {}
    if missing := MISSING.fullmatch(complaint):
        path = (*path, missing["name"])
        return BadField(shown(at, path), f"{where}: {shown(at, path)} is missing; {allowed(schema_at(schema, path))}")
    if unknown := UNKNOWN.fullmatch(complaint):
        known = sorted(schema_at(schema, path).get("properties", {}))
        return unknown_field(where, at, (*path, unknown["name"]), known)
    node = schema_at(schema, path)
    rule = allowed(node) if node else complaint
    value = "of another kind" if secret else found(dig(obj, *path))
    return BadField(shown(at, path), f"{where}: {shown(at, path)} is {value}; {rule}")


def unknown_field(where: str, at: str, path: tuple[Step, ...], known: list[str]) -> BadField:
    """Return the sentence for a field that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(str(path[-1]), known, 1)
    advice = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known) or 'none'}"
    return BadField(shown(at, path), f"{where}: {shown(at, path)} is not a field; {advice}")


def unknown_fields(
    obj: Any, schema: Schema, path: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], str, list[str]]]:
    """Yield (path, name, names known there) for each field that the schema does not have."""
    properties = schema.get("properties")
    if isinstance(obj, Mapping) and properties is not None:
        for name, value in obj.items():
            if name not in properties:
                yield path, str(name), sorted(properties)
            else:
                yield from unknown_fields(value, properties[name], (*path, name))
    elif isinstance(obj, Mapping) and "additionalProperties" in schema:
        for name, value in obj.items():
            yield from unknown_fields(value, schema["additionalProperties"], (*path, str(name)))
    elif isinstance(obj, list) and "items" in schema:
        for index, value in enumerate(obj):
            yield from unknown_fields(value, schema["items"], (*path, index))


def steps_of(place: str, struct_type: type, obj: object, text: str) -> tuple[Step, ...]:
    """Return msgspec's place ("$.a[0].b[...]") as steps; `[...]` (some key) is found out by trying."""
    path: tuple[Step, ...] = ()
    for match in STEPS.finditer(place):
        if match["name"] is not None:
            path = (*path, match["name"])
        elif match["index"] == "...":
            path = (*path, guilty_key(struct_type, obj, path, text))
        else:
            path = (*path, int(match["index"]))
    return path


def guilty_key(struct_type: type, obj: object, path: tuple[Step, ...], text: str) -> str:
    """Return the key of the mapping at `path` whose value brings about the complaint `text`."""
    mapping = dig(obj, *path)
    for key in mapping if isinstance(mapping, Mapping) else ():
        try:
            msgspec.convert(replaced(obj, path, {key: mapping[key]}), struct_type)
        except msgspec.ValidationError as error:
            if str(error) == text:
                return str(key)
    return "*"


def replaced(obj: Any, path: tuple[Step, ...], value: object) -> object:
    """Return `obj` with another value at `path`."""
    if not path:
        return value
    first, *rest = path
    changed = list(obj) if isinstance(obj, list) else dict(obj)
    changed[first] = replaced(obj[first], tuple(rest), value)  # type: ignore[index]
    return changed


def schema_at(schema: Schema, path: tuple[Step, ...]) -> Schema:
    """Return the schema of what lies at `path`, {} if it is not known."""
    for step in path:
        if isinstance(step, int):
            schema = schema.get("items") or {}
        else:
            schema = (schema.get("properties") or {}).get(step) or schema.get("additionalProperties") or {}
    return schema


def shown(at: str, path: tuple[Step, ...]) -> str:
    """Return a path as people write it: spec.stages[0].name."""
    text = at
    for step in path:
        plain = re.fullmatch(r"[\w-]+", str(step)) is not None
        text += f".{step}" if isinstance(step, str) and plain else f"[{step}]"
    return text.lstrip(".") or "it"


def found(value: object) -> str:
    """Return a found value, cut to a readable length."""
    try:
        text = msgspec.json.encode(value).decode()
    except TypeError:
        text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def allowed(node: Schema) -> str:
    """Return what a schema node allows, as the end of a sentence."""
    if "enum" in node:
        return f"allowed: {', '.join(map(str, node['enum']))}"
    kind = "a whole number or a text" if node.get("x-kubernetes-int-or-string") else NOUNS.get(node.get("type", ""))
    return f"allowed: {kind}{''.join(limits(node))}" if kind else "anything else is allowed"


def limits(node: Schema) -> Iterator[str]:
    """Yield the limits of a node in words."""
    if "minimum" in node:
        yield f", {'more than' if node.get('exclusiveMinimum') else 'at least'} {node['minimum']}"
    if "maximum" in node:
        yield f", {'less than' if node.get('exclusiveMaximum') else 'at most'} {node['maximum']}"
    if "pattern" in node:
        yield f" that matches {node['pattern']}"
    for key, words in (("minLength", "at least {} characters"), ("maxLength", "at most {} characters")):
        if key in node:
            yield f", {words.format(node[key])}"
    for key, words in (("minItems", "at least {} entries"), ("maxItems", "at most {} entries")):
        if key in node:
            yield f", {words.format(node[key])}"
    if node.get("format") == "date-time":
        yield " with a time such as 2026-11-24T10:00:00Z"
