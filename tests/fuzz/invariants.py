"""What must hold of an API server after every request, whatever it was."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from volary.embedded.api.answers import Logs, Proxy
from volary.embedded.api.encoding import decode
from volary.embedded.api.server import ApiServer
from volary.embedded.api.store import Change
from volary.embedded.api.verbs.watching import Watcher
from volary.kube.transport import Request, Response

Key = tuple[str, str, str]  # resource, namespace, name
# A real server answers these with 500 as well: what it cannot type, convert or merge.
KNOWN_500 = (
    "failed to create typed patch object",
    "failed to convert",
    "failed to prune fields",
    "failed to create manager",
    "failed to merge config",
    "unknown patch type",
    "list element types are not identical",
    "merging lists cannot yet be specified",
    "cannot merge lists without merge key",
    "unable to find api field",
    "expected a ",
    "expected slice or array type",
    "map: map[",
    "The order in patch list",
    "strconv.ParseUint",
    "value cannot be set because",
    "Internal error occurred: the spec replicas field",
    "accessor error",
    "target.name: Required value",
    "unsupported role reference kind",
)


class Broken(AssertionError):
    """Something that must hold does not."""


class Witness:
    """Follows every write of a server, and holds its store against what the writes said."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.version = self.began = api.core.store.version
        self.mirror: dict[Key, tuple[int, str]] = {}  # -> version, uid
        for resource in api.core.store.resources():
            for entry in api.core.store.items(resource):
                self.mirror[resource, *entry.key] = (entry.version, entry.obj["metadata"]["uid"])
        self.touched: set[Key] = set()
        api.core.store.listeners.append(self.wrote)

    def wrote(self, resource: str, change: Change) -> None:
        key = (resource, *change.new.key)
        if change.version <= self.version:
            raise Broken(f"version {change.version} follows {self.version}")
        self.version = change.version
        if change.new.obj["metadata"]["resourceVersion"] != str(change.version):
            raise Broken(f"{key} does not say its version")
        known = self.mirror.get(key)
        uid = change.new.obj["metadata"]["uid"]
        if (change.type == "ADDED") is (known is not None) and change.old is None:
            raise Broken(f"{change.type} of {key}, which was {known}")
        if known is not None and known[1] not in ("", uid):
            raise Broken(f"{key} has changed its uid")
        if change.type == "DELETED":
            del self.mirror[key]
        else:
            self.mirror[key] = (change.version, uid)
        self.touched.add(key)

    def check(self) -> None:
        """Raises: Broken."""
        store = self.api.core.store
        if store.version < self.version:
            raise Broken("the store's version fell")
        for key in sorted(self.touched):
            resource, namespace, name = key
            entry = store.get(resource, namespace, name)
            known = self.mirror.get(key)
            if (entry.version if entry else None) != (known[0] if known else None):
                raise Broken(f"{key} is not what the writes said")
            if entry is not None:
                self._check_object(resource, entry.obj, entry.raw)
            keys = [it.key for it in store.items(resource)]
            if keys != sorted(keys):
                raise Broken(f"{resource} is not in order")
        self.touched.clear()

    def _check_object(self, resource: str, obj: dict[str, Any], raw: bytes) -> None:
        value = json.loads(raw)
        meta = value["metadata"]
        for name in ("name", "uid", "creationTimestamp", "resourceVersion"):
            if not isinstance(meta.get(name), str) or not meta[name]:
                raise Broken(f"{resource} {meta.get('name')}: no {name}")
        if msgspec.json.decode(msgspec.json.encode(obj)) != value:
            raise Broken(f"{resource} {meta['name']} does not come back as it went")
        for entry in meta.get("managedFields") or ():
            if entry.get("operation") not in ("Apply", "Update") or not isinstance(entry.get("fieldsV1"), dict):
                raise Broken(f"{resource} {meta['name']}: managedFields {entry}")


def check_all(witness: Witness) -> None:
    """Hold the whole store against the mirror of its writes. Raises: Broken."""
    store = witness.api.core.store
    found = {(resource, *it.key): it.version for resource in store.resources() for it in store.items(resource)}
    for key, version in found.items():
        if version <= witness.began:  # what every cluster begins with is made when somebody looks
            witness.mirror.setdefault(key, (version, ""))
    told = {key: version for key, (version, _) in witness.mirror.items()}
    if found != told:
        odd = sorted(set(found.items()) ^ set(told.items()))
        raise Broken(f"the store is not what its writes add up to: {odd[:4]}")


def check_answer(request: Request, answer: Any) -> None:
    """Raises: Broken."""
    if isinstance(answer, Logs | Proxy):
        return
    if isinstance(answer, Watcher):
        frames: list[bytes] = []
        answer.open(frames.append)
        answer.close()
        for frame in frames:
            if not {"type", "object"} <= json.loads(frame).keys():
                raise Broken("a watch says what no event is")
        return
    if not isinstance(answer, Response):
        raise Broken(f"no answer but {answer!r}")
    if answer.headers.get("content-type", "").startswith("application/json") and answer.body:
        _check_body(answer.status, decode(answer.body))


def _check_body(status: int, body: Any) -> None:
    if not isinstance(body, dict):
        raise Broken("an answer is no object")
    refusal = status >= 400 and body.get("kind") == "Status"
    if refusal and (body.get("code"), body.get("status"), type(body.get("message"))) != (status, "Failure", str):
        raise Broken(f"a refusal that is none: {status} {body}")
    if status == 500 and not any(it in body.get("message", "") for it in KNOWN_500):
        raise Broken(f"500: {body.get('message')}")
