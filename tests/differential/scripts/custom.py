"""Custom resources: definitions that come and go, schemas, defaults, pruning, subresources, apply."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

import copy
from typing import Any

from tests.differential.scripts.namespaced import obj, script
from tests.differential.steps import (
    PARTIAL,
    TABLE,
    VERSION,
    Step,
    apply,
    delete,
    get,
    json_patch,
    merge,
    op,
    post,
    put,
    strategic,
)

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
STEP = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "weight": {"type": "integer", "minimum": 0, "maximum": 100, "default": 1},
        "pause": {"type": "boolean"},
    },
}
SPEC = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "pattern": "^[a-z0-9:./-]+$", "maxLength": 30},
        "replicas": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 50, "default": 1},
        "mode": {"type": "string", "enum": ["Canary", "BlueGreen"], "default": "Canary"},
        "steps": {"type": "array", "maxItems": 4, "items": STEP, "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["name"]},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "plain": {"type": "array", "items": {"type": "integer"}},
        "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "atom": {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "port": {"x-kubernetes-int-or-string": True},
        "maybe": {"type": "string", "nullable": True},
        "ratio": {"type": "number"},
        "when": {"type": "string", "format": "date-time"},
        "nested": {"type": "object", "default": {}, "properties": {"deep": {"type": "string", "default": "down"}}},
    },
}  # fmt: skip
STATUS = {
    "type": "object",
    "properties": {
        "phase": {"type": "string"},
        "replicas": {"type": "integer"},
        "selector": {"type": "string"},
        "conditions": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
            "items": {"type": "object", "required": ["type"], "properties": {
                "type": {"type": "string"}, "status": {"type": "string"}}}},
    },
}  # fmt: skip
COLUMNS = [
    {"name": "Image", "type": "string", "jsonPath": ".spec.image"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Steps", "type": "string", "jsonPath": ".spec.steps[*].name", "priority": 1},
    {"name": "Paused", "type": "boolean", "jsonPath": ".spec.steps[0].pause", "description": "is it"},
    {"name": "Raw", "type": "string", "jsonPath": ".spec.raw"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def definition(group: str, **version: Any) -> dict[str, Any]:
    """Return a definition of Rollout in a group of its own, so that scripts do not meet."""
    schema = {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}
    first = {
        "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                                                 "statusReplicasPath": ".status.replicas",
                                                 "labelSelectorPath": ".status.selector"}},
        "additionalPrinterColumns": COLUMNS, **version,
    }  # fmt: skip
    names = {"plural": "rollouts", "singular": "rollout", "kind": "Rollout", "listKind": "RolloutList",
             "shortNames": ["ro"], "categories": ["all"]}  # fmt: skip
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"rollouts.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [first]},
    }


def rollout(group: str, name: str = "r", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1", "kind": "Rollout", "metadata": {"name": name}, "spec": spec}


def changed(base: dict[str, Any], **spec: Any) -> dict[str, Any]:
    found = copy.deepcopy(base)
    found["spec"] |= spec
    return found


def define(group: str) -> tuple[Step, Step]:
    """Return the steps that define Rollout and wait, on a real server, until it is served."""
    return post("define", CRDS, definition(group)), get("SERVED", f"/apis/{group}/v1/rollouts")


def verbs() -> list[Step]:
    group = "verbs.example.com"
    r = f"{group}/v1!rollouts"

    def one(**spec: Any) -> dict[str, Any]:
        return rollout(group, **spec)

    steps = [{"name": "a", "weight": 10}, {"name": "b"}]
    return [
        *define(group),
        post("create", r, one(image="nginx", steps=steps, tags=["x", "y"], raw={"any": [1, {"b": 2.5}]}, atom={"k": "v"}), VERSION),
        get("get", f"{r}/r"),
        get("table", r, TABLE),
        get("metadata only", f"{r}/r", PARTIAL),
        post("again", r, one(image="nginx")),
        post("bad pattern", r, rollout(group, "x", image="NGINX")),
        post("many errors", r, rollout(group, "x", image="NGINX", replicas=99, mode="Foo")),
        post("required field", r, rollout(group, "x", replicas=1)),
        post("no spec is fine", r, {"apiVersion": f"{group}/v1", "kind": "Rollout", "metadata": {"name": "bare"}}),
        post("wrong type", r, rollout(group, "x", image="a", replicas="x")),
        post("object for a list", r, rollout(group, "x", image="a", steps={"a": 1})),
        post("key twice", r, rollout(group, "x", image="a", steps=[{"name": "x"}, {"name": "x"}])),
        post("member twice", r, rollout(group, "x", image="a", tags=["x", "x"])),
        post("no key", r, rollout(group, "x", image="a", steps=[{"weight": 1}])),
        post("too many", r, rollout(group, "x", image="a", steps=[{"name": str(at)} for at in range(5)])),
        post("too long", r, rollout(group, "x", image="a" * 31)),
        post("float for an integer", r, rollout(group, "x", image="a", replicas=1.5)),
        post("whole float for an integer", r, rollout(group, "whole", image="a", replicas=2.0)),
        post("int or string", r, rollout(group, "port", image="a", port="http")),
        post("neither", r, rollout(group, "x", image="a", port=True)),
        post("null where it may be", r, rollout(group, "null", image="a", maybe=None)),
        post("null where it may not", r, rollout(group, "x", image=None)),
        post("null with a default", r, rollout(group, "nulldefault", image="a", mode=None)),
        post("bad time", r, rollout(group, "x", image="a", when="yesterday")),
        post("defaults inside", r, rollout(group, "nested", image="a", nested={}, steps=[{"name": "a"}])),
        post("unknown fields", r, rollout(group, "warned", image="a", foo=1, steps=[{"name": "x", "zap": 2}])),
        post("unknown fields, strict", f"{r}?fieldValidation=Strict", rollout(group, "x", image="a", foo=1, steps=[{"name": "x", "zap": 2}])),
        post("unknown fields, ignored", f"{r}?fieldValidation=Ignore", rollout(group, "ignored", image="a", foo=1)),
        post("bad name", r, rollout(group, "Bad_Name", image="a")),
        post("other version", r, {**one(image="a"), "apiVersion": f"{group}/v9"}),
        post("no kind", r, {"metadata": {"name": "x"}, "spec": {"image": "a"}}),
        put("put", f"{r}/r", {**one(image="b", replicas=3), "metadata": {"name": "r", "resourceVersion": "$rv"}}),
        put("stale put", f"{r}/r", {**one(image="c"), "metadata": {"name": "r", "resourceVersion": "$rv"}}),
        put("put without a version", f"{r}/r", one(image="c")),
        merge("merge", f"{r}/r", {"spec": {"mode": "BlueGreen", "steps": steps}}),
        merge("nothing new", f"{r}/r", {"spec": {"mode": "BlueGreen"}}),
        merge("too much", f"{r}/r", {"spec": {"replicas": 77}}),
        merge("null brings the default back", f"{r}/r", {"spec": {"mode": None, "replicas": None}}),
        strategic("strategic is not for these", f"{r}/r", {"spec": {"mode": "BlueGreen"}}),
        json_patch("json patch", f"{r}/r", op("add", "/spec/tags", ["q"])),
        merge("unknown field by merge", f"{r}/r", {"spec": {"foo": 1}}),
        merge("status is not for the main path", f"{r}/r", {"status": {"phase": "X"}}),
        merge("status", f"{r}/r/status", {"status": {"phase": "Ready", "replicas": 1}, "spec": {"image": "zzz"}}),
        merge("labels by the status path", f"{r}/r/status", {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Ready2"}}),
        merge("condition", f"{r}/r/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        get("table with a condition", f"{r}/r", TABLE),
        get("scale", f"{r}/r/scale"),
        merge("scale to 4", f"{r}/r/scale", {"spec": {"replicas": 4}}),
        merge("scale to too much", f"{r}/r/scale", {"spec": {"replicas": 44, "x": 1}}),
        merge("scale below zero", f"{r}/r/scale", {"spec": {"replicas": -1}}),
        get("in the end", f"{r}/r"),
        get("subresource that is not there", f"{r}/r/foo"),
        get("by label", f"{r}?labelSelector=a%3Db"),
        get("by a field that nobody can select", f"{r}?fieldSelector=spec.image%3Da"),
        get("version that is not there", f"{group}/v9!rollouts"),
        delete("delete", f"{r}/r"),
        delete("delete what is not there", f"{r}/r"),
        delete("delete in the foreground", f"{r}/null", {"propagationPolicy": "Foreground"}),
        delete("delete collection", r),
    ]  # fmt: skip


def applies() -> list[Step]:
    group = "apply.example.com"
    r = f"{group}/v1!rollouts/s"

    def one(**spec: Any) -> dict[str, Any]:
        return rollout(group, "s", **spec)

    steps = [{"name": "a", "weight": 10}, {"name": "b", "weight": 50}]
    full = one(image="a", replicas=3, steps=steps, tags=["a", "b"], raw={"x": {"y": [1, 2]}, "z": 1}, atom={"k": "v"})
    status = {"apiVersion": f"{group}/v1", "kind": "Rollout", "metadata": {"name": "s"}}
    return [
        *define(group),
        apply("create", r, full),
        apply("nothing new", r, full),
        apply("another brings a list", r, one(image="a", steps=[{"name": "c", "weight": 1}, {"name": "a", "pause": True}], tags=["c"]), "m2"),
        apply("conflicts", r, one(image="z", replicas=9, steps=[{"name": "a", "weight": 99}]), "m2"),
        apply("by force", r, one(image="z", steps=[{"name": "a", "weight": 99}]), "m2", force=True),
        apply("the first drops its steps", r, one(replicas=3, tags=["a"], raw={"z": 1})),
        apply("order", r, one(steps=[{"name": "n1"}, {"name": "a"}, {"name": "n2"}]), "m3"),
        apply("other order", r, one(steps=[{"name": "n2"}, {"name": "a"}, {"name": "n1"}]), "m3"),
        apply("atomic map", r, one(atom={"q": "r"}), "m4"),
        apply("atomic map, by force", r, one(atom={"q": "r"}), "m4", force=True),
        apply("atomic map, conflict", r, one(atom={"q": "zz"}), "m5"),
        apply("plain list", r, one(plain=[1, 2]), "m5"),
        apply("plain list, conflict", r, one(plain=[1, 2, 3]), "m6"),
        apply("status on the main path", r, {**status, "status": {"phase": "Q"}}, "m6"),
        apply("status", f"{r}/status", {**status, "status": {"phase": "Q", "conditions": [{"type": "A", "status": "True"}]}}, "m6"),
        apply("status, another condition", f"{r}/status", {**status, "status": {"conditions": [{"type": "B"}]}}, "m7"),
        apply("status, conflict", f"{r}/status", {**status, "status": {"phase": "R"}}, "m7"),
        merge("plain status", f"{r}/status?fieldManager=ctl", {"status": {"phase": "R", "replicas": 2}}),
        merge("plain change", f"{r}?fieldManager=ctl", {"spec": {"replicas": 7}, "metadata": {"labels": {"l": "1"}, "annotations": {"a": "b"}}}),
        apply("conflict with a plain change", r, one(replicas=3, tags=["a"], raw={"z": 1})),
        merge("scale", f"{r}/scale?fieldManager=hpa", {"spec": {"replicas": 8}}),
        get("so far", r),
        apply("invalid", r, one(replicas=300), force=True),
        apply("unknown field, strict", r, one(foo=1), extra="&fieldValidation=Strict"),
        apply("key twice", r, one(steps=[{"name": "a"}, {"name": "a"}])),
        apply("no key", r, one(steps=[{"weight": 1}])),
        apply("wrong type", r, one(steps="x")),
        apply("invalid creation", f"{group}/v1!rollouts/n", rollout(group, "n", replicas=1)),
        apply("other name", r, rollout(group, "zz", replicas=1)),
        apply("other version", r, {**one(replicas=1), "apiVersion": f"{group}/v9"}),
        apply("no manager", r, one(replicas=1), ""),
        apply("labels as a map", r, one(labels={"a": "1", "b": "2"}), "m8"),
        apply("one label less", r, one(labels={"a": "1"}), "m8"),
        apply("no label left", r, one(), "m8"),
        get("in the end", r),
    ]  # fmt: skip


def definitions() -> list[Step]:
    group = "crd.example.com"
    base = definition(group)
    crd = f"{CRDS}/rollouts.{group}"
    bad = copy.deepcopy(base)
    bad["metadata"]["name"] = "wrong.example.com"
    schemaless = definition("bad.example.com", schema=None)
    not_structural = definition(
        "bad.example.com", schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}
    )
    return [
        post("define", CRDS, base),
        get("SERVED", f"/apis/{group}/v1/rollouts"),
        post("again", CRDS, base),
        get("table", crd, TABLE),
        post("name does not match", CRDS, bad),
        post("no schema", CRDS, schemaless),
        post("not structural", CRDS, not_structural),
        post("no versions", CRDS, changed(definition("bad.example.com"), versions=[])),
        post("two storage versions", CRDS, changed(definition("bad.example.com"), versions=[
            base["spec"]["versions"][0], {**base["spec"]["versions"][0], "name": "v2"}])),
        post("bad scope", CRDS, changed(definition("bad.example.com"), scope="Everywhere")),
        post("no group", CRDS, changed(definition("bad.example.com"), group="")),
        merge("scope stays", crd, {"spec": {"scope": "Cluster"}}),
        merge("label", crd, {"metadata": {"labels": {"a": "b"}}}),
        get("group", f"/apis/{group}"),
        get("resources", f"/apis/{group}/v1"),
        post("one of them", f"{group}/v1!rollouts", rollout(group, image="a")),
        get("none in a namespace that is not there", f"/apis/{group}/v1/namespaces/nope/rollouts"),
        post("not in a namespace that is not there", f"/apis/{group}/v1/namespaces/nope/rollouts", rollout(group, image="a")),
    ]  # fmt: skip


def versions() -> list[Step]:
    group = "two.example.com"
    loose = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    base = definition(group)
    first = {"name": "v1beta1", "served": True, "storage": False, "schema": loose}
    old = {"name": "v1alpha1", "served": False, "storage": False, "schema": loose, "deprecated": True}
    second = {**base["spec"]["versions"][0], "schema": loose, "additionalPrinterColumns": []}
    two = changed(base, versions=[second, {**first, "deprecated": True}, old], scope="Cluster")
    r = f"/apis/{group}"
    return [
        post("define", CRDS, two),
        get("SERVED", f"{r}/v1/rollouts"),
        post("create", f"{r}/v1/rollouts", obj("a", apiVersion=f"{group}/v1", kind="Rollout", anything={"a": [1]})),
        get("in the other version", f"{r}/v1beta1/rollouts/a"),
        get("table without columns", f"{r}/v1/rollouts", TABLE),
        merge("change in the other version", f"{r}/v1beta1/rollouts/a", {"anything": {"b": 2}}),
        get("version that is not served", f"{r}/v1alpha1/rollouts/a"),
        get("group", r),
        get("list in the other version", f"{r}/v1beta1/rollouts"),
        get("not in a namespace", f"{r}/v1/namespaces/default/rollouts"),
    ]


SCRIPTS = [
    script("custom", *verbs()),
    script("custom-apply", *applies()),
    script("definitions", *definitions()),
    script("versions", *versions()),
]
