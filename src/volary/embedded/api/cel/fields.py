"""What the checker of the library cannot know of an expression: fields that its schema does not name, and their types.

Only what can be told for sure is told. A value that comes out of a function may be anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from volary.embedded.api.cel.ast import Tree, tree_of
from volary.embedded.api.cel.names import escape
from volary.embedded.api.cel.types import OPAQUE, SCALARS
from volary.embedded.api.cel.values import HEAD, METADATA, visible
from volary.embedded.api.schema import Node

TEXT = Node({"type": "string"}, {})
META = Node({"type": "object", "properties": {name: {"type": "string"} for name in METADATA}}, {})


@dataclass(frozen=True, slots=True)
class Place:
    """A value whose schema is known."""

    node: Node
    resource: bool = False


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list that an expression makes."""

    item: Place | ListOf | None


Known = Place | ListOf | None
# Functions that take a duration or a time as text as well.
TAKES_TEXT = {"duration", "timestamp", "_==_", "_!=_", "_?_:_", "optional.of", "optional.ofNonZeroValue", "@in"}
Scope = Mapping[str, Known]


def item_of(known: Known) -> Known:
    if isinstance(known, ListOf):
        return known.item
    if known is not None and (known.node.type == "array" or known.node.has_values):
        return Place(known.node.elem, known.node.elem.embedded)
    return None


def _is_time(known: Known) -> bool:
    """Is it a duration or a time in the language, and text here?"""
    return isinstance(known, Place) and known.node.type == "string" and known.node.raw.get("format") in OPAQUE


def counts_times(serialized: bytes, text: str, node: Node, resource: bool) -> bool:
    """Does an expression reckon with fields that are durations or times by their format?"""
    known = Place(node, resource)
    checker = Checker(serialized, text)
    checker.check({"self": known, "oldSelf": known})
    return checker.counts_times


class Checker:
    """Walks one expression."""

    def __init__(self, serialized: bytes, text: str) -> None:
        self.tree, self.places = tree_of(serialized)
        self.text = text
        self.errors: list[tuple[int, str]] = []
        self.counts_times = False

    def check(self, scope: Scope) -> str:
        """Return the compiler's diagnosis, "" where nothing is wrong."""
        self.known(self.tree, scope)
        return "\n".join(self._told(at, why) for at, why in sorted(set(self.errors)))

    def type(self, scope: Scope) -> str:
        """Return the type of the whole expression, "" where it may be any."""
        return self._type(self.tree, scope)

    def known(self, tree: Tree, scope: Scope) -> Known:
        match tree.kind:
            case "ident":
                return scope.get(tree.name)
            case "select" if tree.target is not None:
                return self._selected(tree, self.known(tree.target, scope), tree.name)
            case "call":
                return self._called(tree, scope)
            case "list":
                items = [self.known(it, scope) for it in tree.parts]
                return ListOf(items[0] if items else None)
            case "map":
                for it in tree.parts:
                    self.known(it, scope)
            case "comprehension":
                return self._looped(tree, scope)
        return None

    def _selected(self, tree: Tree, known: Known, name: str) -> Known:
        if not isinstance(known, Place) or known.node.type != "object":
            return None
        node = known.node
        if node.has_values and not known.resource:
            return item_of(known)
        if known.resource and name in HEAD:
            return Place(TEXT)
        if known.resource and name == "metadata":
            return Place(META)
        for real in node.field_names:
            child = node.field(real)
            if escape(real) == name and child is not None and visible(child):
                return Place(child, child.embedded)
        self.errors.append((self.places.get(tree.id, 0), f"undefined field '{name}'"))
        return None

    def _called(self, tree: Tree, scope: Scope) -> Known:
        target = self.known(tree.target, scope) if tree.target is not None else None
        parts = [self.known(it, scope) for it in tree.parts]
        if tree.name not in TAKES_TEXT and any(_is_time(it) for it in (target, *parts)):
            self.counts_times = True
        match tree.name:
            case "_?._" if tree.parts[1].kind == "const":
                return self._selected(tree, parts[0], tree.parts[1].text)
            case "_[_]" | "_[?_]":
                return item_of(parts[0])
            case "value" | "orValue" | "or":
                return target
            case "_?_:_":
                return parts[1] if parts[1] == parts[2] else None
            case "optional.of" | "optional.ofNonZeroValue" | "dyn":
                return parts[0] if tree.name != "dyn" else None
            case "_==_" | "_!=_":
                self._comparable(tree, scope)
            case "sort" | "reverse" | "distinct" | "slice":
                return target if isinstance(target, ListOf) or (target and target.node.type == "array") else None
        return None

    def _comparable(self, tree: Tree, scope: Scope) -> None:
        one, other = (self._type(it, scope) for it in tree.parts)
        if one and other and one != other:
            why = f"found no matching overload for '{tree.name}' applied to '({one}, {other})'"
            self.errors.append((self.places.get(tree.id, 0), why))

    def _type(self, tree: Tree, scope: Scope) -> str:
        if tree.kind == "const":
            return tree.name if tree.name in ("bool", "int", "uint", "double", "string", "bytes") else ""
        if tree.kind not in ("ident", "select") or tree.test:
            return ""
        before = len(self.errors)
        known = self.known(tree, scope)
        del self.errors[before:]  # noted where the walk itself comes by
        if not isinstance(known, Place) or known.node.int_or_string:
            return ""
        if known.node.type == "string" and (known.node.raw.get("format") in {*OPAQUE, "byte"}):
            return ""
        return SCALARS.get(known.node.type, "")

    def _looped(self, tree: Tree, scope: Scope) -> Known:
        over = self.known(tree.loop[2], scope)
        first, second, gathered = (tree.variables.get(number, "") for number in (1, 8, 3))
        is_map = isinstance(over, Place) and over.node.type == "object"
        begun = self.known(tree.loop[4], scope)
        inside = {**scope, first: None if second or is_map else item_of(over), gathered: begun}
        if second:
            inside[second] = item_of(over)
        if isinstance(begun, ListOf):
            inside[gathered] = ListOf(self._added(tree.loop[6], inside))
        for number in (5, 6):
            if number in tree.loop:
                self.known(tree.loop[number], inside)
        return self.known(tree.loop[7], {**scope, gathered: inside[gathered]})

    def _added(self, step: Tree, scope: Scope) -> Known:
        """Return what a loop adds to its list."""
        for tree in _within(step):
            if tree.kind == "call" and tree.name == "_+_" and tree.parts[1].kind == "list" and tree.parts[1].parts:
                before = len(self.errors)
                found = self.known(tree.parts[1].parts[0], scope)
                del self.errors[before:]
                return found
        return None

    def _told(self, at: int, why: str) -> str:
        """Return an error as the compiler shows it, with the line it is in."""
        begin = self.text.rfind("\n", 0, at) + 1
        line = self.text[begin:].partition("\n")[0]
        number, column = self.text.count("\n", 0, at) + 1, at - begin
        return f"ERROR: <input>:{number}:{column + 1}: {why}\n | {line}\n | {'.' * column}^"


def _within(tree: Tree) -> Iterator[Tree]:
    yield tree
    below = [*tree.parts, *tree.loop.values(), *([tree.target] if tree.target else [])]
    for it in below:
        yield from _within(it)
