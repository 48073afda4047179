"""Compare random writes with a real server: DIFF_KUBECONFIG=FILE python -m tests.fuzz --steps 10000 --seed 1."""

from __future__ import annotations

import argparse

from tests.differential.record import real_server
from tests.fuzz.play import Game, moves, new_game, told
from tests.fuzz.sides import Real


def run(game: Game, seed: int, steps: int, shrink: int, only: str) -> int:
    different = shown = done = 0
    for move in moves(seed, game.group):
        if only and only not in move.object:
            continue
        if done == steps:
            break
        done += 1
        mismatch = game.step(move)
        if mismatch is None:
            continue
        different += 1
        print(f"step {done}: {move.kind} {move.object}", flush=True)
        if shown < shrink:
            shown += 1
            print(told(game.shrink(mismatch)))
            game.forget(move.object)
    print(f"seed {seed}: {steps - different} of {steps} the same, {100 * (1 - different / steps):.2f} %")
    return different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shrink", type=int, default=20, help="how many differences to make small and show")
    parser.add_argument("--only", default="", help="only objects whose path has this in it")
    options = parser.parse_args()
    with real_server() as server:
        real = Real(server)
        game = new_game(real, options.seed)
        try:
            run(game, options.seed, options.steps, options.shrink, options.only)
        finally:
            game.close()
            real.close()


if __name__ == "__main__":
    main()
