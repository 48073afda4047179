"""What keeps an object from being seen through its schema, in the server's words.

Source: structured-merge-diff, typed/validate.go and typed/helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volary.embedded.api.apply.field_sets import path_text
from volary.embedded.api.apply.typed import NotTyped, atomic, item_element, kind_of
from volary.embedded.api.schema import ANY, LIST, MAP, Node
from volary.embedded.api.text.go_text import go_text


def typed_errors(value: Any, node: Node, duplicates: bool) -> list[str]:
    """Return the errors of a value; `duplicates`: lists may have an item twice. Required fields may be missing."""
    return list(_errors(value, node, "", duplicates))


def joined(errors: list[str]) -> str:
    """Return several errors as the server tells them."""
    if len(errors) == 1:
        return errors[0]
    return "errors:\n" + "\n".join(f"  {it}" for it in errors)


def _errors(value: Any, node: Node, path: str, duplicates: bool) -> Iterator[str]:
    if value is None:
        return
    kind = kind_of(node, value)
    if kind == MAP:
        if isinstance(value, dict):
            yield from _map_errors(value, node, path, duplicates)
        else:
            yield _at(path, f"expected map, got {go_value(value)}")
    elif kind == LIST:
        if isinstance(value, list):
            yield from _list_errors(value, node, path, duplicates)
        else:
            yield _at(path, f"expected list, got {go_value(value)}")
    elif why := _scalar_error(value, node):
        yield _at(path, why)


def _at(path: str, why: str) -> str:
    return f"{path}: {why}" if path else why


def _map_errors(value: dict[str, Any], node: Node, path: str, duplicates: bool) -> Iterator[str]:
    for name, child in value.items():
        below = node.field(name)
        if below is None and not node.open:
            yield _at(f"{path}.{name}", "field not declared in schema")
            return  # the server looks no further in this map
        yield from _errors(child, below or node.elem, f"{path}.{name}", duplicates)


def _list_errors(value: list[Any], node: Node, path: str, duplicates: bool) -> Iterator[str]:
    associative = not atomic(node, LIST)
    seen: set[str] = set()
    for index, item in enumerate(value):
        where = f"[{index}]"
        if associative:
            try:
                element = item_element(node, item)
            except NotTyped as error:
                yield _at(path, f"element {index}: {error}")
                return
            where = path_text((element,))
            if element in seen and not duplicates:
                yield _at(path, f"duplicate entries for key {where}")
            seen.add(element)
        yield from _errors(item, node.elem, path + where, duplicates)


def _scalar_error(value: Any, node: Node) -> str:
    if node.kind == ANY or not node.type or node.untyped:
        return f"expected any scalar, got {go_value(value)}" if isinstance(value, dict | list) else ""
    match node.type:
        case "string":
            return "" if isinstance(value, str) else f"expected string, got {go_syntax(value)}"
        case "boolean":
            return "" if isinstance(value, bool) else f"expected boolean, got {go_value(value)}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if number else f"expected numeric (int or float), got {go_type_name(value)}"


def go_value(value: Any) -> str:
    """Return a value as `%v` prints it inside the library's own type."""
    return f"&{{{go_text(value)}}}"


def go_syntax(value: Any) -> str:
    """Return a value as `%#v` prints it inside the library's own type."""
    return f"&value.valueUnstructured{{Value:{_go_literal(value)}}}"


def _go_literal(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}{" + ", ".join(f'"{key}":{_go_literal(it)}' for key, it in value.items()) + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(_go_literal(it) for it in value) + "}"
    if value is None:
        return "interface {}(nil)"
    return f'"{value}"' if isinstance(value, str) else go_text(value)


def go_type_name(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    return {bool: "bool", str: "string"}.get(type(value), "float64")
