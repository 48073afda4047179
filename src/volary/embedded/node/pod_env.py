"""What a container is given: its environment and the files of its volumes, read from ConfigMaps and Secrets.

Source: Kubernetes kubelet (`kubelet_pods.go`, `configmap`, `secret` and `projected` volumes).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from volary.embedded.api.local import Local, Object
from volary.embedded.controllers.objects import annotations_of, labels_of, name_of, namespace_of, spec_of, uid_of
from volary.embedded.node.image_table import expand

SOURCES = {"configMap": ("configmap", "/configmaps"), "secret": ("secret", "/secrets")}


class Missing(Exception):
    """A ConfigMap, a Secret or a key that the pod needs is not there (yet)."""


class Given:
    """Reads for one pod what its containers are given."""

    def __init__(self, local: Local, pod: Object, facts: Mapping[str, str]) -> None:
        self.local = local
        self.pod = pod
        self.facts = facts  # status.podIP, status.hostIP

    def environment(self, container: Object) -> dict[str, str]:
        """Return the variables that the pod's author asks for. Raises: Missing."""
        env: dict[str, str] = {}
        for source in container.get("envFrom") or ():
            env |= self._all_of(source)
        for entry in container.get("env") or ():
            value = entry.get("value")
            if value is not None or "valueFrom" not in entry:
                env[entry["name"]] = expand(value or "", env)
            else:
                found = self._value_from(entry["valueFrom"])
                if found is not None:
                    env[entry["name"]] = found
        return env

    def _all_of(self, source: Object) -> dict[str, str]:
        for field, volume_kind in (("configMapRef", "configMap"), ("secretRef", "secret")):
            ref = source.get(field)
            if ref is not None:
                data = self._data(volume_kind, ref["name"], bool(ref.get("optional")))
                prefix = source.get("prefix") or ""
                return {prefix + key: value.decode(errors="replace") for key, value in data.items()}
        return {}

    def _value_from(self, source: Object) -> str | None:
        for field, volume_kind in (("configMapKeyRef", "configMap"), ("secretKeyRef", "secret")):
            ref = source.get(field)
            if ref is not None:
                data = self._data(volume_kind, ref["name"], bool(ref.get("optional")))
                if ref["key"] in data:
                    return data[ref["key"]].decode(errors="replace")
                if ref.get("optional"):
                    return None
                kind = SOURCES[volume_kind][0]
                raise Missing(f"couldn't find key {ref['key']} in {kind} {namespace_of(self.pod)}/{ref['name']}")
        if "fieldRef" in source:
            return self._field(source["fieldRef"]["fieldPath"])
        return ""  # resourceFieldRef: there are no limits here

    def _field(self, path: str) -> str:
        """Return a field of the pod as the downward API names it."""
        for prefix, values in (
            ("metadata.labels", labels_of(self.pod)),
            ("metadata.annotations", annotations_of(self.pod)),
        ):
            if path.startswith(f"{prefix}['"):
                return values.get(path[len(prefix) + 2 : -2], "")
        known = {
            "metadata.name": name_of(self.pod),
            "metadata.namespace": namespace_of(self.pod),
            "metadata.uid": uid_of(self.pod),
            "spec.nodeName": str(spec_of(self.pod).get("nodeName") or ""),
            "spec.serviceAccountName": str(spec_of(self.pod).get("serviceAccountName") or "default"),
            "status.podIPs": self.facts.get("status.podIP", ""),
            **self.facts,
        }
        return known.get(path, "")

    def _data(self, kind: str, name: str, optional: bool) -> dict[str, bytes]:
        word, resource = SOURCES[kind]
        found = self.local.get(resource, namespace_of(self.pod), name)
        if found is None:
            if optional:
                return {}
            raise Missing(f'{word} "{name}" not found')
        if kind == "secret":
            return {key: _decoded(value) for key, value in (found.get("data") or {}).items()}
        plain = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        return plain | {key: _decoded(value) for key, value in (found.get("binaryData") or {}).items()}

    def files(self) -> dict[str, bytes]:
        """Return the files of the pod's volumes as VOLUME/PATH -> content. Raises: Missing."""
        found: dict[str, bytes] = {}
        for volume in spec_of(self.pod).get("volumes") or ():
            for path, content in self._volume(volume):
                found[f"volumes/{volume['name']}/{path}"] = content
        return found

    def _volume(self, volume: Object) -> Iterable[tuple[str, bytes]]:
        if "configMap" in volume:
            yield from self._keys("configMap", volume["configMap"], volume["configMap"].get("name") or "")
        elif "secret" in volume:
            yield from self._keys("secret", volume["secret"], volume["secret"].get("secretName") or "")
        for source in (volume.get("projected") or {}).get("sources") or ():
            for kind in SOURCES:
                if kind in source:
                    yield from self._keys(kind, source[kind], source[kind].get("name") or "")

    def _keys(self, kind: str, source: Object, name: str) -> Iterable[tuple[str, bytes]]:
        data = self._data(kind, name, bool(source.get("optional")))
        items: list[Mapping[str, Any]] = source.get("items") or [{"key": key, "path": key} for key in data]
        for item in items:
            if item["key"] in data:
                yield _inside(item["path"]), data[item["key"]]
            elif not source.get("optional"):
                raise Missing(f"references non-existent {SOURCES[kind][0]} key: {item['key']}")

    def mounts(self, container: Object) -> dict[str, str]:
        """Return path in the container -> folder of the volume, below the pod's own folder."""
        return {
            str(mount["mountPath"]).rstrip("/"): f"volumes/{mount['name']}"
            for mount in container.get("volumeMounts") or ()
        }


def _inside(path: str) -> str:
    """Return a path that stays in its volume. Raises: Missing."""
    if path.startswith("/") or ".." in path.split("/"):
        raise Missing(f"the path {path!r} of a volume's item leaves the volume")
    return path


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
