"""Values as Go prints them in messages."""

from __future__ import annotations

from typing import Any

SHORT_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def go_text(value: Any) -> str:
    """Return a value as Go prints it in messages."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(it)}" for key, it in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_text(it) for it in value) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def go_quoted(text: str) -> str:
    """Return a text in quotes, with what cannot be printed escaped as Go does."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_escaped(it) for it in text) + '"'


def _escaped(letter: str) -> str:
    if letter in ('"', "\\"):
        return "\\" + letter
    if letter.isprintable():
        return letter
    if letter in SHORT_ESCAPES:
        return SHORT_ESCAPES[letter]
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
