"""Kubernetes quantities ("250m", "64Mi") as numbers."""

from __future__ import annotations

SUFFIXES = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}


def parse_quantity(text: str) -> float:
    """Return a quantity as a number. Raises: ValueError."""
    for length in (2, 1):
        suffix = text[-length:]
        if len(text) > length and suffix in SUFFIXES:
            return float(text[:-length]) * SUFFIXES[suffix]
    return float(text)
