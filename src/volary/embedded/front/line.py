"""The connection as an answer that goes on sees it: what it may write to, and how it says that it is over."""

from __future__ import annotations

from typing import Protocol


class Line(Protocol):
    """The connection that an answer goes out on."""

    @property
    def paused(self) -> bool:
        """Has the client not read what was written before?"""
        ...

    def write(self, piece: bytes) -> None: ...

    def hang_up(self) -> None:
        """Break the line now, whatever waits on it."""
        ...

    def ended(self) -> None:
        """The answer is all written."""
        ...
