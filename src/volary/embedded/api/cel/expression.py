"""One expression in CEL: compiled, evaluated, its errors in the words of the real server.

The work is done by cel-cpp (`cel-expr-python`, extra `cel`), imported with the first expression. It takes Python's
dicts, lists, numbers and texts for values, and no durations, times or optional values: those stay text, and an
optional `oldSelf` is made in the language itself. There is no limit on the cost of an expression.

Source: apiextensions-apiserver, apiserver/schema/cel/compilation.go; cel-go, for the texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec

from volary.embedded.api.cel.functions import Function
from volary.embedded.api.cel.library import FUNCTIONS
from volary.embedded.api.cel.source import adapted, told

# Kubernetes' own: what else the library has would let rules through that a real server refuses.
MAKES_MAPS = b"cel.@mapInsert"  # checked and serialized by the library, but not evaluated
EXTENSIONS = (
    ("lists", "latest"),
    ("optional", "latest"),
    ("sets", "latest"),
    ("strings", "2"),
    ("two-var-comprehensions", "latest"),
)
SELF, OLD, GIVEN, PRESENT = "self", "oldSelf", "oldSelfGiven", "oldSelfPresent"
# An optional value cannot be handed over; the expression makes it of two that can.
WRAPPED = f"cel.bind({OLD}, {PRESENT} ? optional.of({GIVEN}) : optional.none(), (\n%s\n))"
DYN = ("dyn",)

NUMBERS = re.compile(r"no matching overload for '_[<>]=?_' applied to '\((?:int|uint|double), (?:int|uint|double)\)'")

Type = tuple[Any, ...]  # ("list", ("string",))


class NotCompiled(Exception):
    """An expression that is none; the text is the compiler's."""


class NotOffered(NotCompiled):
    """An expression that is right, and that the library cannot evaluate."""


class Failure(Exception):
    """An expression that gives no value; the text is cel-go's."""


def available() -> bool:
    """Is the library there?"""
    return _found()


@lru_cache(maxsize=1)
def _found() -> bool:
    return find_spec("cel_expr_python") is not None


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression."""

    expression: Any
    optional_old: bool
    returns: str  # "BOOL", "STRING", "DYN" where only the value will say
    serialized: bytes  # of the expression as it was checked, for a closer look

    def run(self, value: Any, old: Any, has_old: bool) -> Any:
        """Return the expression's value. Raises: Failure."""
        data = {SELF: value, GIVEN: old, PRESENT: has_old} if self.optional_old else {SELF: value, OLD: old}
        try:
            found = self.expression.eval(data=data)
            if found.type().name() == "ERROR":
                raise Failure(in_go(str(found.value())))
            return found.plain_value()
        except (RuntimeError, TypeError, OverflowError) as error:
            raise Failure(in_go(str(error))) from error


@lru_cache(maxsize=8192)
def compiled(text: str, self_type: Type, optional_old: bool = False) -> Program:
    """Return the expression compiled. Raises: NotCompiled."""
    source = adapted(text)
    if FORMATS.search(source):
        raise NotOffered("a format is used in another way than format.NAME().validate(text)")
    try:
        return _compiled(source, self_type, optional_old)
    except RuntimeError as error:
        if NUMBERS.search(str(error)):  # of two types: Kubernetes lets them be compared, the library if it cannot tell
            return compiled(text, DYN, optional_old) if self_type != DYN else _unchecked(source, optional_old)
        diagnosis = _diagnosis(str(error))
        raise (NotCompiled if diagnosis.startswith("ERROR: ") else NotOffered)(diagnosis) from error


def _compiled(source: str, self_type: Type, optional_old: bool) -> Program:
    checked = _environment(self_type, optional_old, False).compile(source)
    returns, serialized = checked.return_type().name(), checked.serialize()
    if MAKES_MAPS in serialized:
        raise NotOffered("transformMap and transformMapEntry are not in the library")
    if optional_old:
        checked = _environment(self_type, True, True).compile(WRAPPED % source)
    return Program(checked, optional_old, returns, serialized)


def _unchecked(source: str, optional_old: bool) -> Program:
    wrapped = WRAPPED % source if optional_old else source
    made = _environment(DYN, optional_old, optional_old).compile(wrapped, True)
    return Program(made, optional_old, "DYN", made.serialize())


@lru_cache(maxsize=256)
def _environment(self_type: Type, optional_old: bool, wrapped: bool) -> Any:
    cel = import_module("cel_expr_python.cel")
    variables = {SELF: self_type}
    extensions = (*EXTENSIONS, ("bindings", "latest")) if wrapped else EXTENSIONS
    if wrapped:
        variables |= {GIVEN: self_type, PRESENT: ("bool",)}
    else:
        variables[OLD] = ("optional_type", self_type) if optional_old else self_type
    config = {
        "name": "kubernetes",
        "extensions": [{"name": name, "version": version} for name, version in extensions],
        "variables": [{"name": name, **_in_yaml(it)} for name, it in variables.items()],
    }
    made = cel.NewEnvConfigFromYaml(msgspec.json.encode(config).decode())  # JSON is YAML
    return cel.NewEnv(config=made, functions=_declarations())


def _in_yaml(kind: Type) -> dict[str, Any]:
    name, *inner = kind
    return {"type_name": name} | ({"params": [_in_yaml(it) for it in inner]} if inner else {})


@lru_cache(maxsize=1)
def _declarations() -> list[Any]:
    cel = import_module("cel_expr_python.cel")
    by_name: dict[str, list[Function]] = {}
    for it in FUNCTIONS:
        by_name.setdefault(it.name, []).append(it)
    return [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    "_".join([name.replace(".", "_"), "member" if it.member else "plain", *it.parameters]),
                    getattr(cel.Type, it.returns.upper()),
                    [getattr(cel.Type, kind.upper()) for kind in it.parameters],
                    it.member,
                    it.call,
                )
                for it in overloads
            ],
        )
        for name, overloads in by_name.items()
    ]


def _diagnosis(text: str) -> str:
    """Return the compiler's words without the library's frame."""
    plain = told(re.sub(r" \[[A-Z_]+\]$", "", re.sub(r"^[A-Z_]+: ", "", text)))
    return OVERLOAD.sub(_on_receiver, plain)


OVERLOAD = re.compile(r"for '(?P<name>\w+)' applied to '\((?P<first>[^,()]+)(?:, )?(?P<rest>.*)\)'\n \| (?P<line>.*)")


def _on_receiver(found: re.Match[str]) -> str:
    """Return the words for a function that is called on a value."""
    if f".{found['name']}(" not in found["line"]:
        return found[0]
    return f"for '{found['name']}' applied to '{found['first']}.({found['rest']})'\n | {found['line']}"


FORMATS = re.compile(r"\bformat\s*\.\s*(?!check\b)\w+\s*\(")
CONVERSION = r"type conversion error from 'string' to 'google.protobuf.\1'"
CODE = re.compile(r"^[A-Z_]+: ")
# The library's words at evaluation -> cel-go's.
WORDS = (
    (re.compile(r'^Key not found in map : "?(.*?)"?$', re.DOTALL), r"no such key: \1"),
    (re.compile(r"^Index error: index=(-?\d+) size=\d+$"), r"index out of bounds: \1"),
    (re.compile(r"^No matching overloads found.*$", re.DOTALL), "no such overload"),
    (re.compile(r"^divide by zero$"), "division by zero"),
    (re.compile(r"^cannot convert (\w+) to (\w+)$"), r"type conversion error from '\1' to '\2'"),
    (re.compile(r"^String to (Duration|Timestamp) conversion failed$"), CONVERSION),
)


def in_go(text: str) -> str:
    """Return an error of evaluation as cel-go says it."""
    found = CODE.sub("", text)
    found = re.sub(r" \[[A-Z_]+\]$", "", found)
    for form, words in WORDS:
        if form.match(found):
            return form.sub(words, found)
    return told(found)
