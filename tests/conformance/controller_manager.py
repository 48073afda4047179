"""The real kube-controller-manager beside an embedded cluster that does without our controllers.

It speaks to the cluster as to any API server: over HTTPS, in protobuf, with a Lease of its own. Everything runs on one
event loop in the main thread, which pods need: their lives are tied to it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from volary.embedded.api.local import NewObject, Object
from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.embedded.controllers.objects import condition, edited, status_of
from volary.embedded.kubeconfig import write_kubeconfig
from volary.runtime.clock import SystemClock

PATIENCE = 90.0  # seconds, for a machine that is busy; nothing waits for this time where all is well
LEASES, NAMESPACES = "coordination.k8s.io/leases", "/namespaces"
PERSON = "kubectl"
PODINFO, NEWER, SHELL = (
    "ghcr.io/stefanprodan/podinfo:6.0.0",
    "ghcr.io/stefanprodan/podinfo:6.0.1",
    "busybox:1.36",
)


class Stage:
    """An embedded cluster and the real controller manager, which is its only controller."""

    def __init__(self, cluster: EmbeddedCluster, manager: asyncio.subprocess.Process, log: Path) -> None:
        self.cluster = cluster
        self.local = cluster.api.local
        self.manager = manager
        self.log = log

    def create(self, resource: str, kind: str, name: str, spec: NewObject, version: str = "apps/v1") -> None:
        metadata = {"name": name, "namespace": "test"}
        self.local.create(resource, {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}, PERSON)

    def change(self, resource: str, name: str, change: Callable[[NewObject], None]) -> None:
        new = edited(self.get(resource, name))
        change(new)
        self.local.update(resource, new, PERSON)

    def get(self, resource: str, name: str) -> Object:
        return self.local.get(resource, "test", name) or {}

    def names(self, resource: str, app: str) -> list[str]:
        """Return the names of the objects with the label `app`."""
        found = [each for each in self.local.items(resource, "test") if _app(each) == app]
        return sorted(each["metadata"]["name"] for each in found)

    def reasons(self, about: str) -> set[str]:
        """Return the reasons of the Events about an object of this name."""
        events = self.local.items("/events", "test")
        return {each["reason"] for each in events if each["involvedObject"]["name"] == about}

    def holds(self, resource: str, name: str, kind: str) -> bool:
        found = condition(self.get(resource, name), kind)
        return found is not None and found["status"] == "True"

    def rolled_out(self, name: str, image: str) -> bool:
        """Are all pods of a Deployment or DaemonSet of this image, and ready?"""
        pods = [each for each in self.local.items("/pods", "test") if _app(each) == name]
        images = {each["spec"]["containers"][0]["image"] for each in pods}
        ready = [each for each in pods if (condition(each, "Ready") or {}).get("status") == "True"]
        return images == {image} and len(ready) == len(pods)

    def settled(self, name: str, replicas: int) -> bool:
        there = self.get("apps/deployments", name)
        counts = [status_of(there).get(each) for each in ("replicas", "updatedReplicas", "availableReplicas")]
        seen = status_of(there).get("observedGeneration") == there["metadata"]["generation"]
        return bool(seen and counts == [replicas] * 3)

    async def until(self, true: Callable[[], Any], what: str) -> None:
        """Wait until something is so; every write is a reason to look again."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        self.local.listen(lambda resource, old, new: changed.set())
        end = loop.time() + PATIENCE
        while not true():
            changed.clear()
            try:
                async with asyncio.timeout_at(end):
                    await changed.wait()
            except TimeoutError:
                raise AssertionError(f"{what}: not within {PATIENCE:g} s; {self.log.read_text()[-3000:]}") from None


def _app(obj: Object) -> str:
    return str((obj["metadata"].get("labels") or {}).get("app") or "")


@asynccontextmanager
async def staged(folder: Path, binary: Path) -> AsyncIterator[Stage]:
    """Run both; on leaving, the controller manager is asked to end, and nothing of the cluster is left."""
    cluster = EmbeddedCluster(Wanted("embedded", controllers=False), folder / "cluster", SystemClock())
    log, kubeconfig = folder / "controller-manager.log", folder / "kubeconfig"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(cluster.run())
        await asyncio.wait_for(cluster.ready.wait(), PATIENCE)
        write_kubeconfig(kubeconfig, {"embedded": cluster.server})
        key, authority = folder / "accounts.key", folder / "ca.crt"
        write_secrets(cluster, key, authority)
        with log.open("wb") as output:
            manager = await asyncio.create_subprocess_exec(
                *(str(binary), "controller-manager", f"--kubeconfig={kubeconfig}", "--secure-port=0", "-v=2"),
                *("--leader-elect=true", "--kube-api-qps=500", "--kube-api-burst=1000"),
                *(f"--root-ca-file={authority}", f"--service-account-private-key-file={key}"),
                "--use-service-account-credentials",  # each controller with its own account, token and rights
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "TESTBED_PARENT": str(os.getpid())},
            )
        try:
            stage = Stage(cluster, manager, log)
            stage.local.create(NAMESPACES, {"metadata": {"name": "test"}}, PERSON)
            yield stage
        finally:
            if manager.returncode is None:
                manager.terminate()
            await asyncio.wait_for(manager.wait(), PATIENCE)
            running.cancel()


def write_secrets(cluster: EmbeddedCluster, key: Path, authority: Path) -> None:
    """Write a key for the tokens of accounts, and the authority that pods are told of."""
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key.write_bytes(made.private_bytes(pem, form, serialization.NoEncryption()))
    authority.write_bytes(authority_of(cluster))


def authority_of(cluster: EmbeddedCluster) -> bytes:
    """Return the certificate that vouches for the cluster's API, in PEM."""
    config = yaml.safe_load((cluster.folder.parent / "kubeconfig").read_text())
    return base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])


def template(app: str, image: str, *command: str, **spec: Any) -> NewObject:
    """Return a pod template of one container."""
    container: NewObject = {"name": "main", "image": image}
    if command:
        container["command"] = list(command)
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container], **spec}}


def workload(app: str, image: str, **spec: Any) -> NewObject:
    """Return the spec of a Deployment or DaemonSet."""
    return {"selector": {"matchLabels": {"app": app}}, "template": template(app, image), **spec}


def job(app: str, command: str, **spec: Any) -> NewObject:
    pod = template(app, SHELL, "sh", "-c", command, restartPolicy="Never")
    return {"template": pod, **spec}


def set_image(image: str) -> Callable[[NewObject], None]:
    def change(obj: NewObject) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    return change
