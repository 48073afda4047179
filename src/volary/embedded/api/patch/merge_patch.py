"""JSON merge patch.

It follows the server's library where that goes further than the RFC: inside a list that is new, or takes the place of
something else than a map, maps lose their nulls too.

Source: RFC 7386; gopkg.in/evanphx/json-patch.v4.
"""

from __future__ import annotations

from typing import Any


def merge_patch(current: Any, patch: Any) -> Any:
    """Return `current` with the patch merged in; neither is changed. Maps that were merged come out sorted."""
    if not isinstance(current, dict):
        return _without_nulls(patch)
    if not isinstance(patch, dict):
        return patch
    merged = dict(current)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return dict(sorted(merged.items()))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(it) for key, it in sorted(value.items()) if it is not None}
    return [_without_nulls(it) for it in value] if isinstance(value, list) else value
