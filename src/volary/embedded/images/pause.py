"""A stand-in for Kubernetes' pause image: it does nothing until it is told to end."""

from __future__ import annotations

from collections.abc import Sequence

from volary.embedded.images.busybox import started, wait


def main(arguments: Sequence[str]) -> int:
    """Wait for ever; the signal that ends a pod ends it."""
    started()
    wait(float("inf"))
    return 0
