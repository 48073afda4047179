"""What programs do with kr8s: objects found by discovery, scale, wait, watch. Usage: KUBECONFIG NAMESPACE."""

from __future__ import annotations

import sys

import kr8s
from kr8s.objects import ConfigMap, CustomResourceDefinition, Deployment, Namespace, Pod, new_class

from manifests import DEPLOYMENT, GROUP, WIDGET, WIDGETS, ended, step

KUBECONFIG, NAMESPACE = sys.argv[1:]

api = kr8s.api(kubeconfig=KUBECONFIG)


def within(manifest: dict) -> dict:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": NAMESPACE}}


def config_maps() -> None:
    for number in range(4):
        meta = {"name": f"one-{number}", "namespace": NAMESPACE, "labels": {"even": str(number % 2 == 0).lower()}}
        ConfigMap({"metadata": meta, "data": {"n": str(number)}}, api=api).create()
    names = sorted(it.name for it in api.get("configmaps", namespace=NAMESPACE, label_selector={"even": "true"}))
    assert names == ["one-0", "one-2"], names
    one = ConfigMap.get("one-0", namespace=NAMESPACE, api=api)
    one.label(seen="yes")
    one.annotate({"why": "test"})
    one.patch({"data": {"n": "5"}})
    one.refresh()
    assert (one.labels.seen, one.annotations.why, one.data.n) == ("yes", "test", "5")
    one.remove_label("seen")
    assert "seen" not in one.labels
    for kind, obj in api.watch("configmaps", namespace=NAMESPACE, field_selector="metadata.name=one-3"):
        assert (kind, obj.name) == ("ADDED", "one-3")
        break
    one.delete()
    assert not one.exists()
    step("config maps")


def deployments() -> None:
    app = Deployment(within(DEPLOYMENT), api=api)
    app.create()
    app.wait("condition=Available", timeout=60)
    app.scale(3)
    app.refresh()
    assert app.replicas == 3
    pods = list(api.get("pods", namespace=NAMESPACE, label_selector="app=app"))
    assert pods
    assert all(isinstance(it, Pod) for it in pods)
    assert app.pods()
    app.delete(propagation_policy="Foreground")
    app.wait("delete", timeout=60)
    step("deployment")


def custom() -> None:
    kind = CustomResourceDefinition(WIDGETS, api=api)
    kind.create()
    kind.wait("condition=Established", timeout=60)
    widgets = new_class(kind="Widget", version=f"{GROUP}/v1", namespaced=True, plural="widgets")
    one = widgets(within(WIDGET), api=api)
    one.create()
    assert one.spec.size == 1
    one.patch({"status": {"ready": True}}, subresource="status")
    one.refresh()
    assert one.status.ready is True
    one.delete()
    kind.delete()
    step("custom resources")


space = Namespace({"metadata": {"name": NAMESPACE}}, api=api)
space.create()
config_maps()
deployments()
custom()
assert api.version()["major"] == "1"
assert any(it["name"] == "deployments" for it in api.api_resources())
space.delete()
ended()
