"""Random sequences of requests, as users and operators send them, right and wrong: a seed gives always the same.

Written from what Kubernetes promises, not from what our server does. All steps are about few names of few kinds, so
that they meet each other's objects; what a Go client would read first is read by a step of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from tests.differential import sequence_objects
from tests.differential.sequence_objects import KINDS, Kind
from tests.differential.steps import (
    APPLY,
    JSON,
    JSON_PATCH,
    MERGE,
    PARTIAL,
    PARTIAL_LIST,
    STRATEGIC,
    TABLE,
    VERSION,
    Script,
    Step,
)

NAMES = ("one", "two", "three")
LABELS = (
    "app=a",
    "app!=a",
    "app in (a,b)",
    "app notin (a)",
    "tier",
    "!tier",
    "app in a",
    "a b",
    "x/y/z=1",
    "=a",
    "a=-",
)
FIELDS = ("metadata.name=one", "metadata.name!=one", "type=Opaque", "bad=1", "metadata.name", "metadata.name=a\\b")
ACCEPTED = (
    TABLE["accept"], PARTIAL["accept"], PARTIAL_LIST["accept"], "application/yaml", "*/*", "text/html",
    "application/json;as=Table;v=v9;g=meta.k8s.io", "application/*", "application/xml, application/json",
)  # fmt: skip
OPTIONS = (
    "dryRun=All", "dryRun=", "dryRun=x", "fieldManager=m1", "fieldManager=%09x", f"fieldManager={'m' * 129}",
    "fieldValidation=Strict", "fieldValidation=Ignore", "fieldValidation=Odd", "timeout=x", "force=true", "bogus=1",
)  # fmt: skip
DELETES: tuple[Any, ...] = (
    None, None, {"propagationPolicy": "Background"}, {"propagationPolicy": "Foreground"}, {"propagationPolicy": "X"},
    {"gracePeriodSeconds": 0}, {"gracePeriodSeconds": "x"}, {"preconditions": {"uid": "wrong"}}, "[]",
    {"preconditions": {"resourceVersion": "1"}}, {"dryRun": ["All"]}, {"dryRun": ["x"]}, {"kind": "Foo"},
)  # fmt: skip
PLACES = (
    "/metadata/labels/app", "/metadata/labels", "/metadata/annotations/a~1b", "/metadata/finalizers", "/spec/replicas",
    "/metadata/name", "/data/k", "/x", "/metadata/finalizers/0", "/spec/ports/0/port",
)  # fmt: skip
VALUES: tuple[Any, ...] = ("a", 1, None, {}, {"a": "b"}, ["x.io/f"])


class Sequence:
    """One seed's steps in one namespace."""

    def __init__(self, seed: int, namespace: str) -> None:
        self._rng = random.Random(seed)
        self._namespace = namespace

    def script(self, name: str, steps: int) -> Script:
        """Return so many steps, in a namespace that they make."""
        namespace = {"metadata": {"name": self._namespace}}
        begin = Step("begin", "POST", "/api/v1/namespaces", namespace, {"content-type": JSON})
        found = [begin]
        for step in self._steps():
            found.append(
                Step(f"{len(found)} {step.name}", step.method, step.path, step.body, step.headers, step.capture)
            )
            if len(found) > steps:
                return Script(name, tuple(found))
        raise AssertionError("steps do not end")

    def _steps(self) -> Iterator[Step]:
        kinds = list(KINDS)
        moves: list[tuple[int, Callable[[Kind, str], Iterator[Step]]]] = [
            (14, self._create), (7, self._get), (8, self._list), (12, self._replace), (9, self._merge),
            (8, self._strategic), (6, self._json_patch), (14, self._apply), (6, self._delete), (2, self._delete_all),
            (4, self._raw),
        ]  # fmt: skip
        while True:
            kind, name = self._rng.choice(kinds), self._rng.choice(NAMES)
            move = self._rng.choices([it for _, it in moves], [weight for weight, _ in moves])[0]
            yield from move(kind, name)

    def _likely(self, share: float) -> bool:
        return self._rng.random() < share

    def _folder(self, kind: Kind) -> str:
        root = f"/apis/{kind.version}" if "/" in kind.version else f"/api/{kind.version}"
        return f"{root}/namespaces/{self._namespace}/{kind.plural}"

    def _object(self, kind: Kind, name: str) -> dict[str, Any]:
        made: dict[str, Any] = kind.make(self._rng)
        meta: dict[str, Any] = {"name": name}
        if labels := self._rng.choice((None, {"app": "a"}, {"app": "b", "tier": "web"})):
            meta["labels"] = labels
        if self._likely(0.1):
            meta["annotations"] = {"note": self._rng.choice(("x", "ü", "line\nbreak"))}
        if self._likely(0.06):
            meta["finalizers"] = self._rng.choice((["x.io/f"], ["bad"], ["x.io/f", "x.io/g"]))
        return {"apiVersion": kind.version, "kind": kind.kind, "metadata": meta, **made}

    def _options(self) -> str:
        return f"?{self._rng.choice(OPTIONS)}" if self._likely(0.25) else ""

    def _create(self, kind: Kind, name: str) -> Iterator[Step]:
        body = self._object(kind, name)
        if self._likely(0.1):
            wrong = {"name": "A_b", "namespace": "other", "resourceVersion": "5", "uid": "x", "generateName": "g-"}
            key = self._rng.choice(sorted(wrong))
            body["metadata"][key] = wrong[key]
        if self._likely(0.06):
            key, value = self._rng.choice((("kind", "Foo"), ("apiVersion", "v9"), ("unknown", 1), ("kind", "")))
            body[key] = value
        if self._likely(0.08):
            body["metadata"]["ownerReferences"] = sequence_objects.owners(self._rng)
        yield self._step("create", "POST", self._folder(kind) + self._options(), body, JSON)

    def _step(self, name: str, method: str, path: str, body: Any, media: str) -> Step:
        headers = {"content-type": media} if body is not None else {}
        return Step(name, method, path, body, headers)

    def _get(self, kind: Kind, name: str) -> Iterator[Step]:
        headers = {"accept": self._rng.choice(ACCEPTED)} if self._likely(0.5) else {}
        query = self._rng.choice(("", "", "", "?resourceVersion=0", "?resourceVersion=x", "?export=1"))
        yield Step("get", "GET", f"{self._folder(kind)}/{name}{query}", headers=headers)

    def _list(self, kind: Kind, name: str) -> Iterator[Step]:
        query = []
        if self._likely(0.6):
            query.append(f"labelSelector={quote(self._rng.choice(LABELS))}")
        if self._likely(0.4):
            query.append(f"fieldSelector={quote(self._rng.choice(FIELDS))}")
        if self._likely(0.3):
            query.append(self._rng.choice(("limit=1", "limit=x", "resourceVersion=x", "sendInitialEvents=true")))
        headers = {"accept": self._rng.choice(ACCEPTED)} if self._likely(0.4) else {}
        yield Step("list", "GET", f"{self._folder(kind)}?{'&'.join(query)}", headers=headers)

    def _replace(self, kind: Kind, name: str) -> Iterator[Step]:
        path = f"{self._folder(kind)}/{name}"
        body = self._object(kind, name)
        if self._likely(0.7):
            yield Step("read", "GET", path, capture=VERSION)
            body["metadata"]["resourceVersion"] = "$rv"
        elif self._likely(0.5):
            body["metadata"]["resourceVersion"] = self._rng.choice(("1", "x"))
        if self._likely(0.1):
            body["metadata"]["name"] = "other"
        yield self._step("replace", "PUT", path + self._options(), body, JSON)

    def _part(self, kind: Kind) -> dict[str, Any]:
        """Return some members of an object, as patches have them, now and then one that is to go."""
        whole = self._object(kind, "x")
        part = {key: whole[key] for key in whole if key not in ("apiVersion", "kind", "metadata") and self._likely(0.8)}
        del whole["metadata"]["name"]
        if self._likely(0.5):
            part["metadata"] = whole["metadata"]
        if self._likely(0.15):
            part["metadata"] = self._rng.choice(({"labels": None}, {"labels": {"app": None}}, {"finalizers": None}))
        return part

    def _merge(self, kind: Kind, name: str) -> Iterator[Step]:
        media = MERGE if self._likely(0.95) else self._rng.choice((JSON, "text/plain"))
        yield self._step("merge", "PATCH", f"{self._folder(kind)}/{name}{self._options()}", self._part(kind), media)

    def _strategic(self, kind: Kind, name: str) -> Iterator[Step]:
        part = self._part(kind)
        if self._likely(0.4):
            part = sequence_objects.directive(self._rng, kind)
        yield self._step("strategic", "PATCH", f"{self._folder(kind)}/{name}{self._options()}", part, STRATEGIC)

    def _json_patch(self, kind: Kind, name: str) -> Iterator[Step]:
        operations = []
        for _ in range(self._rng.randint(1, 3)):
            words = {"op": self._rng.choice(("add", "replace", "remove", "test", "copy", "odd"))}
            words["path"] = self._rng.choice(PLACES)
            if words["op"] == "copy":
                words["from"] = self._rng.choice(PLACES)
            elif words["op"] != "remove":
                words["value"] = self._rng.choice(VALUES)
            operations.append(words)
        yield self._step("patch", "PATCH", f"{self._folder(kind)}/{name}{self._options()}", operations, JSON_PATCH)

    def _apply(self, kind: Kind, name: str) -> Iterator[Step]:
        query = f"fieldManager={self._rng.choice(('m1', 'm1', 'm2', ''))}"
        query += self._rng.choice(("", "", "&force=true", "&force=0", "&dryRun=All", "&fieldValidation=Strict"))
        body = self._object(kind, name)
        yield self._step("apply", "PATCH", f"{self._folder(kind)}/{name}?{query}", body, APPLY)

    def _delete(self, kind: Kind, name: str) -> Iterator[Step]:
        query = self._rng.choice(("", "", "", "?dryRun=All", "?propagationPolicy=Odd", "?gracePeriodSeconds=x"))
        yield self._step("delete", "DELETE", f"{self._folder(kind)}/{name}{query}", self._rng.choice(DELETES), JSON)
        path = f"{self._folder(kind)}/{name}"
        yield self._step("let go", "PATCH", path, {"metadata": {"finalizers": None}}, MERGE)

    def _delete_all(self, kind: Kind, name: str) -> Iterator[Step]:
        query = self._rng.choice(("labelSelector=app%3Da", "dryRun=All", "labelSelector=a+b", "fieldSelector=bad%3D1"))
        yield Step("delete all", "DELETE", f"{self._folder(kind)}?{query}")

    def _raw(self, kind: Kind, name: str) -> Iterator[Step]:
        body = self._rng.choice(("{", "[]", "null", "{}", '"x"', '{"apiVersion":"v1"}', '{"metadata":[]}', "[1,2"))
        method = self._rng.choice(("POST", "PUT"))
        yield self._step("raw", method, self._folder(kind) + ("" if method == "POST" else f"/{name}"), body, JSON)
