"""What holds for every test: the log of the process is left as it was found."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command that was run in this process may have configured the log for itself."""
    root, raises = logging.getLogger(), logging.raiseExceptions
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)  # not the attribute: loggers remember which levels are on
    logging.raiseExceptions = raises
