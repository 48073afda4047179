"""The clusters of the fleet as the controllers see them. Who keeps this true is `membership.py`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from volary.runtime.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Member:
    """One Cluster object and the way to its API server."""

    name: str
    uid: str  # of its kube-system namespace; "" while not known
    labels: Mapping[str, str]
    suspend: bool
    reachable: str  # True | False | Unknown
    reason: str
    message: str
    since: datetime | None
    cluster: Cluster | None  # None: no kubeconfig that can be used


class Members(Protocol):
    """All clusters of the fleet."""

    def all(self) -> list[Member]:
        """Return all members, sorted by name."""
        ...

    def get(self, name: str) -> Member | None: ...

    def listen(self, changed: Callable[[str], None]) -> None:
        """Call `changed(name)` when a member joined, left, changed, or its reachability did."""
        ...
