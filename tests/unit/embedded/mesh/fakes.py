"""A small API for the mesh's tests: objects in dictionaries, listeners called after every write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from volary.embedded.api.local import Listener, NewObject, Object

Address = tuple[str, int]


class FakeLocal:
    """Whole enough for what reads Services and writes a few objects."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self._listeners: list[Listener] = []

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((resource, namespace, name))

    def items(self, resource: str, namespace: str | None = None) -> list[Object]:
        keys = sorted(key for key in self.objects if key[0] == resource and namespace in (None, key[1]))
        return [self.objects[key] for key in keys]

    def put(self, resource: str, obj: NewObject) -> Object:
        meta = obj["metadata"]
        key = (resource, meta.get("namespace", ""), meta["name"])
        old, self.objects[key] = self.objects.get(key), obj
        self._tell(resource, old, obj)
        return obj

    def create(self, resource: str, obj: NewObject, manager: str) -> Object:
        assert manager
        return self.put(resource, obj)

    update = update_status = create

    def resources(self) -> list[str]:
        return sorted({key[0] for key in self.objects})

    def resource_of(self, api_version: str, kind: str) -> str:
        raise AssertionError(f"nobody here asks for {kind}")

    def scale(self, resource: str, namespace: str, name: str) -> Object | None:
        raise AssertionError(f"nobody here asks for the scale of {name}")

    def resize(self, resource: str, namespace: str, name: str, replicas: int, manager: str) -> None:
        raise AssertionError(f"nobody here scales {name}")

    def delete(self, resource: str, namespace: str, name: str, uid: str = "", policy: str = "") -> None:
        old = self.objects.pop((resource, namespace, name), None)
        if old is not None:
            self._tell(resource, old, None)

    def remove(self, resource: str, namespace: str, name: str) -> None:
        self.delete(resource, namespace, name)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def _tell(self, resource: str, old: Object | None, new: Object | None) -> None:
        for listener in self._listeners:
            listener(resource, old, new)


def service(name: str, *ports: int, namespace: str = "test", selector: Mapping[str, str] | None = None) -> NewObject:
    entries = [{"name": f"p{port}" if len(ports) > 1 else "http", "port": port, "targetPort": 9898} for port in ports]
    spec = {"ports": entries, "selector": dict(selector or {"app": name})}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def endpoint_slice(name: str, *pods: str, namespace: str = "test", port: int = 9898, ready: bool = True) -> NewObject:
    """Return the slice of a Service whose one port is named http."""
    endpoints = [
        {
            "addresses": ["10.1.0.1"],
            "conditions": {"ready": ready},
            "targetRef": {"kind": "Pod", "name": pod, "namespace": namespace},
        }
        for pod in pods
    ]
    meta = {"name": f"{name}-x", "namespace": namespace, "labels": {"kubernetes.io/service-name": name}}
    return {"metadata": meta, "endpoints": endpoints, "ports": [{"name": "http", "port": port}]}


def virtual_service(
    *http: Mapping[str, Any], name: str = "podinfo", hosts: tuple[str, ...] = ("podinfo",)
) -> NewObject:
    meta = {"name": name, "namespace": "test", "creationTimestamp": "2026-11-24T10:00:00Z"}
    return {"metadata": meta, "spec": {"hosts": list(hosts), "http": list(http)}}


def split(**weights: int) -> dict[str, Any]:
    """Return an `http` entry: split(podinfo_primary=90, podinfo_canary=10)."""
    route = [{"destination": {"host": name.replace("_", "-")}, "weight": weight} for name, weight in weights.items()]
    return {"route": route}


class PodConnection(asyncio.Protocol):
    def __init__(self, pods: FakePods, name: str) -> None:
        self.pods, self.name = pods, name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.pods.open.setdefault(self.name, set()).add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.pods.open[self.name].discard(self.transport)

    def data_received(self, data: bytes) -> None:
        for head in data.split(b"\r\n\r\n")[:-1]:
            self.pods.served[self.name] = self.pods.served.get(self.name, 0) + 1
            self.pods.last = head
            status, name = self.pods.answer(head), self.name.encode()
            self.transport.write(b"HTTP/1.1 %s\r\nx-volary-pod: %s\r\ncontent-length: 0\r\n\r\n" % (status, name))


class FakePods:
    """Pods as small servers in this process, each on a port of its own; every answer is signed."""

    def __init__(self) -> None:
        self.addresses: dict[tuple[str, str], dict[int, Address]] = {}
        self.served: dict[str, int] = {}
        self.open: dict[str, set[asyncio.Transport]] = {}
        self.last: bytes = b""  # the last request's head
        self.answer: Callable[[bytes], bytes] = lambda head: b"200 OK"
        self._servers: dict[str, asyncio.Server] = {}

    def __call__(self, namespace: str, name: str) -> Mapping[int, Address]:
        return self.addresses.get((namespace, name), {})

    @asynccontextmanager
    async def run(self, local: FakeLocal, *names: str) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        for name in names:
            server = await loop.create_server(partial(PodConnection, self, name), "127.0.0.1", 0)
            self._servers[name] = server
            self.addresses["test", name] = {9898: server.sockets[0].getsockname()[:2]}
            local.put("/pods", {"metadata": {"name": name, "namespace": "test"}})
        try:
            yield
        finally:
            for name in names:
                self.kill(name)

    async def let_go(self, name: str) -> None:
        """Wait until nobody holds a connection to a pod: Envoy has learned that it leaves."""
        async with asyncio.timeout(5):
            while self.open.get(name):  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    def kill(self, name: str) -> None:
        """End a pod at once: nobody listens, connections break."""
        self._servers[name].close()
        for transport in list(self.open.get(name, ())):
            transport.abort()
