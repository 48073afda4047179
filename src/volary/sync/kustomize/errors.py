"""Why a tree cannot be built; the text is for people and names the file."""

from __future__ import annotations


class BuildError(ValueError):
    """The tree is wrong, or asks for something that we do not do. Nothing is applied, nothing is deleted."""
