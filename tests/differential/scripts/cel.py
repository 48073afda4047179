"""Rules in CEL of custom resources: broken and kept, over updates, of unchanged values, and such that are none."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

import copy
from typing import Any

from tests.differential.scripts.namespaced import placed
from tests.differential.steps import VERSION, Script, Step, apply, get, json_patch, merge, op, post, put

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Object = dict[str, Any]


def script(name: str, *steps: Step) -> Script:
    """Return a script in the namespace t-NAME, which runs no pods and so needs no service account."""
    namespace = f"t-{name}"
    first = post("namespace", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    return Script(name, (first, *(placed(step, namespace) for step in steps)))


def rule(text: str, message: str = "", **more: Any) -> Object:
    return {"rule": text} | ({"message": message} if message else {}) | more


def text(*rules: Object, **more: Any) -> Object:
    return {"type": "string", "maxLength": 40, **more} | ({"x-kubernetes-validations": list(rules)} if rules else {})


def whole(*rules: Object, **more: Any) -> Object:
    return {"type": "integer", **more} | ({"x-kubernetes-validations": list(rules)} if rules else {})


def struct(fields: Object, *rules: Object, **more: Any) -> Object:
    found = {"type": "object", "properties": fields, **more}
    return found | ({"x-kubernetes-validations": list(rules)} if rules else {})


def items(of: Object, *rules: Object, **more: Any) -> Object:
    found = {"type": "array", "maxItems": 8, "items": of, **more}
    return found | ({"x-kubernetes-validations": list(rules)} if rules else {})


def entries(of: Object, *rules: Object, **more: Any) -> Object:
    found = {"type": "object", "maxProperties": 8, "additionalProperties": of, **more}
    return found | ({"x-kubernetes-validations": list(rules)} if rules else {})


STEP = struct(
    {"name": text(), "weight": whole(rule("self >= 0 && self <= 100", "weight is a percentage")), "note": text()},
    rule("self.weight >= oldSelf.weight", "weight may only grow"),
    rule("self.name != self.note", messageExpression='"note of " + self.name + " says its name"'),
    required=["name"],
)
KEYED = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
TEMPLATE = struct(
    {"spec": struct({"a": whole()})},
    rule("self.kind == 'Thing'"),
    rule("!has(self.metadata.name) || self.metadata.name.startsWith('t')", "name of the template begins with t"),
    **{"x-kubernetes-embedded-resource": True},
)
SPEC = struct(
    {
        "min": whole(), "max": whole(default=10), "ratio": {"type": "number", "x-kubernetes-validations": [rule("self < 1", "ratio is below one")]},
        "mode": text(rule("self == oldSelf", "mode stays", reason="FieldValueForbidden")),
        "name": text(), "size": text(rule("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))", "size is a positive quantity")),
        "port": {"x-kubernetes-int-or-string": True, "x-kubernetes-validations": [rule("type(self) == int ? self > 0 : self.endsWith('%')")]},
        "steps": items(STEP, rule("self.exists_one(s, s.name == 'last')", "exactly one last step"), **KEYED),
        "tags": items(text(rule("self.matches('^[a-z]+$')")), rule("oldSelf.all(t, t in self)", "tags are never lost"), **{"x-kubernetes-list-type": "set"}),
        "plain": items(whole(rule("self % 2 == 0", "even numbers only")), rule("self.isSorted() && self.sum() < 100", "sorted, and below 100 in all")),
        "labels": entries(text(rule("self != oldSelf.upperAscii()", "not in capitals")), rule("self.all(k, k.size() < 6)"), rule("!('boom' in self) || self['bang'] == 'x'")),
        "x-y": text(), "a.b/c": text(), "namespace": text(), "under__score": text(),
        "maybe": text(nullable=True),
        "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"known": whole(rule("self > 0", reason="FieldValueDuplicate"))}},
        "wait": text(rule("duration(self) >= duration('1s')", "a second at least")),
        "address": text(rule("isIP(self) && ip(self).family() == 4 && cidr('10.0.0.0/8').containsIP(self)", "an address of ours")),
        "link": text(rule("isURL(self) && url(self).getScheme() == 'https'", "https only")),
        "template": TEMPLATE,
        "choice": text(enum=["a", "b"]),
        "flag": {"type": "boolean"}, "count": whole(), "part": whole(),
    },
    rule("!has(self.min) || self.min <= self.max", "min above max"),
    rule("!has(self.name) || self.name.startsWith('g')", messageExpression="'name ' + self.name + ' must begin with g'", fieldPath=".name", reason="FieldValueInvalid"),
    rule("!has(self.x__dash__y) || self.x__dash__y != 'bad'", "dash", fieldPath="['x-y']"),
    rule("!has(self.a__dot__b__slash__c) || self.a__dot__b__slash__c != 'bad'"),
    rule("!has(self.__namespace__) || self.__namespace__ != 'bad'", reason="FieldValueRequired"),
    rule("!has(self.under__underscores__score) || self.under__underscores__score != 'bad'"),
    rule("!has(self.maybe) || self.maybe != 'bad'"),
    rule("!has(self.part) || self.count / self.part > 1", "more than one for each"),
    rule("!has(self.flag) || self.flag || self.labels['it'] == 'x'", "label it"),
    rule("!has(self.count) || oldSelf.hasValue() || self.count < 50", "begins below 50", optionalOldSelf=True),
    rule("!has(self.tags) || self.tags.size() < 4", messageExpression="self.tags[9]"),
    rule("!has(self.choice) || self.choice == oldSelf.?choice.orValue(self.choice)", "choice is for good"),
)  # fmt: skip


def definition(group: str, spec: Object, *rules: Object) -> Object:
    root = struct({"spec": spec, "status": struct({"phase": text(rule("self != 'Bad'")), "count": whole()}, rule("self.phase != oldSelf.phase || self.count >= oldSelf.count"))}, *rules)  # fmt: skip
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": root},
    }
    names = {"plural": "gauges", "singular": "gauge", "kind": "Gauge", "listKind": "GaugeList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"gauges.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }  # fmt: skip


def gauge(group: str, called: str = "x", /, **spec: Any) -> Object:
    return {"apiVersion": f"{group}/v1", "kind": "Gauge", "metadata": {"name": called}, "spec": spec}


ONE_BAD: Object = {
    "min above max": {"min": 11}, "ratio": {"ratio": 1.5}, "name by expression": {"name": "x"},
    "size": {"size": "abc"}, "size of nothing": {"size": "0"}, "port": {"port": 0}, "port as text": {"port": "80"},
    "weight": {"steps": [{"name": "last", "weight": 101, "note": ""}]},
    "no last": {"steps": [{"name": "a", "weight": 1, "note": ""}]},
    "a note by expression": {"steps": [{"name": "last", "weight": 1, "note": "last"}]},
    "tag": {"tags": ["OK"]}, "odd": {"plain": [2, 3]}, "not sorted": {"plain": [4, 2]},
    "long key": {"labels": {"abcdef": "x"}}, "no such key": {"labels": {"boom": "x"}},
    "dash": {"x-y": "bad"}, "dot and slash": {"a.b/c": "bad"}, "reserved": {"namespace": "bad"}, "underscores": {"under__score": "bad"},
    "duplicate": {"raw": {"known": 0, "other": 1}}, "wait": {"wait": "10ms"}, "wait for nothing": {"wait": "soon"},
    "address": {"address": "192.168.1.1"}, "no address": {"address": "x"}, "link": {"link": "http://a/"}, "no link": {"link": "a b"},
    "template of another kind": {"template": {"apiVersion": "v1", "kind": "Other"}},
    "template of another name": {"template": {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}}},
    "division by zero": {"count": 1, "part": 0}, "too few": {"count": 1, "part": 1}, "no field": {"part": 1},
    "no map": {"flag": False}, "begins too high": {"count": 60}, "message that fails": {"tags": ["a", "b", "c", "d"]},
    "wrong type stops rules": {"min": "x", "max": 1, "name": "x"}, "enum stops rules": {"choice": "z", "name": "x"},
    "bad for the schema and a rule": {"min": 11, "wait": "1s", "unknown": 1, "port": True},
}  # fmt: skip


def rules() -> list[Step]:
    group = "cel.example.com"
    r = f"{group}/v1!gauges"
    good = {
        "min": 1, "ratio": 0.5, "name": "good", "size": "1Gi", "port": "50%", "tags": ["a"], "plain": [2, 4], "labels": {"a": "b"},
        "steps": [{"name": "last", "weight": 10, "note": ""}, {"name": "first", "weight": 5, "note": ""}],
        "maybe": None, "raw": {"known": 1}, "wait": "1m", "address": "10.1.2.3", "link": "https://a/b", "mode": "m", "choice": "a", "count": 5,
        "template": {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "t1"}, "spec": {"a": 1}},
    }  # fmt: skip
    return [
        post("define", CRDS, definition(group, SPEC, rule("self.metadata.name.size() < 10", "short names only"), rule("self.kind == 'Gauge' && self.apiVersion.startsWith('cel.')"))),
        get("SERVED", f"/apis/{group}/v1/gauges"),
        post("good", r, gauge(group, "g", **good), VERSION),
        post("long name", r, gauge(group, "abcdefghijk")),
        *(post(f"create: {name}", r, gauge(group, "x", **spec)) for name, spec in ONE_BAD.items()),
        merge("mode changes", f"{r}/g", {"spec": {"mode": "n"}}),
        merge("mode goes and may come", f"{r}/g", {"spec": {"mode": None}}),
        merge("mode comes", f"{r}/g", {"spec": {"mode": "z"}}),
        merge("choice changes", f"{r}/g", {"spec": {"choice": "b"}}),
        merge("choice goes", f"{r}/g", {"spec": {"choice": None}}),
        merge("a weight shrinks", f"{r}/g", {"spec": {"steps": [{"name": "first", "weight": 4, "note": ""}, {"name": "last", "weight": 10, "note": ""}]}}),
        merge("weights grow in another order", f"{r}/g", {"spec": {"steps": [{"name": "first", "weight": 6, "note": ""}, {"name": "last", "weight": 10, "note": ""}]}}),
        json_patch("a new step has no past", f"{r}/g", op("add", "/spec/steps/-", {"name": "new", "weight": 1, "note": ""})),
        merge("a tag is lost", f"{r}/g", {"spec": {"tags": ["b"]}}),
        merge("a tag more", f"{r}/g", {"spec": {"tags": ["b", "a"]}}),
        merge("a label in capitals", f"{r}/g", {"spec": {"labels": {"a": "B"}}}),
        merge("another label", f"{r}/g", {"spec": {"labels": {"b": "B"}}}),
        merge("may be high later", f"{r}/g", {"spec": {"count": 60}}),
        put("put", f"{r}/g", {**gauge(group, "g", **{**good, "min": 99}), "metadata": {"name": "g", "resourceVersion": "$rv"}}),
        apply("apply", f"{r}/g", gauge(group, "g", min=99)),
        merge("status", f"{r}/g/status", {"status": {"phase": "Ok", "count": 2}}),
        merge("bad status", f"{r}/g/status", {"status": {"phase": "Bad"}}),
        merge("count shrinks", f"{r}/g/status", {"status": {"count": 1}}),
        merge("count shrinks with a phase", f"{r}/g/status", {"status": {"count": 1, "phase": "New"}}),
        post("dry run", f"{r}?dryRun=All", gauge(group, "x", min=11)),
        get("in the end", f"{r}/g"),
    ]  # fmt: skip


def ratcheting() -> list[Step]:
    group = "ratchet.example.com"
    r = f"{group}/v1!gauges"
    loose = struct(
        {
            "a": text(),
            "b": text(),
            "n": whole(),
            "list": items(struct({"name": text(), "v": text()}, required=["name"]), **KEYED),
            "plain": items(text()),
            "map": entries(text()),
            "sub": struct(
                {"c": text(), "d": text()},
            ),
        }
    )
    tight = struct({
        "a": text(rule("self.startsWith('ok')", "a is ok")), "b": text(maxLength=2), "n": whole(maximum=5),
        "list": items(struct({"name": text(), "v": text(rule("self == 'ok'"))}, required=["name"]), **KEYED),
        "plain": items(text(rule("self == 'ok'", "plain is ok"))), "map": entries(text(pattern="^ok$")),
        "sub": struct({"c": text(), "d": text(enum=["x"])}, rule("self.c == 'ok'", "c is ok")),
    }, rule("!has(self.sub) || self.sub.c != 'never'"))  # fmt: skip
    # One broken rule an object: the real server gives several warnings in the random order of a Go map.
    old: Object = {
        "g": {"b": "long", "n": 9, "map": {"k": "bad"}, "sub": {"c": "ok", "d": "bad"}},
        "a": {"a": "bad", "b": "ok"},
        "l": {"list": [{"name": "p", "v": "ok"}, {"name": "q", "v": "bad"}]},
        "p": {"plain": ["bad"]},
        "s": {"sub": {"c": "bad", "d": "x"}},
    }
    tightened = definition(group, tight)
    return [
        post("define", CRDS, definition(group, loose)),
        get("SERVED", f"/apis/{group}/v1/gauges"),
        *(post(f"create {name}", r, gauge(group, name, **spec)) for name, spec in old.items()),
        merge("tighten", f"{CRDS}/gauges.{group}", {"spec": {"versions": tightened["spec"]["versions"]}}),
        get("SERVED", f"/apis/{group}/v1/gauges"),
        post("no new one like it", r, gauge(group, "h", a="bad")),
        *(merge(f"label {name}", f"{r}/{name}", {"metadata": {"labels": {"a": "b"}}}) for name in old),
        merge("another bad value", f"{r}/a", {"spec": {"a": "worse"}}),
        merge("another field", f"{r}/a", {"spec": {"b": "k"}}),
        merge("a good value", f"{r}/a", {"spec": {"a": "ok"}}),
        merge("another long value", f"{r}/g", {"spec": {"b": "longer"}}),
        merge("another large value", f"{r}/g", {"spec": {"n": 8}}),
        merge("a fine value", f"{r}/g", {"spec": {"n": 5}}),
        merge("items in another order", f"{r}/l", {"spec": {"list": [{"name": "q", "v": "bad"}, {"name": "p", "v": "ok"}]}}),
        merge("a new bad item", f"{r}/l", {"spec": {"list": [{"name": "q", "v": "bad"}, {"name": "new", "v": "bad"}]}}),
        merge("a bad item changes", f"{r}/l", {"spec": {"list": [{"name": "q", "v": "worse"}]}}),
        merge("a plain list grows", f"{r}/p", {"spec": {"plain": ["bad", "ok"]}}),
        merge("another entry", f"{r}/g", {"spec": {"map": {"l": "ok"}}}),
        merge("a bad entry", f"{r}/g", {"spec": {"map": {"l": "bad"}}}),
        merge("beside the bad field", f"{r}/s", {"spec": {"sub": {"c": "bad2"}}}),
        merge("the enum stays bad", f"{r}/g", {"spec": {"sub": {"c": "ok ok"}}}),
        merge("status", f"{r}/a/status", {"status": {"phase": "Fine"}}),
        *(get(f"{name} in the end", f"{r}/{name}") for name in old),
    ]  # fmt: skip


BAD_RULES: Object = {
    "undeclared": struct({"a": text()}, rule("nobody == 1")),
    "no such function": struct({"a": text()}, rule("self.a.foo()")),
    "syntax": struct({"a": text()}, rule("self.a ==")),
    "no such field": struct({"a": text()}, rule("self.b == 'x'")),
    "no such field below": struct({"a": struct({"b": text()})}, rule("has(self.a.zz)")),
    "no such field of an item": struct({"l": items(struct({"b": text()}))}, rule("self.l.all(it, it.zz == '')")),
    "not a boolean": struct({"a": text(rule("self + 'x'"))}),
    "a field that is no boolean": struct({"a": text()}, rule("self.a")),
    "types that do not meet": struct({"a": text(rule("self == 1"))}),
    "wrong argument": struct({"a": text(rule("self.startsWith(1)"))}),
    "empty": struct({"a": text()}, rule("")),
    "blank message": struct({"a": text()}, rule("true", "  ")),
    "message of two lines": struct({"a": text()}, rule("true", "a\nb")),
    "rule of two lines": struct({"a": text()}, rule("true ||\nfalse")),
    "blank expression": struct({"a": text()}, rule("true", messageExpression="  ")),
    "expression that is no text": struct({"a": text(rule("true", messageExpression="1"))}),
    "expression that is none": struct({"a": text(rule("true", messageExpression="nobody"))}),
    "reason": struct({"a": text()}, rule("true", reason="Because")),
    "path to nowhere": struct({"a": text()}, rule("true", fieldPath=".zz")),
    "path that is none": struct({"a": text()}, rule("true", fieldPath="a")),
    "blank path": struct({"a": text()}, rule("true", fieldPath=" ")),
    "old self in a plain list": struct({"l": items(text(rule("self == oldSelf")))}),
    "old self in a set": struct({"l": items(text(rule("self == oldSelf")), **{"x-kubernetes-list-type": "set"})}),
    "optional without old": struct({"a": text(rule("true", optionalOldSelf=True))}),
    "old self that is optional": struct({"a": text(rule("self == oldSelf", optionalOldSelf=True))}),
    "not in any of": struct({"a": {"type": "string", "anyOf": [{"x-kubernetes-validations": [rule("true")]}]}}),
    "function of another library": struct({"a": text()}, rule("cel.bind(b, self.a, b.size() > 1)")),
    "item by item": struct({"l": items(struct({"n": text()}))}, rule("self.l.filter(x, x.n == '').all(y, y.zz == 1)")),
    "optional field": struct({"a": text()}, rule("self.?zz.orValue('') == ''")),
    "types of fields": struct({"a": text(), "n": whole()}, rule("self.a == self.n")),
    "escaped as it need not be": struct({"a-b": text()}, rule("self.a__dot__b == ''")),
    "on what is preserved": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-validations": [rule("self.a == 1")]},
    "too dear": struct({"l": {"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": [rule("self.all(x, self.all(y, x == y))")]}}),
    "metadata that rules do not see": struct({"a": text()}),
}  # fmt: skip


def compiling() -> list[Step]:
    group = "rules.example.com"

    def bad(name: str, spec: Object) -> Step:
        made = definition(group, spec)
        root = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        if name == "metadata that rules do not see":
            root["x-kubernetes-validations"] = [rule("self.metadata.namespace == 'a'")]
        return post(name, f"{CRDS}?dryRun=All", made)

    fine = struct(
        {"a": text(), "l": items(struct({"n": text()}, required=["n"]))},
        rule("self.l.map(it, it.n).exists(n, n == self.a) || self.a in ['x']\n", "two lines"),
        rule("has(self.a) && [self.a].distinct().size() == 1", "a"),
    )
    return [
        *(bad(name, copy.deepcopy(spec)) for name, spec in BAD_RULES.items()),
        post("fine", f"{CRDS}?dryRun=All", definition(group, fine)),
    ]  # fmt: skip


SCRIPTS = [
    script("cel", *rules()),
    script("cel-ratcheting", *ratcheting()),
    script("cel-compiling", *compiling()),
]
