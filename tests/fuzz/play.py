"""Plays random moves to both servers, counts the same answers, and makes small what differs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.differential.record import wait_until_served
from tests.differential.replay import Difference
from tests.differential.scripts.custom import CRDS
from tests.fuzz.custom_moves import CustomMoves, plain_moves, widget_moves
from tests.fuzz.definition import plains, widgets
from tests.fuzz.deployment_moves import DeploymentMoves
from tests.fuzz.moves import Move
from tests.fuzz.sides import JSON, Ours, Real, Side, compared, make

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


@dataclass
class Mismatch:
    """A move that the two answered differently, after the moves before it about the same object."""

    moves: list[Move]
    found: list[Difference]


@dataclass
class Game:
    """Two servers with the same definitions."""

    real: Side
    ours: Side
    group: str
    history: dict[str, list[Move]] = field(default_factory=dict)

    def prepare(self) -> None:
        for side in (self.real, self.ours):
            side.ask("POST", "/api/v1/namespaces", JSON, NAMESPACE)
            for body in (widgets(self.group), plains(self.group)):
                side.ask("POST", CRDS, JSON, body)
        if isinstance(self.real, Real):
            for plural in ("widgets", "plains"):
                path = f"/apis/{self.group}/v1/namespaces/default/{plural}"
                wait_until_served(self.real.server, path, {"accept": JSON})

    def play(self, move: Move) -> list[Difference]:
        return list(compared(make(self.real, move), make(self.ours, move)))

    def step(self, move: Move) -> Mismatch | None:
        """Play a move; after a difference the object begins anew, so that one mistake counts once."""
        past = self.history.setdefault(move.object, [])
        found = self.play(move)
        past.append(move)
        gone = move.method == "DELETE" and not found
        mismatch = Mismatch(list(past), found) if found else None
        if found or gone:
            self.forget(move.object)
            past.clear()
        return mismatch

    def forget(self, path: str) -> None:
        for side in (self.real, self.ours):
            side.ask("PATCH", path, "application/merge-patch+json", {"metadata": {"finalizers": None}})
            side.ask("DELETE", path, JSON, None)
            side.ask("PATCH", path, "application/merge-patch+json", {"metadata": {"finalizers": None}})

    def close(self) -> None:
        for kind in ("widgets", "plains"):
            self.real.ask("DELETE", f"{CRDS}/{kind}.{self.group}", JSON, None)
        for name in ("one", "two", "three"):
            self.forget(f"/apis/apps/v1/namespaces/default/deployments/{name}")

    def fails(self, moves: list[Move]) -> list[Difference]:
        """Play moves to a new object; return how the last of them differs, if no other does."""
        self.forget(moves[0].object)
        for move in moves[:-1]:
            if self.play(move):
                return []
        return self.play(moves[-1])

    def shrink(self, mismatch: Mismatch) -> Mismatch:
        """Leave out moves, then parts of their bodies, as long as the last move still differs."""
        moves, found = mismatch.moves, self.fails(mismatch.moves)
        if not found:
            return mismatch
        for at in range(len(moves) - 2, -1, -1):
            fewer = moves[:at] + moves[at + 1 :]
            if less := self.fails(fewer):
                moves, found = fewer, less
        for at in range(len(moves)):
            for smaller in self._smaller(moves, at):
                if less := self.fails(smaller):
                    moves, found = smaller, less
        return Mismatch(moves, found)

    def _smaller(self, moves: list[Move], at: int) -> Iterator[list[Move]]:
        move = moves[at]
        if move.edits is not None:
            for index in range(len(move.edits) - 1, -1, -1):
                edits = move.edits[:index] + move.edits[index + 1 :]
                yield [*moves[:at], replace(move, edits=edits), *moves[at + 1 :]]
            return
        for path in places(move.body):
            yield [*moves[:at], replace(move, body=without(moves[at].body, path)), *moves[at + 1 :]]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of what may be left out, outermost first."""
    found: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        below: Any = [it for it in value.items() if it[0] not in ("apiVersion", "kind", "op", "path", "from")]
    else:
        below = list(enumerate(value))[::-1] if isinstance(value, list) else []
    found += [(*path, key) for key, _ in below]
    for key, child in below:
        found += places(child, (*path, key))
    return found


def without(value: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        if len(path) == 1:
            return {key: it for key, it in value.items() if key != path[0]}
        return {key: without(it, path[1:]) if key == path[0] else it for key, it in value.items()}
    if isinstance(value, list):
        if len(path) == 1:
            return [it for at, it in enumerate(value) if at != path[0]]
        return [without(it, path[1:]) if at == path[0] else it for at, it in enumerate(value)]
    return value


def subjects(rng: random.Random, group: str) -> list[CustomMoves]:
    return [widget_moves(rng, group), DeploymentMoves(rng), plain_moves(rng, group)]


def moves(seed: int, group: str) -> Iterator[Move]:
    """Yield random moves without end."""
    rng = random.Random(seed)
    kinds = subjects(rng, group)
    while True:
        yield rng.choices(kinds, [5, 4, 1])[0].next()


def new_game(real: Side, seed: int) -> Game:
    game = Game(real, Ours(), f"fuzz{seed}.example.com")
    game.prepare()
    return game


def told(mismatch: Mismatch) -> str:
    """Return a mismatch for people: the moves, then where the last one differs."""
    lines = []
    for move in mismatch.moves:
        body = json.dumps(move.body) if move.edits is None else f"edits {json.dumps(move.edits)}"
        lines += [f"  {move.kind}: {move.method} {move.path}", f"      {body}"]
    for where, real, ours in mismatch.found[:8]:
        lines += [f"    {where}", f"        real {json.dumps(real)[:600]}", f"        ours {json.dumps(ours)[:600]}"]
    return "\n".join(lines)
