"""Random writes to custom resources."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tests.fuzz.definition import OTHER_VERSION, PLAIN, Schema, spec, status
from tests.fuzz.moves import APPLY, JSON_PATCH, MERGE, REMOVE, Move
from tests.fuzz.values import Values

NAMES = ("one", "two", "three")
MANAGERS = ("m1", "m2", "m3")
WEIGHTS = {
    "apply": 30,
    "merge": 14,
    "json": 10,
    "edit": 8,
    "status": 6,
    "apply-status": 6,
    "scale": 5,
    "put-scale": 2,
    "json-scale": 1,
    "apply-scale": 2,
    "managers": 2,
    "post": 2,
    "delete": 1,
}


class CustomMoves:
    """Draws writes to a few objects of one kind."""

    def __init__(
        self, rng: random.Random, group: str, plural: str, schemas: Mapping[str, tuple[Schema, Schema]]
    ) -> None:
        self.rng = rng
        self.group = group
        self.plural = plural
        self.schemas = schemas  # version -> those of spec and status
        self.values = Values(rng)
        self.sparse = Values(rng, null=0.2)  # for patches, in which null takes away
        self.applied: dict[tuple[str, str, str], Any] = {}

    def next(self) -> Move:
        kind = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        name = self.rng.choice(NAMES)
        versions = list(self.schemas)
        version = versions[0] if self.rng.random() < 0.85 else versions[-1]
        base = f"/apis/{self.group}/%s/namespaces/default/{self.plural}/{name}"
        draw = getattr(self, "_" + kind.replace("-", "_"))
        move: Move = draw(name, version, base % version)
        return Move(base % versions[0], kind, *move_parts(move))

    def head(self, name: str, version: str) -> dict[str, Any]:
        kind = self.plural[:-1].capitalize()
        return {"apiVersion": f"{self.group}/{version}", "kind": kind, "metadata": {"name": name}}

    def query(self, force: bool = False, apply: bool = False) -> str:
        """Return a query: who writes, and sometimes how."""
        rng = self.rng
        who = rng.choice(MANAGERS)
        if not apply and rng.random() < 0.15:
            who = f"u{rng.randint(0, 15)}"
        parts = [f"fieldManager={who}"] if apply or rng.random() < 0.95 else []
        if force:
            parts.append("force=true")
        if rng.random() < 0.03:
            parts.append("dryRun=All")
        if rng.random() < 0.05:
            parts.append(f"fieldValidation={rng.choice(['Strict', 'Ignore', 'Warn'])}")
        return "?" + "&".join(parts) if parts else ""

    def meta(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name}
        if self.rng.random() < 0.3:
            found["labels"] = {it: self.rng.choice("cd") for it in self.values.some("ab", 2)}
        if self.rng.random() < 0.15:
            found["annotations"] = {it: self.rng.choice("cd") for it in self.values.some("ab", 2)}
        if self.rng.random() < 0.03:
            found["finalizers"] = self.values.some(["x.io/a", "x.io/b"], 2)
        return found

    def _apply(self, name: str, version: str, path: str) -> Move:
        schema = self.schemas[version][0]
        query = self.query(self.rng.random() < 0.4, apply=True)
        key = (name, query.partition("&")[0], version)
        config = self.applied.get(key)
        if config is None or self.rng.random() < 0.5:
            config = self.head(name, version) | {"metadata": self.meta(name), "spec": self.values.of(schema)}
        elif isinstance(config["spec"], dict) and self.rng.random() < 0.8:
            changes = self.values.of(schema)
            fields = {**config["spec"], **(changes if isinstance(changes, dict) else {})}
            dropped = self.values.some(sorted(fields), 1)
            config = {**config, "spec": {key: it for key, it in fields.items() if key not in dropped}}
        if self.rng.random() < 0.02:
            config = {**config, "status": self.values.of(self.schemas[version][1])}
        self.applied[key] = config
        return Move("", "", "PATCH", path + query, APPLY, config)

    def _merge(self, name: str, version: str, path: str) -> Move:
        body: dict[str, Any] = {"spec": self.sparse.of(self.schemas[version][0])}
        if self.rng.random() < 0.2:
            body["metadata"] = {"labels": self.rng.choice([None, {"a": "c"}, {"b": None}, {"a": "d", "b": "c"}])}
        if self.rng.random() < 0.05:
            body["status"] = self.values.of(self.schemas[version][1])
        return Move("", "", "PATCH", path + self.query(), MERGE, body)

    def _json(self, name: str, version: str, path: str) -> Move:
        operations = [self.operation(self.schemas[version][0]) for _ in range(self.rng.choice([1, 1, 2]))]
        return Move("", "", "PATCH", path + self.query(), JSON_PATCH, operations)

    def pointer(self, schema: Schema) -> tuple[str, Schema]:
        """Return a place below the spec that may be there, and its schema."""
        pointer = "/spec"
        while True:
            fields = schema.get("properties")
            if schema.get("type") == "object" and fields:
                name = self.rng.choice(sorted(fields))
                schema = fields[name]
            elif schema.get("type") == "object" and "additionalProperties" in schema:
                name, schema = self.rng.choice("kl"), schema["additionalProperties"]
            elif schema.get("type") == "array":
                name, schema = self.rng.choice(["0", "1", "-"]), schema["items"]
            else:
                return pointer, schema
            pointer += f"/{name}"
            if self.rng.random() < 0.4:
                return pointer, schema

    def operation(self, schema: Schema) -> dict[str, Any]:
        pointer, below = self.pointer(schema)
        kind = self.rng.choices(["add", "replace", "remove", "test", "move", "copy"], [8, 4, 3, 1, 1, 1])[0]
        match kind:
            case "remove":
                return {"op": kind, "path": pointer}
            case "move" | "copy":
                return {"op": kind, "from": self.pointer(schema)[0], "path": pointer}
        return {"op": kind, "path": pointer, "value": self.values.of(below)}

    def _edit(self, name: str, version: str, path: str) -> Move:
        schema = self.schemas[version][0]
        edits: list[tuple[str, Any]] = []
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            pointer, below = self.pointer(schema)
            edits.append((pointer, REMOVE if self.rng.random() < 0.25 else self.values.of(below)))
        if self.rng.random() < 0.15:
            edits.append(("/metadata/managedFields", self.rng.choice([REMOVE, [], [{}], None])))
        if self.rng.random() < 0.1:
            edits.append(("/metadata/resourceVersion", self.rng.choice([REMOVE, "1", ""])))
        if self.rng.random() < 0.1:
            edits.append(("/metadata/labels", {"a": self.rng.choice("cd")}))
        return Move("", "", "PUT", path + self.query(), edits=tuple(edits))

    def _status(self, name: str, version: str, path: str) -> Move:
        body: dict[str, Any] = {"status": self.sparse.of(self.schemas[version][1])}
        if self.rng.random() < 0.2:
            body["metadata"] = {"labels": {"s": "t"}}
        return Move("", "", "PATCH", f"{path}/status{self.query()}", MERGE, body)

    def _apply_status(self, name: str, version: str, path: str) -> Move:
        query = self.query(self.rng.random() < 0.4, apply=True)
        config = self.head(name, version) | {"status": self.values.of(self.schemas[version][1])}
        if self.rng.random() < 0.1:
            config["spec"] = self.values.of(self.schemas[version][0])
        return Move("", "", "PATCH", f"{path}/status{query}", APPLY, config)

    def replicas(self) -> Any:
        return self.rng.choice([0, 1, 2, 3, 3, 4, 11, None] + [-1, "a"] * (self.rng.random() < 0.2))

    def _scale(self, name: str, version: str, path: str) -> Move:
        return Move("", "", "PATCH", f"{path}/scale{self.query()}", MERGE, {"spec": {"replicas": self.replicas()}})

    def _put_scale(self, name: str, version: str, path: str) -> Move:
        edits = [("/spec/replicas", self.replicas())]
        if self.rng.random() < 0.3:
            edits.append(("/metadata/resourceVersion", self.rng.choice([REMOVE, "1"])))
        return Move("", "", "PUT", f"{path}/scale{self.query()}", edits=tuple(edits))

    def _json_scale(self, name: str, version: str, path: str) -> Move:
        operation = {"op": self.rng.choice(["add", "replace"]), "path": "/spec/replicas", "value": self.replicas()}
        return Move("", "", "PATCH", f"{path}/scale{self.query()}", JSON_PATCH, [operation])

    def _apply_scale(self, name: str, version: str, path: str) -> Move:
        query = self.query(self.rng.random() < 0.4, apply=True)
        config = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name}}
        return Move("", "", "PATCH", f"{path}/scale{query}", APPLY, {**config, "spec": {"replicas": self.replicas()}})

    def _managers(self, name: str, version: str, path: str) -> Move:
        """Clear the managers, as tools do that take objects over."""
        if self.rng.random() < 0.5:
            body: dict[str, Any] = {"metadata": {"managedFields": self.rng.choice([[], [{}], None])}}
            return Move("", "", "PATCH", path + self.query(), MERGE, body)
        operation = {"op": "replace", "path": "/metadata/managedFields", "value": [{}]}
        return Move("", "", "PATCH", path + self.query(), JSON_PATCH, [operation])

    def _post(self, name: str, version: str, path: str) -> Move:
        body = self.head(name, version) | {
            "metadata": self.meta(name),
            "spec": self.values.of(self.schemas[version][0]),
        }
        return Move("", "", "POST", path.rpartition("/")[0] + self.query(), body=body)

    def _delete(self, name: str, version: str, path: str) -> Move:
        return Move("", "", "DELETE", path)


def move_parts(move: Move) -> tuple[Any, ...]:
    return move.method, move.path, move.content_type, move.body, move.edits


def widget_moves(rng: random.Random, group: str) -> CustomMoves:
    return CustomMoves(rng, group, "widgets", {"v1": (spec(), status()), "v1beta1": (spec(**OTHER_VERSION), status())})


def plain_moves(rng: random.Random, group: str) -> CustomMoves:
    properties = PLAIN["properties"]
    return CustomMoves(rng, group, "plains", {"v1": (PLAIN, properties["status"])})
