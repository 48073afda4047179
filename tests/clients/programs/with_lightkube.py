"""What programs do with lightkube: typed and generic resources, apply, watch, async. Usage: KUBECONFIG NAMESPACE."""

from __future__ import annotations

import asyncio
import sys

from lightkube import AsyncClient, Client
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod
from lightkube.types import CascadeType, PatchType

from manifests import DEPLOYMENT, GROUP, WIDGET, WIDGETS, ended, step

KUBECONFIG, NAMESPACE = sys.argv[1:]
Widget = create_namespaced_resource(GROUP, "v1", "Widget", "widgets")


def made(name: str, **labels: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, labels=labels), data={"a": name})


def config_maps(client: Client) -> None:
    for number in range(7):
        client.create(made(f"one-{number}", even=str(number % 2 == 0).lower()))
    names = [it.metadata.name for it in client.list(ConfigMap, labels={"even": "true"}, chunk_size=2)]
    assert names == ["one-0", "one-2", "one-4", "one-6"], names
    assert [it.metadata.name for it in client.list(ConfigMap, fields={"metadata.name": "one-3"})] == ["one-3"]
    one = client.get(ConfigMap, "one-0")
    one.data["a"] = "b"
    client.replace(one)
    try:
        client.replace(one)
        raise AssertionError("an old version was taken")
    except ApiError as error:
        assert (error.status.code, error.status.reason) == (409, "Conflict")
    client.patch(ConfigMap, "one-1", [{"op": "add", "path": "/data/b", "value": "c"}], patch_type=PatchType.JSON)
    assert client.get(ConfigMap, "one-1").data == {"a": "one-1", "b": "c"}
    client.delete(ConfigMap, "one-5")
    assert len(list(client.list(ConfigMap, labels={"even": "false"}))) == 2
    step("config maps")


def watching(client: Client) -> None:
    version = client.get(ConfigMap, "one-0").metadata.resourceVersion
    client.patch(ConfigMap, "one-0", {"metadata": {"labels": {"seen": "yes"}}})
    client.delete(ConfigMap, "one-0")
    seen = []
    for kind, obj in client.watch(ConfigMap, fields={"metadata.name": "one-0"}, resource_version=version):
        seen.append(kind)
        if kind == "DELETED":
            assert obj.metadata.labels["seen"] == "yes"
            break
    assert seen == ["MODIFIED", "DELETED"], seen
    step("watch")


def deployments(client: Client) -> None:
    client.apply(
        Deployment.from_dict({**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "namespace": NAMESPACE}}),
        field_manager="me",
    )
    client.wait(Deployment, "app", for_conditions=["Available"])
    scaled = client.replace(Deployment.Scale(metadata=ObjectMeta(name="app", namespace=NAMESPACE), spec=ScaleSpec(3)))
    assert scaled.spec.replicas == 3
    assert all(it.metadata.ownerReferences[0].kind == "ReplicaSet" for it in client.list(Pod, labels={"app": "app"}))
    client.delete(Deployment, "app", cascade=CascadeType.FOREGROUND)
    step("deployment")


def custom(client: Client) -> None:
    client.create(CustomResourceDefinition.from_dict(WIDGETS))
    client.wait(CustomResourceDefinition, WIDGETS["metadata"]["name"], for_conditions=["Established"])
    one = client.create(Widget(WIDGET), namespace=NAMESPACE)
    assert one["spec"] == {"colour": "green", "size": 1}
    applied = {**WIDGET, "spec": {"colour": "blue"}}
    try:
        client.apply(Widget(applied), namespace=NAMESPACE, field_manager="two")
        raise AssertionError("two managers own one field")
    except ApiError as error:
        assert error.status.code == 409
    forced = client.apply(Widget(applied), namespace=NAMESPACE, field_manager="two", force=True)
    assert forced["spec"]["colour"] == "blue"
    client.deletecollection(Widget, namespace=NAMESPACE)
    assert list(client.list(Widget, namespace=NAMESPACE)) == []
    client.delete(CustomResourceDefinition, WIDGETS["metadata"]["name"])
    step("custom resources")


async def asynchronous(config: KubeConfig) -> None:
    async with AsyncClient(config, namespace=NAMESPACE, trust_env=False) as client:
        await client.create(made("later"))
        names = [it.metadata.name async for it in client.list(ConfigMap, fields={"metadata.name": "later"})]
        assert names == ["later"]
        async for kind, _ in client.watch(ConfigMap, fields={"metadata.name": "later"}):
            assert kind == "ADDED"
            break
    step("async")


config = KubeConfig.from_file(KUBECONFIG)
with Client(config, namespace=NAMESPACE, trust_env=False) as first:
    first.create(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
    config_maps(first)
    watching(first)
    deployments(first)
    custom(first)
    asyncio.run(asynchronous(config))
    first.delete(Namespace, NAMESPACE)
ended()
