"""A method that a subresource does not have is 405, whether the object is there or not."""

from __future__ import annotations

import pytest

from tests.unit.embedded.api.server import Asked


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "pods/none/eviction"),
        ("DELETE", "pods/none/binding"),
        ("POST", "pods/none/log"),
        ("DELETE", "pods/none/status"),
        ("GET", "serviceaccounts/none/token"),
        ("POST", "pods/none/resize"),
    ],
)
def test_wrong_methods_are_not_allowed(method: str, path: str) -> None:
    Asked().ask(method, path, status=405)
