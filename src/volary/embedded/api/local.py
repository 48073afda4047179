"""How the built-in controllers talk to the API in this process: synchronous, no bytes, the rules that hold for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

Object = Mapping[str, Any]
NewObject = dict[str, Any]
Listener = Callable[[str, Object | None, Object | None], None]  # (resource, old, new); None: not there


class Local(Protocol):
    """Verbs for controllers inside. `resource` is GROUP/PLURAL ("apps/deployments", "/pods" for the core group).

    Objects that come out are shared and must not be changed. Raises: `embedded.api.errors.Problem`.
    """

    def get(self, resource: str, namespace: str, name: str) -> Object | None: ...

    def items(self, resource: str, namespace: str | None = None) -> list[Object]:
        """Return all objects, of one namespace or all (None), sorted by namespace and name."""
        ...

    def resources(self) -> list[str]:
        """Return the resources of which there is at least one object, sorted."""
        ...

    def create(self, resource: str, obj: NewObject, manager: str) -> Object: ...

    def update(self, resource: str, obj: NewObject, manager: str) -> Object:
        """Replace all but the status."""
        ...

    def update_status(self, resource: str, obj: NewObject, manager: str) -> Object: ...

    def delete(self, resource: str, namespace: str, name: str, uid: str = "", policy: str = "") -> None:
        """Delete, if it is there; finalizers and grace periods hold (pods: deletionTimestamp first).

        `policy`: what becomes of dependents (Background, Foreground, Orphan).
        """
        ...

    def remove(self, resource: str, namespace: str, name: str) -> None:
        """Take an object away for good, as a kubelet does for a pod that has stopped (grace period 0)."""
        ...

    def resource_of(self, api_version: str, kind: str) -> str:
        """Return the GROUP/PLURAL of a kind, "" if there is none."""
        ...

    def scale(self, resource: str, namespace: str, name: str) -> Object | None:
        """Return the scale of an object, None if it is not there or has none."""
        ...

    def resize(self, resource: str, namespace: str, name: str, replicas: int, manager: str) -> None:
        """Write the replicas of an object through its scale."""
        ...

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every write, in order, from inside the write: note the key, work later."""
        ...
