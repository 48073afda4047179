"""What programs do with the official client: typed, dynamic, watch, informer, async. Usage: KUBECONFIG NAMESPACE."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.aio import client as aio_client
from kubernetes.aio import config as aio_config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

from manifests import DEPLOYMENT, WIDGET, WIDGETS, ended, step

KUBECONFIG, NAMESPACE = sys.argv[1:]


def refused(code: int, call: Any, *args: Any, **kwargs: Any) -> ApiException:
    try:
        call(*args, **kwargs)
    except ApiException as error:
        assert error.status == code, (error.status, error.body)
        return error
    raise AssertionError(f"{call} was not refused")


def config_maps(core: client.CoreV1Api) -> None:
    for number in range(5):
        meta = client.V1ObjectMeta(name=f"one-{number}", labels={"even": str(number % 2 == 0).lower()})
        core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=meta, data={"n": str(number)}))
    even = core.list_namespaced_config_map(NAMESPACE, label_selector="even=true").items
    assert [it.metadata.name for it in even] == ["one-0", "one-2", "one-4"]
    page = core.list_namespaced_config_map(NAMESPACE, limit=2)
    rest = core.list_namespaced_config_map(NAMESPACE, limit=100, _continue=page.metadata._continue)
    assert len(page.items) == 2
    assert len(rest.items) >= 3
    one = core.read_namespaced_config_map("one-0", NAMESPACE)
    one.data["n"] = "changed"
    core.replace_namespaced_config_map("one-0", NAMESPACE, one)
    assert "Conflict" in refused(409, core.replace_namespaced_config_map, "one-0", NAMESPACE, one).body
    core.patch_namespaced_config_map("one-1", NAMESPACE, {"data": {"n": None, "m": "1"}})
    assert core.read_namespaced_config_map("one-1", NAMESPACE).data == {"m": "1"}
    refused(404, core.read_namespaced_config_map, "none", NAMESPACE)
    refused(409, core.create_namespaced_config_map, NAMESPACE, {"metadata": {"name": "one-0"}})
    refused(422, core.create_namespaced_config_map, NAMESPACE, {"metadata": {"name": "Not A Name"}})
    step("config maps")


def follow(core: client.CoreV1Api) -> None:
    version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    seen: list[tuple[str, str]] = []

    def later() -> None:
        core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "watched"}})
        core.patch_namespaced_config_map("watched", NAMESPACE, {"data": {"a": "b"}})
        core.delete_namespaced_config_map("watched", NAMESPACE)

    writer = threading.Thread(target=later)
    writer.start()
    looker = watch.Watch()
    for event in looker.stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=30
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            looker.stop()
    writer.join()
    assert seen == [("ADDED", "watched"), ("MODIFIED", "watched"), ("DELETED", "watched")], seen
    gone = next(watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, field_selector="metadata.name=one-3"))
    assert gone["object"].data == {"n": "3"}
    step("watch")


def deployments(api: client.ApiClient) -> None:
    apps = client.AppsV1Api(api)
    utils.create_from_dict(api, DEPLOYMENT, namespace=NAMESPACE)
    looker = watch.Watch()
    for event in looker.stream(apps.list_namespaced_deployment, NAMESPACE, timeout_seconds=60):
        if (event["object"].status.available_replicas or 0) == 2:
            looker.stop()
    scale = apps.read_namespaced_deployment_scale("app", NAMESPACE)
    scale.spec.replicas = 3
    apps.replace_namespaced_deployment_scale("app", NAMESPACE, scale)
    assert apps.read_namespaced_deployment("app", NAMESPACE).spec.replicas == 3
    pods = client.CoreV1Api(api).list_namespaced_pod(NAMESPACE, label_selector="app=app").items
    assert all(pod.status.phase in ("Pending", "Running") for pod in pods)
    assert pods
    apps.delete_namespaced_deployment("app", NAMESPACE, propagation_policy="Foreground")
    step("deployment")


def custom(api: client.ApiClient) -> None:
    client.ApiextensionsV1Api(api).create_custom_resource_definition(WIDGETS)
    found = dynamic.DynamicClient(api).resources
    kind = None
    while kind is None:
        try:
            kind = found.get(api_version=WIDGETS["spec"]["group"] + "/v1", kind="Widget")
        except dynamic.exceptions.ResourceNotFoundError:
            found.invalidate_cache()
    made = kind.create(body=WIDGET, namespace=NAMESPACE)
    assert made.spec.size == 1, "the default of the schema"
    applied = kind.server_side_apply(
        body={**WIDGET, "spec": {"colour": "red"}}, namespace=NAMESPACE, field_manager="one", force_conflicts=True
    )
    assert applied.spec.colour == "red"
    try:
        kind.server_side_apply(body={**WIDGET, "spec": {"colour": "blue"}}, namespace=NAMESPACE, field_manager="two")
        raise AssertionError("two managers own one field")
    except ConflictError as error:
        assert "FieldManagerConflict" in str(error.body)
    kind.status.patch(
        body={"status": {"ready": True}}, name="one", namespace=NAMESPACE, content_type="application/merge-patch+json"
    )
    assert kind.get(name="one", namespace=NAMESPACE).status.ready is True
    kind.delete(name="one", namespace=NAMESPACE)
    try:
        kind.get(name="one", namespace=NAMESPACE)
        raise AssertionError("it is deleted")
    except NotFoundError:
        pass
    client.ApiextensionsV1Api(api).delete_custom_resource_definition(WIDGETS["metadata"]["name"])
    step("custom resources")


async def asynchronous() -> None:
    await aio_config.load_kube_config(KUBECONFIG)
    async with aio_client.ApiClient() as api:
        core = aio_client.CoreV1Api(api)
        made = await core.create_namespaced_secret(NAMESPACE, {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
        assert made.data == {"a": "Yg=="}
        await core.delete_namespaced_secret("s", NAMESPACE)
    step("async")


config.load_kube_config(KUBECONFIG)
with client.ApiClient() as connection:
    first = client.CoreV1Api(connection)
    first.create_namespace({"metadata": {"name": NAMESPACE}})
    config_maps(first)
    follow(first)
    deployments(connection)
    custom(connection)
    asyncio.run(asynchronous())
    assert client.VersionApi(connection).get_code().major == "1"
    first.delete_namespace(NAMESPACE)
ended()
