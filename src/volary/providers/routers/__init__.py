"""Plug-ins that turn a percent into a Kubernetes object, and back. Pure; each is one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from volary.kube.objects import NewObject, Object, Resource
from volary.providers.routers.istio import Istio
from volary.providers.split import Split


class Router(Protocol):
    """What a router plug-in can do."""

    resource: Resource  # the kind of the object that carries the weights

    def weight(self, current: Object, split: Split) -> int | None:
        """Return the canary's percent, or None if the object does not split between these two sides."""
        ...

    def with_weight(self, current: Object, split: Split, percent: int) -> NewObject:
        """Return `current` with `percent` (0-100) of traffic on the canary and all else kept."""
        ...


ROUTERS: Mapping[str, type[Router]] = {"istio": Istio}

__all__ = ["ROUTERS", "Istio", "Router", "Split"]
