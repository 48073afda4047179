"""What a router splits traffic between."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """The two sides, by the names of their Services, and the name that clients use."""

    apex: str
    primary: str
    canary: str
