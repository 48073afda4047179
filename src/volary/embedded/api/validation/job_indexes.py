"""Indexes of an Indexed Job as text: "0-3,7".

Source: Kubernetes, pkg/apis/batch/validation, validateIndexesFormat.
"""

from __future__ import annotations


class BadIndexes(ValueError):
    """A text that names no indexes; its message is the server's."""


def count_indexes(text: str, completions: int) -> int:
    """Return how many indexes the text names. Raises: BadIndexes."""
    total, last = 0, None
    for part in text.split(",") if text else ():
        first, end = interval(part, completions)
        if last is not None and last >= first:
            raise BadIndexes(f"non-increasing order, previous: {last}, current: {first}")
        total += end - first + 1
        last = end
    return total


def interval(part: str, completions: int) -> tuple[int, int]:
    """Return the first and the last index of a part. Raises: BadIndexes."""
    limits = part.split("-")
    if len(limits) > 2:
        raise BadIndexes(
            f'the fragment "{part}" violates the requirement that an index interval can have at most two parts '
            "separated by '-'"
        )
    first = _index(limits[0], completions)
    if len(limits) == 1:
        return first, first
    last = _index(limits[1], completions)
    if first >= last:
        raise BadIndexes(f"non-increasing order, previous: {first}, current: {last}")
    return first, last


def _index(text: str, completions: int) -> int:
    if not text.lstrip("+-").isdigit() or not text.isascii():
        raise BadIndexes(f'cannot convert string to integer for index: "{text}"')
    if int(text) >= completions:
        raise BadIndexes(f'too large index: "{text}"')
    return int(text)
