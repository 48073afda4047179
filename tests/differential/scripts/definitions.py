"""Definitions of custom resources: what is refused, names, several versions, changes over time, and their end."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

import copy
import json
from typing import Any

from tests.differential.scripts.cel import CRDS, definition, entries, items, rule, script, struct, text, whole
from tests.differential.steps import TABLE, VERSION, Step, apply, delete, get, json_patch, merge, op, post, put

Object = dict[str, Any]
KEYED = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
INT_OR_STRING = {"x-kubernetes-int-or-string": True}
EMBEDDED = {"x-kubernetes-embedded-resource": True}

BAD_SPECS: Object = {
    "no type": struct({"a": {}}),
    "no type of an item": struct({"a": {"type": "array", "items": {}}}),
    "no items": struct({"a": {"type": "array"}}),
    "type that is none": struct({"a": {"type": "text"}}),
    "type null": struct({"a": {"type": "null"}}),
    "properties and more": struct({"a": text()}, additionalProperties=text()),
    "properties and nothing more": struct({"a": text()}, additionalProperties=False),
    "unique items": struct({"a": items(text(), uniqueItems=True)}),
    "reference": struct({"a": {"type": "string", "$ref": "#/definitions/a"}}),
    "pattern properties": struct({"a": {"type": "object", "patternProperties": {"a": text()}}}),
    "definitions": struct({"a": {"type": "object", "definitions": {"a": text()}}}),
    "dependencies": struct({"a": {"type": "object", "dependencies": {"a": ["b"]}}}),
    "additional items": struct({"a": {"type": "array", "items": text(), "additionalItems": True}}),
    "items as a list": struct({"a": {"type": "array", "items": [text(), whole()]}}),
    "id": struct({"a": {"type": "string", "id": "x"}}),
    "pattern that is none": struct({"a": text(pattern="[a")}),
    "a type in any of": struct({"a": {"type": "string", "anyOf": [{"type": "string"}]}}),
    "a default in all of": struct({"a": {"type": "string", "allOf": [{"default": "x"}]}}),
    "words in one of": struct({"a": {"type": "string", "oneOf": [{"description": "x", "title": "y"}]}}),
    "extensions in not": struct({"a": {"type": "string", "not": {"nullable": True, "x-kubernetes-list-type": "set", "x-kubernetes-preserve-unknown-fields": True}}}),
    "a field of all of that is not there": struct({"a": {"type": "object", "allOf": [{"properties": {"b": {"minLength": 1}}}]}}),
    "items of any of that are not there": struct({"a": {"type": "string", "anyOf": [{"items": {"minLength": 1}}]}}),
    "more in any of": struct({"a": {"type": "object", "properties": {"b": text()}, "anyOf": [{"additionalProperties": {"minLength": 1}}]}}),
    "metadata in one of": {"type": "object", "oneOf": [{"properties": {"metadata": {"minLength": 1}}}]},
    "int or string of a type": struct({"a": {"type": "string", **INT_OR_STRING}}),
    "int or string, preserved": struct({"a": {**INT_OR_STRING, "x-kubernetes-preserve-unknown-fields": True}}),
    "int or string, written out": struct({"a": {**INT_OR_STRING, "anyOf": [{"type": "integer"}, {"type": "string"}]}}),
    "int or string, in part": struct({"a": {**INT_OR_STRING, "anyOf": [{"type": "integer"}]}}),
    "preserve false": struct({"a": {"type": "object", "x-kubernetes-preserve-unknown-fields": False}}),
    "embedded without fields": struct({"a": {"type": "object", **EMBEDDED}}),
    "embedded text": struct({"a": {"type": "string", **EMBEDDED}}),
    "embedded without a type": struct({"a": {"x-kubernetes-preserve-unknown-fields": True, **EMBEDDED}}),
    "embedded map": struct({"a": {"type": "object", "additionalProperties": text(), **EMBEDDED}}),
    "embedded kind": struct({"a": {**ANY, **EMBEDDED, "properties": {"kind": whole(), "metadata": text()}}}),
    "embedded in metadata": struct({"a": {**ANY, **EMBEDDED, "properties": {"metadata": {**ANY, **EMBEDDED}}}}),
    "list type of text": struct({"a": text(**{"x-kubernetes-list-type": "set"})}),
    "list type that is none": struct({"a": items(text(), **{"x-kubernetes-list-type": "bag"})}),
    "map type of a list": struct({"a": items(text(), **{"x-kubernetes-map-type": "atomic"})}),
    "map type that is none": struct({"a": entries(text(), **{"x-kubernetes-map-type": "loose"})}),
    "keys without a list type": struct({"a": items(struct({"name": text()}), **{"x-kubernetes-list-map-keys": ["name"]})}),
    "keys of a set": struct({"a": items(text(), **{"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "set"})}),
    "no keys": struct({"a": items(struct({"name": text()}), **{"x-kubernetes-list-type": "map"})}),
    "keys of text": struct({"a": items(text(), **KEYED)}),
    "key that is not there": struct({"a": items(struct({"b": text()}), **KEYED)}),
    "key that is a list": struct({"a": items(struct({"name": items(text())}, required=["name"]), **KEYED)}),
    "key twice": struct({"a": items(struct({"name": text()}, required=["name"]), **{**KEYED, "x-kubernetes-list-map-keys": ["name", "name"]})}),
    "key that may be missing": struct({"a": items(struct({"name": text()}), **KEYED)}),
    "key that may be null": struct({"a": items(struct({"name": text(nullable=True)}, required=["name"]), **KEYED)}),
    "item that may be null": struct({"a": items(text(nullable=True), **{"x-kubernetes-list-type": "set"})}),
    "set of objects": struct({"a": items(struct({"b": text()}), **{"x-kubernetes-list-type": "set"})}),
    "set of sets": struct({"a": items(items(text(), **{"x-kubernetes-list-type": "set"}), **{"x-kubernetes-list-type": "set"})}),
    "default of another type": struct({"a": text(default=1)}),
    "default against the pattern": struct({"a": text(pattern="^x$", default="y")}),
    "default with an unknown field": struct({"a": struct({"b": text()}, default={"c": 1})}),
    "default without a required field": struct({"a": struct({"b": text()}, default={}, required=["b"])}),
    "default against a rule": struct({"a": text(rule("self != 'x'"), default="x")}),
    "default against a rule of a field": struct({"a": struct({"b": text(rule("self != 'x'", "not x"))}, default={"b": "x"})}),
    "default in a default": struct({"a": struct({"b": text(default="y")}, default={"b": 1})}),
    "default of an embedded object": struct({"a": {**ANY, **EMBEDDED, "default": {"kind": "A"}}}),
    "not a number": struct({"a": whole(minimum="x")}),
}  # fmt: skip

BAD_ROOTS: Object = {
    "root of another type": {"type": "array", "items": text()},
    "root without a type": {"properties": {}},
    "root that may be null": {"type": "object", "nullable": True},
    "root with more": {"type": "object", "additionalProperties": text()},
    "root with a default": {"type": "object", "default": {}},
    "metadata with labels": {"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}},
    "metadata with a default": {"type": "object", "properties": {"metadata": {"type": "object", "properties": {"name": text(default="x")}}}},
    "kind with a default": {"type": "object", "properties": {"kind": text(default="Gauge")}},
    "metadata of the wrong type": {"type": "object", "properties": {"metadata": text()}},
    "kind of the wrong type": {"type": "object", "properties": {"kind": whole()}},
}  # fmt: skip

BAD_PARTS: Object = {
    "scale without paths": {"subresources": {"scale": {}}},
    "scale from status": {"subresources": {"scale": {"specReplicasPath": ".status.a", "statusReplicasPath": ".spec.a"}}},
    "scale without a dot": {"subresources": {"scale": {"specReplicasPath": "spec.a", "statusReplicasPath": "status.a", "labelSelectorPath": "x"}}},
    "scale by labels": {"subresources": {"scale": {"specReplicasPath": ".spec.a", "statusReplicasPath": ".status.a", "labelSelectorPath": ".metadata.labels"}}},
    "column without all": {"additionalPrinterColumns": [{"name": "", "type": "", "jsonPath": ""}]},
    "column of another type": {"additionalPrinterColumns": [{"name": "a", "type": "object", "jsonPath": ".a"}]},
    "column of another format": {"additionalPrinterColumns": [{"name": "a", "type": "string", "format": "uuid", "jsonPath": ".a"}]},
    "column without a dot": {"additionalPrinterColumns": [{"name": "a", "type": "string", "jsonPath": "a"}]},
    "selectable field that is not there": {"selectableFields": [{"jsonPath": ".spec.zz"}]},
    "selectable field that is none": {"selectableFields": [{"jsonPath": "spec.a"}]},
    "selectable object": {"selectableFields": [{"jsonPath": ".spec"}]},
    "selectable number": {"selectableFields": [{"jsonPath": ".spec.ratio"}]},
    "selectable with brackets": {"selectableFields": [{"jsonPath": ".spec['a']"}]},
    "selectable twice": {"selectableFields": [{"jsonPath": ".spec.a"}, {"jsonPath": ".spec.a"}]},
    "selectable metadata": {"selectableFields": [{"jsonPath": ".metadata.name"}]},
    "selectable without a path": {"selectableFields": [{"jsonPath": ""}]},
    "warning without deprecation": {"deprecationWarning": "x"},
    "empty warning": {"deprecated": True, "deprecationWarning": ""},
    "long warning": {"deprecated": True, "deprecationWarning": "x" * 257},
    "warning of two lines": {"deprecated": True, "deprecationWarning": "a\nb"},
}  # fmt: skip


def plain(group: str, **spec: Any) -> Object:
    found = definition(group, struct({"a": text(), "ratio": {"type": "number"}}))
    found["spec"]["versions"][0].pop("subresources")
    found["spec"] |= spec
    return found


def changed(group: str, **version: Any) -> Object:
    found = plain(group)
    found["spec"]["versions"][0] |= version
    return found


def named(group: str, plural: str = "gauges", kind: str = "Gauge", **names: Any) -> Object:
    found = plain(group)
    found["metadata"]["name"] = f"{plural}.{group}"
    found["spec"]["names"] = {
        "plural": plural,
        "singular": kind.lower(),
        "kind": kind,
        "listKind": f"{kind}List",
        **names,
    }
    return found


def versions(group: str, *names: str, **spec: Any) -> Object:
    """Return a definition of several versions with one schema; the first is stored."""
    found = plain(group, **spec)
    base = found["spec"]["versions"][0]
    found["spec"]["versions"] = [{**base, "name": name, "storage": name == names[0]} for name in names]
    return found


def refused() -> list[Step]:
    group = "structural.example.com"
    dry = f"{CRDS}?dryRun=All"
    hook = {"clientConfig": {"url": "https://localhost/x"}, "conversionReviewVersions": ["v1"]}
    roots = {name: changed(group, schema={"openAPIV3Schema": copy.deepcopy(root)}) for name, root in BAD_ROOTS.items()}
    others: Object = {
        "group without a dot": plain("structural"), "group in capitals": plain("Structural.example.com"), "protected group": plain("x.k8s.io"),
        "protected group, badly approved": {**plain("x.k8s.io"), "metadata": {"name": "gauges.x.k8s.io", "annotations": {"api-approved.kubernetes.io": "yes"}}},
        "protected group, not approved": {**plain("x.k8s.io"), "metadata": {"name": "gauges.x.k8s.io", "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}}},
        "no scope": plain(group, scope=""), "no names": plain(group, names={"plural": "", "kind": ""}),
        "bad names": named(group, "gauges", "Ga_uge", singular="Gauge", shortNames=["OK", "ok"], categories=["All"]),
        "list kind as kind": named(group, listKind="Gauge"), "plural in capitals": named(group, "Gauges"),
        "preserved": plain(group, preserveUnknownFields=True),
        "conversion of another kind": plain(group, conversion={"strategy": "Magic"}),
        "webhook without a webhook": plain(group, conversion={"strategy": "Webhook"}),
        "webhook without versions": plain(group, conversion={"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://localhost/x"}, "conversionReviewVersions": []}}),
        "webhook without a client": plain(group, conversion={"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v9"]}}),
        "webhook with both": plain(group, conversion={"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://localhost/x", "service": {"name": "a", "namespace": "b"}}, "conversionReviewVersions": ["v1"]}}),
        "webhook over http": plain(group, conversion={"strategy": "Webhook", "webhook": {**hook, "clientConfig": {"url": "http://localhost/x"}}}),
        "webhook and none": plain(group, conversion={"strategy": "None", "webhook": hook}),
        "version twice": versions(group, "v1", "v1"), "version in capitals": versions(group, "V1"), "no storage version": changed(group, storage=False),
        "unknown formats": changed(group, schema={"openAPIV3Schema": struct({"spec": struct({"a": text(format="color"), "d": text(format="date-time"), "k": text(format="k8s-short-name")})})}),
        "unknown fields": {**plain(group), "spec": {**plain(group)["spec"], "extra": 1}},
    }  # fmt: skip
    dreary = "metadata with a default"
    return [
        *(post(f"spec: {name}", dry, definition(group, copy.deepcopy(spec))) for name, spec in BAD_SPECS.items()),
        *(post(f"root: {name}", dry, body) for name, body in roots.items() if name != dreary),
        *(post(f"part: {name}", dry, changed(group, **copy.deepcopy(part))) for name, part in BAD_PARTS.items()),
        *(post(f"other: {name}", dry, body) for name, body in others.items()),
        post("status and a oneOf at the root", dry, {**definition(group, text()), "spec": {**definition(group, text())["spec"], "versions": [{**definition(group, text())["spec"]["versions"][0], "schema": {"openAPIV3Schema": {"type": "array", "items": text()}}}]}}),
    ]  # fmt: skip


def conflicts() -> list[Step]:
    group = "names.example.com"
    wait = get("SERVED", f"/apis/{group}/v1/gauges")
    return [
        post("first", CRDS, named(group, shortNames=["ga"], categories=["all"])), wait,
        get("first accepted", f"{CRDS}/gauges.{group}"),
        post("same kind", CRDS, named(group, "meters", "Gauge", singular="meter", listKind="MeterList")), wait,
        get("same kind is not accepted", f"{CRDS}/meters.{group}"),
        get("and not served", f"/apis/{group}/v1/meters"),
        post("same short name and singular", CRDS, named(group, "dials", "Dial", singular="gauge", shortNames=["ga", "dl"])), wait,
        get("it is not accepted", f"{CRDS}/dials.{group}"),
        post("short name as a plural", CRDS, named(group, "ga", "Ga")), wait,
        get("nor is this", f"{CRDS}/ga.{group}"),
        get("what the group has", f"/apis/{group}/v1"),
        merge("a free name", f"{CRDS}/dials.{group}", {"spec": {"names": {"singular": "dial", "shortNames": ["dl"]}}}), wait,
        get("it is accepted", f"{CRDS}/dials.{group}"),
        merge("another short name", f"{CRDS}/dials.{group}", {"spec": {"names": {"shortNames": ["ga"]}}}), wait,
        get("stays served", f"{CRDS}/dials.{group}"),
        merge("kind stays", f"{CRDS}/gauges.{group}", {"spec": {"names": {"kind": "Other", "plural": "others"}}}),
        merge("group stays", f"{CRDS}/gauges.{group}", {"spec": {"group": "other.example.com"}}),
        merge("an unestablished kind may change", f"{CRDS}/meters.{group}", {"spec": {"names": {"kind": "Meter"}}}), wait,
        get("established by now", f"{CRDS}/meters.{group}"),
        delete("first goes", f"{CRDS}/gauges.{group}"), get("SERVED", f"/apis/{group}/v1/dials"),
        get("its names are free", f"{CRDS}/ga.{group}"),
        get("and taken", f"{CRDS}/dials.{group}"),
    ]  # fmt: skip


def life() -> list[Step]:
    group = "lifecycle.example.com"
    r = f"{group}/v1!gauges"
    base = versions(group, "v1", "v2")
    loose: Object = {
        "openAPIV3Schema": struct(
            {
                "spec": struct({"a": text(), "b": text(), "sub": struct({"c": text()})}),
                "status": struct({"phase": text()}),
            }
        )
    }
    base["spec"]["versions"] = [
        {**it, "schema": loose, "subresources": {"status": {}}} for it in base["spec"]["versions"]
    ]
    later: Object = {"openAPIV3Schema": struct({
        "spec": struct({"a": text(), "d": text(default="new"), "sub": struct({"e": whole(default=3)}, default={}), "list": items(struct({"name": text(), "w": whole(default=1)}, required=["name"]), **KEYED)}),
        "status": struct({"phase": text(), "ready": {"type": "boolean", "default": False}}, default={"phase": "None"}),
    })}  # fmt: skip

    def two(first: Object, second: Object, *, storage: str = "v1", served: tuple[bool, bool] = (True, True)) -> Object:
        both = [{"name": "v1", "schema": first, "served": served[0], "storage": storage == "v1", "subresources": {"status": {}}},
                {"name": "v2", "schema": second, "served": served[1], "storage": storage == "v2", "subresources": {"status": {}}}]  # fmt: skip
        return {"spec": {"versions": both}}

    wait = get("SERVED", f"/apis/{group}/v1/gauges")
    one = {
        "apiVersion": f"{group}/v1",
        "kind": "Gauge",
        "metadata": {"name": "g"},
        "spec": {"a": "1", "b": "2", "sub": {"c": "3"}},
    }
    crd = f"{CRDS}/gauges.{group}"
    return [
        post("define", CRDS, base), wait,
        post("create", r, one, VERSION),
        merge("status", f"{r}/g/status", {"status": {"phase": "Old"}}),
        merge("change the schema of both", crd, two(later, later)), wait,
        get("defaults and pruning on read", f"{r}/g"), get("in lists too", r), get("and in tables", r, TABLE),
        merge("a label writes it anew", f"{r}/g", {"metadata": {"labels": {"a": "b"}}}),
        post("a new one", r, {**one, "metadata": {"name": "n"}, "spec": {"list": [{"name": "x"}]}}),
        get("status defaults on read", f"{r}/n"),
        merge("its status", f"{r}/n/status", {"status": {"ready": True}}),
        get("in v2", f"{group}/v2!gauges/n"),
        merge("store v2", crd, two(later, later, storage="v2")), wait,
        get("stored versions", crd),
        merge("written as v2", f"{r}/n", {"metadata": {"labels": {"a": "b"}}}),
        merge("v1 may not go", crd, {"spec": {"versions": two(later, later, storage="v2")["spec"]["versions"][1:]}}),
        merge("stored only as v2", f"{crd}/status", {"status": {"storedVersions": ["v2"]}}),
        merge("v2 may not go from there", f"{crd}/status", {"status": {"storedVersions": ["v1"]}}),
        merge("v1 is not served", crd, two(later, later, storage="v2", served=(False, True))), get("SERVED", f"/apis/{group}/v2/gauges"),
        get("v1 is gone", f"{r}/n"), get("v2 is there", f"{group}/v2!gauges/n"), get("versions of the group", f"/apis/{group}"),
        get("a version of the group", f"/apis/{group}/v1"),
        json_patch("v1 is deprecated", crd, op("add", "/spec/versions/0/served", True), op("add", "/spec/versions/0/deprecated", True)), wait,
        get("with a warning", f"{r}/n"),
        json_patch("with words of its own", crd, op("add", "/spec/versions/0/deprecationWarning", "leave v1")), wait,
        get("which are told", f"{r}/n"),
        put("a definition needs its version", crd, base),
        merge("a finalizer holds it", f"{group}/v2!gauges/n", {"metadata": {"finalizers": ["example.com/held"]}}),
        delete("delete the definition", crd), get("SERVED", f"/apis/{group}/v2/gauges"),
        get("it waits", crd), get("for what is left", f"{group}/v2!gauges"),
        post("nothing new", f"{group}/v2!gauges", {**one, "apiVersion": f"{group}/v2", "metadata": {"name": "m"}, "spec": {}}),
        delete("deleted again", crd),
    ]  # fmt: skip


def embedded() -> list[Step]:
    group = "embed.example.com"
    r = f"{group}/v1!gauges"
    inner = {**EMBEDDED, "type": "object", "properties": {"spec": struct({"n": whole(default=1)})}}
    whole_object = {**ANY, **EMBEDDED}
    spec = struct({"template": inner, "any": whole_object, "each": items(inner), "by": entries(whole_object), "raw": ANY,
                   "free": {"type": "object", "additionalProperties": True}, "shut": {"type": "object"}, "xs": {"x-kubernetes-preserve-unknown-fields": True}})  # fmt: skip
    good = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "t", "labels": {"a": "b"}}, "spec": {}}

    def one(name: str, **fields: Any) -> Object:
        return {"apiVersion": f"{group}/v1", "kind": "Gauge", "metadata": {"name": name}, "spec": fields}

    return [
        post("define", CRDS, definition(group, spec)), get("SERVED", f"/apis/{group}/v1/gauges"),
        post("good", r, one("g", template=good, any=good, each=[good], by={"k": good})),
        post("unknown fields of metadata", r, one("u", template={**good, "metadata": {"name": "t", "foo": 1, "creationTimestamp": None}})),
        post("unknown fields, strict", f"{r}?fieldValidation=Strict", one("x", template={**good, "extra": 1, "metadata": {"name": "t", "foo": 1}})),
        post("no kind", r, one("x", template={"apiVersion": "v1"})),
        post("nothing", r, one("x", template={})),
        post("empty kind", r, one("x", template={**good, "kind": ""})),
        post("bad kind", r, one("x", template={**good, "kind": "A_b"})),
        post("bad version", r, one("x", template={**good, "apiVersion": "a/b/c"})),
        post("bad name", r, one("x", template={**good, "metadata": {"name": "a/b"}})),
        post("bad label", r, one("x", by={"k": {**good, "metadata": {"labels": {"a b": "c"}}}})),
        post("metadata of the wrong type", r, one("x", template={**good, "metadata": {"labels": 1}})),
        post("kind of the wrong type", r, one("x", template={**good, "kind": 1})),
        post("free fields", r, one("f", raw={"a": {"b": 1}}, free={"a": {"b": 1}}, shut={"a": 1}, xs=[1, {"a": None}], any={**good, "data": {"x": [None]}})),
        apply("applied", f"{r}/a", one("a", template=good, each=[good])),
        apply("applied by another", f"{r}/a", one("a", template={**good, "metadata": {"labels": {"c": "d"}}}), "m2"),
    ]  # fmt: skip


def selectors() -> list[Step]:
    group = "selectable.example.com"
    r = f"{group}/v1!gauges"
    body = definition(
        group, struct({"a": text(), "n": whole(), "on": {"type": "boolean"}, "sub": struct({"b": text()})})
    )
    body["spec"]["versions"][0]["selectableFields"] = [
        {"jsonPath": it} for it in (".spec.a", ".spec.n", ".spec.on", ".spec.sub.b")
    ]

    def one(name: str, **fields: Any) -> Object:
        return {"apiVersion": f"{group}/v1", "kind": "Gauge", "metadata": {"name": name}, "spec": fields}

    return [
        post("define", CRDS, body), get("SERVED", f"/apis/{group}/v1/gauges"),
        post("create", r, one("x", a="1", n=2, on=True, sub={"b": "z"})), post("create another", r, one("y", a="2")),
        *(get(f"by {it}", f"{r}?fieldSelector={it.replace('=', '%3D').replace(',', '%2C')}") for it in (
            "spec.a=1", "spec.a!=1", "spec.n=2", "spec.on=true", "spec.sub.b=z", "spec.a=", "spec.n=", "spec.a=2,metadata.name=y", "spec.b=1", "metadata.namespace=nope", "spec.sub=1")),
        delete("delete a collection by field", f"{r}?fieldSelector=spec.a%3D1"),
        get("left", r),
    ]  # fmt: skip


def columns() -> list[Step]:
    group = "columns.example.com"
    r = f"{group}/v1!gauges"
    paths = {
        "Text": ("string", ".spec.text"), "Whole": ("integer", ".spec.whole"), "Real": ("number", ".spec.real"), "Flag": ("boolean", ".spec.flag"), "When": ("date", ".spec.when"),
        "First": ("string", ".spec.list[0].v"), "All": ("string", ".spec.list[*].v"), "Picked": ("string", '.spec.list[?(@.name=="b")].v'), "Dotted": ("string", r".metadata.annotations.a\.b/c"),
        "Missing": ("string", ".spec.zz.yy"), "Object": ("string", ".spec.sub"), "Wrong": ("integer", ".spec.text"), "Last": ("string", ".spec.list[-1:].v"), "Age": ("date", ".metadata.creationTimestamp"),
        "Number as text": ("string", ".spec.whole"), "Flag as text": ("string", ".spec.flag"),
    }  # fmt: skip
    body = definition(group, ANY)
    body["spec"]["versions"][0]["additionalPrinterColumns"] = [
        {"name": name, "type": kind, "jsonPath": path} for name, (kind, path) in paths.items()
    ]
    spec = {
        "text": "t",
        "whole": 3,
        "real": 1.5,
        "flag": True,
        "when": "2026-01-01T00:00:00Z",
        "list": [{"name": "a", "v": "1"}, {"name": "b", "v": "2"}],
        "sub": {"x": 1},
    }
    one = {
        "apiVersion": f"{group}/v1",
        "kind": "Gauge",
        "metadata": {"name": "x", "annotations": {"a.b/c": "dot"}},
        "spec": spec,
    }
    return [
        post("define", CRDS, body), get("SERVED", f"/apis/{group}/v1/gauges"),
        post("create", r, one), post("create an empty one", r, {**one, "metadata": {"name": "y"}, "spec": {}}),
        get("table", r, TABLE), get("table of one", f"{r}/x", TABLE),
    ]  # fmt: skip


VALUES: Object = {
    "i": whole(), "i32": whole(format="int32"), "i64": whole(format="int64"), "im": whole(minimum=0, format="int32"), "n": {"type": "number"}, "nf": {"type": "number", "format": "float"},
    "b": {"type": "boolean"}, "o": struct({}), "l": items(text()), "s": text(), "d": text(format="date-time"), "e": text(format="email"), "u": text(format="uuid"), "m": entries(whole()),
    "mp": entries(text(), minProperties=1), "en": {"type": "integer", "enum": [1, 2]}, "any": {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": text(), "b": text()}},
    "all": {"type": "string", "allOf": [{"minLength": 3}, {"pattern": "^a"}]}, "some": {"type": "string", "allOf": [{"minLength": 1}, {"pattern": "^a"}]}, "no": {"type": "string", "not": {"enum": ["x"]}},
    "one": {"type": "object", "properties": {"t": text(), "v": text()}, "oneOf": [{"properties": {"t": {"enum": ["A"]}, "v": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}}}, {"properties": {"t": {"not": {"enum": ["A"]}}}}]},
    "ios": {**INT_OR_STRING, "pattern": "^[0-9]+%$", "maximum": 5}, "mult": {"type": "integer", "multipleOf": 3}, "ex": {"type": "number", "exclusiveMinimum": True, "minimum": 1.5, "exclusiveMaximum": True, "maximum": 9},
    "dur": text(format="duration"), "by": text(format="byte"), "nul": whole(nullable=True), "minl": items(text(), minItems=2), "maxp": entries(text(), maxProperties=1), "ip": text(format="ipv4"), "cidr": text(format="cidr"),
    "uri": text(format="uri"), "host": text(format="hostname"), "date": text(format="date"), "short": text(format="k8s-short-name"), "mac": text(format="mac"), "color": text(format="hexcolor"),
}  # fmt: skip
TRIED: tuple[Object, ...] = (
    {"i": 1.5}, {"i32": 1.5}, {"im": 1.5}, {"i32": 3000000000}, {"i64": 1e30}, {"i": "x"}, {"i": 2.0}, {"n": "x"}, {"n": 3}, {"nf": 1e300}, {"b": 1}, {"o": 1}, {"o": []}, {"l": "x"}, {"l": [1]},
    {"s": 1}, {"s": True}, {"s": 1.5}, {"s": {}}, {"s": []}, {"d": "x"}, {"d": 1}, {"d": True}, {"e": "x"}, {"u": "x"}, {"m": {"k": "x"}}, {"mp": {}}, {"en": 3}, {"any": {}}, {"all": "x"}, {"some": "x"}, {"no": "x"},
    {"one": {"t": "A", "v": "x"}}, {"ios": "x"}, {"ios": 9}, {"mult": 4}, {"ex": 1.5}, {"ex": 9}, {"dur": "x"}, {"dur": "3 days"}, {"by": "!"}, {"i": None}, {"nul": None}, {"minl": ["a"]}, {"maxp": {"a": "1", "b": "2"}},
    {"en": None}, {"l": [None]}, {"m": {"k": None}}, {"ip": "1.2.3"}, {"ip": "1.2.3.4"}, {"cidr": "10.0.0.0"}, {"uri": "a b"}, {"uri": "/a"}, {"host": "a_b"}, {"host": "a.example.com"}, {"date": "2026-13-01"}, {"short": "A"}, {"mac": "x"}, {"color": "#12"},
)  # fmt: skip


def values() -> list[Step]:
    group = "values.example.com"
    body = definition(group, struct(copy.deepcopy(VALUES)))
    made = [{"apiVersion": f"{group}/v1", "kind": "Gauge", "metadata": {"name": "x"}, "spec": spec} for spec in TRIED]
    return [
        post("define", CRDS, body),
        get("SERVED", f"/apis/{group}/v1/gauges"),
        *(post(json.dumps(it["spec"]), f"{group}/v1!gauges?dryRun=All", it) for it in made),
    ]


SCRIPTS = [
    script("definitions-refused", *refused()),
    script("definitions-names", *conflicts()),
    script("definitions-life", *life()),
    script("definitions-embedded", *embedded()),
    script("definitions-selectors", *selectors()),
    script("definitions-columns", *columns()),
    script("definitions-values", *values()),
]
