"""The rules that a schema carries (x-kubernetes-validations), evaluated over an object and what it was before.

Rules stand at any level of a schema, and `self` is the value there. A rule with `oldSelf` is asked where an old value
can be told: fields and map entries by name, items of keyed lists by their keys, other items never. A rule that does not
look at the old value and whose value did not change gives a warning instead of an error.

Source: apiextensions-apiserver, apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from volary.embedded.api.cel.expression import Failure, NotCompiled, NotOffered, Program, available, compiled
from volary.embedded.api.cel.fields import counts_times
from volary.embedded.api.cel.source import names
from volary.embedded.api.cel.types import self_type
from volary.embedded.api.cel.values import aligned, seen
from volary.embedded.api.custom.field_paths import NoSuchPlace, steps
from volary.embedded.api.custom.ratcheting import NOTHING, Past
from volary.embedded.api.errors import OMITTED, FieldError
from volary.embedded.api.schema import Node

Warn = Callable[[str], None]
LONGEST_MESSAGE = 5 * 1024
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of x-kubernetes-validations."""

    text: str
    message: str
    reason: str
    below: str  # where under the value the error is, "" for the value itself
    program: Program | None
    error: str  # why there is no program
    uses_old: bool
    optional_old: bool
    message_program: Program | None

    @property
    def shown(self) -> str:
        return self.message or self.text


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules at one place of a schema, and below it."""

    node: Node
    resource: bool
    own: tuple[Rule, ...] = ()
    fields: Mapping[str, Rules] = field(default_factory=dict)
    elem: Rules | None = None


@lru_cache(maxsize=1024)
def rules_of(node: Node) -> Rules | None:
    """Return the rules of a resource's schema, compiled; None where there are none, or nothing evaluates them."""
    return _rules(node, True) if available() else None


def _rules(node: Node, resource: bool) -> Rules | None:
    if not has_rules(node.raw):
        return None
    own = tuple(_rule(raw, node, resource) for raw in node.raw.get("x-kubernetes-validations") or ())
    fields = {}
    for name, raw in node.field_names.items():
        child = node.field(name)
        if child is not None and not (resource and name == "metadata") and has_rules(raw):
            fields[name] = _rules(child, child.embedded)
    elem = _rules(node.elem, node.elem.embedded) if node.kind == "list" or node.has_values else None
    return Rules(node, resource, own, {name: it for name, it in fields.items() if it}, elem)


def has_rules(raw: Any) -> bool:
    """Does a schema carry rules anywhere along its structure?"""
    if not isinstance(raw, Mapping):
        return False
    if raw.get("x-kubernetes-validations"):
        return True
    below = [raw.get("items"), raw.get("additionalProperties"), *(raw.get("properties") or {}).values()]
    return any(has_rules(it) for it in below)


def offered(text: str, node: Node, resource: bool, optional_old: bool) -> Program:
    """Return an expression compiled. Raises: NotCompiled; NotOffered, where it cannot be evaluated here."""
    program = compiled(text, self_type(node), optional_old)
    if counts_times(program.serialized, text, node, resource):
        raise NotOffered("it reckons with a field that is a duration or a time by its format, which is text here")
    return program


def _rule(raw: Mapping[str, Any], node: Node, resource: bool) -> Rule:
    text, optional_old = str(raw.get("rule") or ""), bool(raw.get("optionalOldSelf"))
    program = message_program = None
    error = ""
    try:
        program = offered(text, node, resource, optional_old)
        if raw.get("messageExpression"):
            message_program = offered(str(raw["messageExpression"]), node, resource, optional_old)
    except NotOffered:
        pass  # the definition gave a warning
    except NotCompiled as why:
        error = "" if program else str(why)
    return Rule(
        text.strip(),
        str(raw.get("message") or "").strip(),
        str(raw.get("reason") or "FieldValueInvalid"),
        field_path(str(raw.get("fieldPath") or ""), node),
        program,
        error,
        "oldSelf" in names(text),
        optional_old,
        message_program,
    )


def field_path(path: str, node: Node) -> str:
    """Return a rule's field path as messages have it: fields by name, entries of maps in brackets."""
    found = ""
    try:
        for name, place in steps(path, node):
            found += f"[{name}]" if place.has_values else f".{name}"
    except NoSuchPlace:
        return ""
    return found.removeprefix(".")


def check(node: Node, obj: Any, past: Past, warn: Warn) -> list[FieldError]:
    """Return what the rules of a resource's schema say of an object."""
    rules = rules_of(node)
    return list(_check(rules, obj, past, "", warn)) if rules else []


def _check(rules: Rules, value: Any, past: Past, path: str, warn: Warn) -> Iterator[FieldError]:
    if value is None:
        return
    if rules.own:
        yield from _ask(rules, value, past, path, warn)
    if isinstance(value, dict):
        for name in sorted(value):
            child = rules.fields.get(name)
            if child is not None:
                below = past.field(name, child.node)
                yield from _check(child, value[name], below, f"{path}.{name}" if path else name, warn)
            elif rules.elem is not None and name not in rules.node.field_names:
                yield from _check(rules.elem, value[name], past.field(name, rules.node.elem), f"{path}[{name}]", warn)
    elif isinstance(value, list) and rules.elem is not None:
        for index, item in enumerate(value):
            yield from _check(rules.elem, item, past.item(item, rules.node), f"{path}[{index}]", warn)


def _ask(rules: Rules, value: Any, past: Past, path: str, warn: Warn) -> Iterator[FieldError]:
    """Ask each rule of one place."""
    shown = seen(value, rules.node, rules.resource)
    has_old = past.old is not NOTHING and past.old is not None
    old = seen(aligned(past.old, value, rules.node), rules.node, rules.resource) if has_old else None
    kind = rules.node.type
    for rule in rules.own:
        if (rule.uses_old and not has_old and not rule.optional_old) or not (rule.program or rule.error):
            continue
        found = _answer(rule, shown, old, has_old, kind)
        if found is None:
            continue
        if isinstance(found, FieldError):
            yield FieldError(found.reason, path or "<nil>", found.detail, found.value)
            continue
        joined = "" if not path or rule.below.startswith("[") else "."
        where = f"{path}{joined}{rule.below}" if rule.below else path or "<nil>"
        omit = kind in ("object", "array") or rule.reason in ("FieldValueForbidden", "FieldValueRequired")
        detail = "" if rule.reason == "FieldValueDuplicate" else found
        error = FieldError(rule.reason, where, detail, OMITTED if omit else value)
        if not rule.uses_old and past.unchanged:
            warn(f"{error.field}: {error.body}")
        else:
            yield error


def _answer(rule: Rule, shown: Any, old: Any, has_old: bool, kind: str) -> str | FieldError | None:
    """Return the message of a broken rule, an error where it has no answer, None where it holds."""
    if rule.program is None:
        return FieldError("FieldValueInvalid", "", f"rule compile error: {rule.error}", kind)
    try:
        answer = rule.program.run(shown, old, has_old)
    except Failure as error:
        if str(error).startswith("no such overload"):
            why = (
                f"'{error}': call arguments did not match a supported operator, function or macro signature for rule: "
                f"{rule.shown}"
            )
        else:
            why = f"{error} evaluating rule: {rule.shown}"
        return FieldError("FieldValueInvalid", "", why, kind)
    return None if answer is True else _message(rule, shown, old, has_old)


def _message(rule: Rule, shown: Any, old: Any, has_old: bool) -> str:
    """Return what to say: the message expression's text, or else the message, or else the rule itself."""
    if rule.message_program is not None:
        try:
            text = rule.message_program.run(shown, old, has_old)
        except Failure:
            text = None
        if isinstance(text, str) and 0 < len(text.strip()) <= LONGEST_MESSAGE and "\n" not in text.strip():
            return text.strip()
    return rule.message or f"failed rule: {rule.text}"
