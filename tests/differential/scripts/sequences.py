"""Random sequences, of a few seeds: the generator's, so they are recorded and replayed as every other script."""

from __future__ import annotations

from tests.differential.sequences import Sequence

SEEDS = (101, 105, 106, 108, 109, 110)
STEPS = 120

SCRIPTS = [Sequence(seed, f"sequence-{seed}").script(f"sequence-{seed}", STEPS) for seed in SEEDS]
