"""Random writes with a real server's answers, kept: python -m tests.fuzz.sequences --seed 31 writes seed-31.jsonl."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from tests.differential.record import real_server
from tests.differential.replay import Difference
from tests.differential.scripts.custom import CRDS
from tests.fuzz.definition import plains, widgets
from tests.fuzz.moves import Move
from tests.fuzz.play import NAMESPACE, moves, new_game
from tests.fuzz.sides import JSON, Ours, Real, compared, make

SEQUENCES = Path(__file__).parent / "recorded"
STEPS = 150


def record(real: Real, seed: int) -> Iterator[dict[str, Any]]:
    """Yield moves with their answers; an object that differs is left out from there on."""
    game = new_game(real, seed)
    spoilt: set[str] = set()
    try:
        for move in islice(moves(seed, game.group), STEPS):
            answer = json.loads(json.dumps(make(real, move)))
            if list(compared(answer, make(game.ours, move))):
                spoilt.add(move.object)
            if move.object not in spoilt:
                yield {"move": asdict(move), "answer": answer}
    finally:
        game.close()


def replay(name: str) -> Iterator[tuple[Move, list[Difference]]]:
    """Yield the moves of a sequence with where ours differs."""
    ours = Ours()
    group = f"fuzz{name.removeprefix('seed-')}.example.com"
    for path, body in (("/api/v1/namespaces", NAMESPACE), (CRDS, widgets(group)), (CRDS, plains(group))):
        ours.ask("POST", path, JSON, body)
    for line in (SEQUENCES / f"{name}.jsonl").read_text("utf-8").splitlines():
        kept = json.loads(line)
        edits = kept["move"].pop("edits")
        move = Move(**kept["move"], edits=None if edits is None else tuple((where, value) for where, value in edits))
        yield move, list(compared(kept["answer"], make(ours, move)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    SEQUENCES.mkdir(exist_ok=True)
    with real_server() as server:
        lines = [json.dumps(it) + "\n" for it in record(Real(server), options.seed)]
    (SEQUENCES / f"seed-{options.seed}.jsonl").write_text("".join(lines), "utf-8")
    print(f"{len(lines)} of {STEPS} steps kept")


if __name__ == "__main__":
    main()
