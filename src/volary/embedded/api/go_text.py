"""Values as Go prints them in messages."""

from __future__ import annotations

from typing import Any


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
