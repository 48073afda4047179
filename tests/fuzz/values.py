"""Random values of a schema: mostly valid ones from small domains, so that writers meet."""

from __future__ import annotations

import random
from typing import Any

from tests.fuzz.definition import Schema

ODD: list[Any] = [None, "a", 1, 1.5, True, {}, [], {"a": 1}, ["a", "a"], [None], ""]


class Values:
    """Draws values; `odd` is the share of them that do not fit."""

    def __init__(self, rng: random.Random, odd: float = 0.01, null: float = 0.01) -> None:
        self.rng = rng
        self.odd = odd
        self.null = null

    def of(self, schema: Schema) -> Any:
        """Return a value for the schema."""
        draw = self.rng.random()
        if draw < self.odd:
            return self.rng.choice(ODD)
        if draw < self.odd + self.null:
            return None
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        if schema.get("x-kubernetes-int-or-string"):
            return self.rng.choice([1, 2, "a", "50%"])
        match schema.get("type"):
            case "string":
                return self.rng.choice("abc")
            case "integer":
                return self.rng.randint(0, 3)
            case "number":
                return self.rng.choice([0, 1, 0.5, 2.25])
            case "boolean":
                return self.rng.random() < 0.5
            case "array":
                return self._list(schema)
            case "object":
                return self._object(schema)
        return self.anything(2)

    def _list(self, schema: Schema) -> list[Any]:
        items = [self.of(schema["items"]) for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3]))]
        kind = schema.get("x-kubernetes-list-type")
        if kind in ("set", "map") and self.rng.random() > self.odd * 2:
            keys = schema.get("x-kubernetes-list-map-keys")
            items = list({self._identity(item, keys): item for item in items}.values())
        return items

    def _identity(self, item: Any, keys: list[str] | None) -> str:
        if keys is None or not isinstance(item, dict):
            return repr(item)
        defaults = {"protocol": "TCP"}
        return repr([item.get(key, defaults.get(key)) for key in keys])

    def _object(self, schema: Schema) -> dict[str, Any]:
        if schema.get("x-kubernetes-embedded-resource"):
            return self._embedded()
        found: dict[str, Any] = {}
        fields = schema.get("properties") or {}
        for name in self.some(sorted(fields), 3):
            found[name] = self.of(fields[name])
        for name in schema.get("required") or ():
            if self.rng.random() > self.odd:
                found[name] = self.of(fields[name])
        if "additionalProperties" in schema:
            for name in self.some("kl", 2):
                found[name] = self.of(schema["additionalProperties"])
        if schema.get("x-kubernetes-preserve-unknown-fields") or (fields and self.rng.random() < self.odd):
            for name in self.some("pq", 2):
                found[name] = self.anything(2)
        return found

    def _embedded(self) -> dict[str, Any]:
        meta: dict[str, Any] = {"name": self.rng.choice("ab")}
        if self.rng.random() < 0.5:
            meta["labels"] = {self.rng.choice("kl"): self.rng.choice("ab")}
        if self.rng.random() < self.odd:
            meta["odd"] = 1
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "Thing", "metadata": meta}
        for name in self.some("pq", 2):
            body[name] = self.anything(1)
        return body

    def anything(self, depth: int) -> Any:
        """Return any JSON value."""
        draw = self.rng.random()
        if depth and draw < 0.5:
            return {name: self.anything(depth - 1) for name in self.some("rst", 2)}
        if depth and draw < 0.7:
            return [self.anything(depth - 1) for _ in range(self.rng.randint(0, 2))]
        return self.rng.choice([0, 1, "a", "b", True, 1.5] + [None] * (self.rng.random() < self.null * 5))

    def some(self, names: Any, most: int) -> list[Any]:
        """Return a few of the names, in their order."""
        chosen = self.rng.sample(list(names), min(len(names), self.rng.randint(0, most)))
        return sorted(chosen)
