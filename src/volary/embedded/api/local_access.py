"""`Local` on one server: the way of the controllers inside, without bytes but with the same rules.

Their writes skip what a decoder checks (they write what the schemas allow); defaults, validation, generation,
managedFields and conflicts are as for everybody.
"""

from __future__ import annotations

from volary.embedded.api.apply.scale_managers import SCALE_VERSION
from volary.embedded.api.auth.identity import master
from volary.embedded.api.bodies import headed
from volary.embedded.api.call import Call, Options, Path
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.defaults.omission import omit
from volary.embedded.api.encoding import copy_of, encode
from volary.embedded.api.errors import no_such_path
from volary.embedded.api.local import Listener, NewObject, Object
from volary.embedded.api.store import Change, Entry
from volary.embedded.api.verbs.binding import bind
from volary.embedded.api.verbs.creating import create_object
from volary.embedded.api.verbs.deleting import DeleteOptions, delete
from volary.embedded.api.verbs.scaling import put_scale, scale_of
from volary.embedded.api.verbs.updating import commit, find

JSON = {"content-type": "application/json"}
SYSTEM = master("system:kube-controller-manager")


class LocalAccess:
    """Implements `local.Local`."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        entry = self.core.store.get(self._stored_name(resource), namespace, name)
        return entry.obj if entry else None

    def items(self, resource: str, namespace: str | None = None) -> list[Object]:
        """Return all objects, of one namespace or all (None), sorted by namespace and name."""
        return [entry.obj for entry in self.core.store.items(self._stored_name(resource), namespace)]

    def resources(self) -> list[str]:
        """Return the resources of which there is at least one object, sorted."""
        return self.core.store.resources()

    def create(self, resource: str, obj: NewObject, manager: str) -> Object:
        """Create. Raises: Problem."""
        type_ = self._type(resource)
        new = _copied(type_, obj)
        namespace = str(new["metadata"].get("namespace") or "") if type_.kind.namespaced else ""
        return create_object(self.core, type_, namespace, new, _options(manager)).obj

    def update(self, resource: str, obj: NewObject, manager: str) -> Object:
        """Replace all but the status; of a Namespace also its finalizers. Raises: Problem."""
        return self._update(resource, obj, manager, "finalize" if resource == "/namespaces" else "")

    def update_status(self, resource: str, obj: NewObject, manager: str) -> Object:
        """Replace the status. Raises: Problem."""
        return self._update(resource, obj, manager, "status")

    def _update(self, resource: str, obj: NewObject, manager: str, subresource: str) -> Object:
        type_ = self._type(resource)
        new = _copied(type_, obj)
        meta = new["metadata"]
        namespace = str(meta.get("namespace") or "") if type_.kind.namespaced else ""
        entry = find(self.core, type_, namespace, str(meta.get("name") or ""))
        if resource == "/pods":
            entry = self._bound(type_, entry, new)
        return commit(self.core, type_, entry, new, subresource, _options(manager)).obj

    def _bound(self, type_: ResourceType, entry: Entry, new: NewObject) -> Entry:
        """Bind a pod first where the update gives it a node: nothing else may."""
        node = (new.get("spec") or {}).get("nodeName")
        version = new["metadata"].get("resourceVersion")
        if not node or entry.obj["spec"].get("nodeName") or version not in (None, "", str(entry.version)):
            return entry
        bound = bind(self.core, type_, entry, node)
        new["metadata"]["resourceVersion"] = str(bound.version)
        return bound

    def delete(self, resource: str, namespace: str, name: str, uid: str = "", policy: str = "") -> None:
        """Delete, if it is there; finalizers and grace periods hold. Raises: Problem, if it is another object."""
        type_ = self._type(resource)
        if self.core.store.get(type_.storage, namespace, name) is not None:
            delete(self.core, type_, namespace, name, DeleteOptions(uid=uid, policy=policy))

    def remove(self, resource: str, namespace: str, name: str) -> None:
        """Take a pod that has stopped away for good; finalizers still hold it."""
        type_ = self._type(resource)
        entry = self.core.store.get(type_.storage, namespace, name)
        if entry is not None:
            delete(self.core, type_, namespace, name, DeleteOptions(grace_seconds=0))

    def resource_of(self, api_version: str, kind: str) -> str:
        """Return the GROUP/PLURAL of a kind, "" if there is none."""
        found = self.core.catalog.by_kind(api_version, kind)
        return found.storage if found else ""

    def scale(self, resource: str, namespace: str, name: str) -> Object | None:
        """Return the scale of an object, None if it is not there or has none. Raises: Problem."""
        type_ = self._type(resource)
        entry = self.core.store.get(type_.storage, namespace, name)
        if entry is None or type_.kind.subresource("scale") is None:
            return None
        return scale_of(type_, entry.obj)

    def resize(self, resource: str, namespace: str, name: str, replicas: int, manager: str) -> None:
        """Write the replicas of an object through its scale. Raises: Problem."""
        type_ = self._type(resource)
        kind = type_.kind
        path = Path(type_.group, kind.version, namespace, type_.plural, name, "scale")
        head = {"apiVersion": SCALE_VERSION, "kind": "Scale", "metadata": {"name": name, "namespace": namespace}}
        body = encode({**head, "spec": {"replicas": replicas}})
        put_scale(self.core, Call("PUT", path, type_, {}, JSON, body, _options(manager)))

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every write, in order, from inside the write."""

        def note(resource: str, change: Change) -> None:
            old = change.old.obj if change.old else None
            listener(resource, old, None if change.type == "DELETED" else change.new.obj)

        self.core.store.listeners.append(note)

    def _stored_name(self, resource: str) -> str:
        found = self.core.catalog.stored(resource)
        return found.storage if found else resource

    def _type(self, resource: str) -> ResourceType:
        found = self.core.catalog.stored(resource)
        if found is None:
            raise no_such_path()
        return found


def _copied(type_: ResourceType, obj: NewObject) -> NewObject:
    """Return a fresh copy as a decoder would make it, managedFields left to the server."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    new: NewObject = copy_of({**obj, "metadata": meta})
    if not type_.custom:
        omit(new, type_.node)
        new.setdefault("metadata", {})
    return headed(new, type_)


def _options(manager: str) -> Options:
    return Options(manager, validation="Ignore", user=SYSTEM)
