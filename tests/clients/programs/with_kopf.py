"""An operator in kopf: handlers of creation, change, a field, a timer, deletion with a finalizer, and a child it owns.

Usage: KUBECONFIG NAMESPACE.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import kopf
from kubernetes import client, config

from manifests import GROUP, WIDGET, WIDGETS, ended, step

KUBECONFIG, NAMESPACE = sys.argv[1:]
seen: list[str] = []
SECONDS = 60
stop, ready = threading.Event(), threading.Event()


@kopf.on.startup()
def settings_of(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = True
    settings.persistence.finalizer = f"{GROUP}/kopf"


@kopf.on.create(GROUP, "v1", "widgets")
def created(body: Any, patch: Any, **_: Any) -> dict[str, str]:
    child = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "child"},
        "data": {"of": body["metadata"]["name"]},
    }
    kopf.adopt(child)
    client.CoreV1Api().create_namespaced_config_map(NAMESPACE, child)
    patch.status["phase"] = "Made"
    kopf.info(body, reason="Made", message="the child is there")
    seen.append("created")
    return {"child": "child"}


@kopf.on.field(GROUP, "v1", "widgets", field="spec.colour")
def coloured(old: Any, new: Any, **_: Any) -> None:
    if old is not None:
        seen.append(f"{old} to {new}")


@kopf.on.delete(GROUP, "v1", "widgets")
def deleted(**_: Any) -> None:
    seen.append("deleted")


@kopf.timer(GROUP, "v1", "widgets", interval=0.2)
def ticked(**_: Any) -> None:
    if "ticked" not in seen:
        seen.append("ticked")


def until(what: str, true: Any) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, f"{what} did not happen; seen: {seen}"
        stop.wait(0.05)
    step(what)


def gone(call: Any, *args: str) -> bool:
    try:
        call(*args)
    except client.ApiException as error:
        return error.status == 404
    return False


def story() -> None:
    core, custom = client.CoreV1Api(), client.CustomObjectsApi()
    widgets = (GROUP, "v1", NAMESPACE, "widgets")
    custom.create_namespaced_custom_object(*widgets, WIDGET)
    until("created", lambda: "created" in seen)
    until(
        "status", lambda: custom.get_namespaced_custom_object(*widgets, "one").get("status", {}).get("phase") == "Made"
    )
    until("timer", lambda: "ticked" in seen)
    custom.patch_namespaced_custom_object(*widgets, "one", {"spec": {"colour": "blue"}})
    until("field", lambda: "green to blue" in seen)
    until("event", lambda: any(it.reason == "Made" for it in core.list_namespaced_event(NAMESPACE).items))
    custom.delete_namespaced_custom_object(*widgets, "one")
    until("deleted", lambda: "deleted" in seen)
    until("finalizer", lambda: gone(custom.get_namespaced_custom_object, *widgets, "one"))
    until("child collected", lambda: gone(core.read_namespaced_config_map, "child", NAMESPACE))


config.load_kube_config(KUBECONFIG)
client.CoreV1Api().create_namespace({"metadata": {"name": NAMESPACE}})
client.ApiextensionsV1Api().create_custom_resource_definition(WIDGETS)
extensions = client.ApiextensionsV1Api()
until(
    "established",
    lambda: any(
        it.type == "Established" and it.status == "True"
        for it in extensions.read_custom_resource_definition(WIDGETS["metadata"]["name"]).status.conditions or ()
    ),
)
operator = threading.Thread(
    target=lambda: kopf.run(standalone=True, namespaces=[NAMESPACE], stop_flag=stop, ready_flag=ready)
)
operator.start()
try:
    assert ready.wait(SECONDS), "the operator is not ready"
    story()
finally:
    stop.set()
    operator.join(SECONDS)
client.ApiextensionsV1Api().delete_custom_resource_definition(WIDGETS["metadata"]["name"])
client.CoreV1Api().delete_namespace(NAMESPACE)
ended()
