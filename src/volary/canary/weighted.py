"""The steps of a weighted canary: which percent comes next, on the way up and on the way back.

stepWeight 10, maxWeight 50    10 20 30 40 50, promote
stepWeight 20, maxWeight 50    20 40 60, promote          (no clamp; documented by Flagger)
stepWeights [1, 5, 50]         1 5 50, promote
"""

from __future__ import annotations

from collections.abc import Sequence


def weights_of(step: float | None, steps: Sequence[float], most: float | None) -> tuple[int, ...] | str:
    """Return the canary's percents, rising, or the end of a sentence that says what is wrong with the fields."""
    if step is not None and step > 0:
        return linear(int(step), int(most or 0) or 100)
    if steps:
        return listed([int(weight) for weight in steps])
    return "has no steps: give it a stepWeight of at least 1, or stepWeights"


def linear(step: int, most: int) -> tuple[int, ...]:
    weights = [min(100, step)]
    while weights[-1] < min(100, most):
        weights.append(min(100, weights[-1] + step))
    return tuple(weights)


def listed(steps: list[int]) -> tuple[int, ...] | str:
    weights = [min(100, weight) for weight in steps]
    rising = all(low < high for low, high in zip([0, *weights], weights, strict=False))
    return (
        tuple(weights)
        if rising
        else f"stepWeights is {steps}; allowed: percents from 1 to 100, each more than the one before"
    )


def next_weight(weights: tuple[int, ...], weight: int) -> int | None:
    """Return the percent after `weight`, or None when the last step has been reached."""
    return next((step for step in weights if step > weight), None)
