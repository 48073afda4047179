"""Writes for ever and says what was acknowledged, a line each, until somebody kills it: `python writer.py FOLDER SEED`.

What the n-th write is depends only on the seed, so whoever reads the lines can tell what must be there.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.unit.embedded.api.server import config_map
from tests.unit.embedded.keeping.kept import Kept

NAMES = tuple(f"c{number}" for number in range(12))
Step = tuple[str, str, str]  # (method, name, content)
World = dict[str, str]  # name -> content


def steps(seed: int, there: Mapping[str, str] | None = None) -> Iterator[Step]:
    """Yield writes that succeed one after the other, from what is there."""
    rng, known = random.Random(seed), dict(there or {})
    while True:
        name, content = rng.choice(NAMES), rng.choice("abc") * rng.choice((3, 300, 9000))
        if name not in known:
            known[name] = content
            yield "POST", name, content
        elif rng.random() < 0.3:
            del known[name]
            yield "DELETE", name, ""
        else:
            known[name] = content + str(len(known[name]))
            yield "PUT", name, known[name]


def worlds(seed: int, count: int, there: Mapping[str, str] | None = None) -> list[World]:
    """Return what is there after 0, 1, ..., `count` writes."""
    found, writes = [dict(there or {})], steps(seed, there)
    for _ in range(count):
        found.append(after(found[-1], next(writes)))
    return found


def after(world: World, step: Step) -> World:
    method, name, content = step
    rest = {key: value for key, value in world.items() if key != name}
    return rest if method == "DELETE" else {**rest, name: content}


def do(server: Kept, step: Step) -> None:
    method, name, content = step
    body: Any = None if method == "DELETE" else config_map(name, {"content": content})
    path = "configmaps" if method == "POST" else f"configmaps/{name}"
    answer = server.raw(method, path, body)
    assert answer.status in (200, 201), answer.body


def world_of(server: Kept) -> World:
    entries = server.api.core.store.items("/configmaps")
    return {entry.key[1]: entry.obj["data"]["content"] for entry in entries}


def main(folder: Path, seed: int) -> None:
    server = Kept(folder)
    print("ready", flush=True)
    for step in steps(seed, world_of(server)):
        do(server, step)
        print(*step[:2], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
