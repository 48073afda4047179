"""JSON merge patch.

Source: RFC 7386.
"""

from __future__ import annotations

from typing import Any


def merge_patch(current: Any, patch: Any) -> Any:
    """Return `current` with the patch merged in; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge_patch(merged.get(key), value)
        else:
            merged[key] = value
    return merged
