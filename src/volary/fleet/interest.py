"""Which keys want a pass when an object changes. Pure bookkeeping.

Informers are shared and outlive any one run, so a key says what it looked at, and saying it again replaces what it
said before: a run that has ended looks at nothing and is woken by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

Topic = tuple[str, str, str]  # cluster, plural, NAMESPACE/NAME ("" for all of that kind)


class Interests:
    """Topics <-> keys."""

    def __init__(self) -> None:
        self._topics: dict[str, frozenset[Topic]] = {}
        self._keys: dict[Topic, set[str]] = {}

    def set(self, key: str, topics: Iterable[Topic]) -> None:
        """Let `key` be woken by these topics and no others."""
        wanted, before = frozenset(topics), self._topics.get(key, frozenset())
        for topic in before - wanted:
            self._keys[topic].discard(key)
            if not self._keys[topic]:
                del self._keys[topic]
        for topic in wanted - before:
            self._keys.setdefault(topic, set()).add(key)
        if wanted:
            self._topics[key] = wanted
        else:
            self._topics.pop(key, None)

    def keys(self, cluster: str, plural: str, key: str) -> list[str]:
        """Return the keys that look at this object, or at all of its kind, sorted."""
        one = self._keys.get((cluster, plural, key), set())
        return sorted(one | self._keys.get((cluster, plural, ""), set()))
