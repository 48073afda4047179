"""Many Events that differ only in their text become one: `(combined from similar events): …`, with a rising count.

The tenth text of one reason about one object within ten minutes of the last is the first that is combined. Pure.
Source: client-go, `tools/events`, `record.EventCorrelator` (`events_cache.go`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

PREFIX = "(combined from similar events): "
MOST_TEXTS = 10
WITHIN = timedelta(minutes=10)
MOST_REMEMBERED = 4096  # groups; older ones begin anew

Group = tuple[str, str, str, str]  # uid, type, reason, component


class SimilarEvents:
    """The texts that were said lately."""

    def __init__(self) -> None:
        self._groups: dict[Group, tuple[datetime, dict[str, None]]] = {}

    def combines(self, group: Group, text: str, now: datetime) -> bool:
        """Return whether this text goes into the one Event of its group; it is remembered in any case."""
        last, texts = self._groups.pop(group, (now, dict[str, None]()))
        if now - last > WITHIN:
            texts = {}
        texts[text] = None
        many = len(texts) >= MOST_TEXTS
        if many:
            del texts[next(iter(texts))]
        if len(self._groups) >= MOST_REMEMBERED:
            del self._groups[next(iter(self._groups))]
        self._groups[group] = (now, texts)
        return many
