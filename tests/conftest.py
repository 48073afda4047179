"""What holds for every test: no outcome depends on the machine's speed, and the log is left as it was found."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# An example that took long says something of the machine; what falsifies a property can be played again.
settings.register_profile("volary", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("volary")


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command that was run in this process may have configured the log for itself."""
    root, raises = logging.getLogger(), logging.raiseExceptions
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)  # not the attribute: loggers remember which levels are on
    logging.raiseExceptions = raises
