"""The rules of a definition before they are taken: their form, and what the compiler says of them.

What the library cannot evaluate gives a warning; what is no rule is refused.

Source: apiextensions-apiserver, apis/apiextensions/validation (ValidateCustomResourceDefinitionOpenAPISchema).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from volary.embedded.api.cel.expression import NotCompiled, NotOffered, Program, available, compiled
from volary.embedded.api.cel.fields import Checker, Place
from volary.embedded.api.cel.rules import REASONS, has_rules, offered
from volary.embedded.api.cel.source import names
from volary.embedded.api.cel.types import self_type
from volary.embedded.api.custom.field_paths import NoSuchPlace, place
from volary.embedded.api.encoding import encode
from volary.embedded.api.errors import FieldError, invalid, required, unsupported
from volary.embedded.api.registry import definitions
from volary.embedded.api.schema import Node

Raw = Mapping[str, Any]
LINES = re.compile(r"[\n\r]+")
HTML = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def form_errors(schema: Raw, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with rules whatever they say."""
    for index, rule in enumerate(schema["x-kubernetes-validations"]):
        yield from _form(rule, f"{path}.x-kubernetes-validations[{index}]", schema)


def _form(rule: Raw, where: str, schema: Raw) -> Iterator[FieldError]:
    text, message = str(rule.get("rule") or "").strip(), str(rule.get("message") or "")
    expression, path = str(rule.get("messageExpression") or ""), str(rule.get("fieldPath") or "")
    if not text:
        yield required(f"{where}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{where}.message", message, "must be non-empty if specified")
    elif LINES.search(message.strip()):
        yield invalid(f"{where}.message", message, "must not contain line breaks")
    elif LINES.search(text) and not message.strip():
        yield required(f"{where}.message", "message must be specified if rule contains line breaks")
    if expression and not expression.strip():
        yield required(f"{where}.messageExpression", "messageExpression must be non-empty if specified")
    if rule.get("reason") is not None and rule["reason"] not in REASONS:
        yield unsupported(f"{where}.reason", rule["reason"], REASONS)
    if path and not path.strip():
        yield invalid(f"{where}.fieldPath", path, "must be non-empty if specified")
    if LINES.search(path):
        yield invalid(f"{where}.fieldPath", path, "must not contain line breaks")
    if path:
        try:
            place(path, Node(schema, definitions()))
        except NoSuchPlace:
            yield invalid(f"{where}.fieldPath", path, "must be a valid path")


def rule_errors(node: Node, resource: bool, path: str, uncorrelated: str) -> Iterator[FieldError]:
    """Yield what the compiler says of the rules at one place; `uncorrelated`: where old values cannot be told."""
    if not available():
        return
    for index, rule in enumerate(node.raw["x-kubernetes-validations"]):
        where, text = f"{path}.x-kubernetes-validations[{index}]", str(rule.get("rule") or "")
        why = diagnosis(text, rule, node, resource, "BOOL")
        if why:
            yield invalid(f"{where}.rule", shown(rule), why)
        elif rule.get("messageExpression"):
            told = diagnosis(str(rule["messageExpression"]), rule, node, resource, "STRING")
            if told:
                told = f"messageExpression {told.removeprefix('cel expression ')}"
                yield invalid(f"{where}.messageExpression", shown(rule), told)
        if not why and "oldSelf" in names(text):
            if uncorrelated:
                detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
                yield invalid(f"{where}.rule", text, detail)
        elif rule.get("optionalOldSelf") is not None:
            detail = "may not be set if oldSelf is not used in rule"
            yield invalid(f"{where}.optionalOldSelf", bool(rule["optionalOldSelf"]), detail)


def diagnosis(text: str, rule: Raw, node: Node, resource: bool, wanted: str) -> str:
    """Return what is wrong with an expression, "" if nothing is."""
    try:
        program = compiled(text, self_type(node), bool(rule.get("optionalOldSelf")))
    except NotOffered:
        return ""
    except NotCompiled as error:
        return f"compilation failed: {error}"
    known = Place(node, resource)
    scope = {"self": known, "oldSelf": known}
    checker = Checker(program.serialized, text)
    if why := checker.check(scope):
        return f"compilation failed: {why}"
    return "" if _gives(program, checker.type(scope), wanted) else f"cel expression must evaluate to a {NAMES[wanted]}"


NAMES = {"BOOL": "bool", "STRING": "string"}


def _gives(program: Program, known: str, wanted: str) -> bool:
    if program.returns == "DYN":
        return known in ("", NAMES[wanted])
    return program.returns == wanted


def shown(rule: Raw) -> msgspec.Raw:
    """Return a rule as the message of a refusal shows it: a Go struct in JSON."""
    fields = {
        "Rule": rule.get("rule") or "",
        "Message": rule.get("message") or "",
        "MessageExpression": rule.get("messageExpression") or "",
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath") or "",
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }
    return msgspec.Raw(encode(fields).decode().translate(HTML).encode())


def not_offered(schema: Any, path: str, resource: bool = True) -> Iterator[str]:
    """Yield a warning for each expression that is right and that is not evaluated here."""
    if not isinstance(schema, Mapping) or not has_rules(schema):
        return
    node = Node(schema, definitions())
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        for key in ("rule", "messageExpression"):
            try:
                if rule.get(key):
                    offered(str(rule[key]), node, resource, bool(rule.get("optionalOldSelf")))
            except NotOffered as error:
                where = f"{path}.x-kubernetes-validations[{index}].{key}"
                yield f"{where}: stored but not evaluated by the embedded API server: {error}"
            except NotCompiled:
                pass
    for name, child in (schema.get("properties") or {}).items():
        yield from not_offered(child, f"{path}.properties[{name}]", _embeds(child))
    for name in ("items", "additionalProperties"):
        yield from not_offered(schema.get(name), f"{path}.{name}", _embeds(schema.get(name)))


def _embeds(schema: Any) -> bool:
    return isinstance(schema, Mapping) and bool(schema.get("x-kubernetes-embedded-resource"))
