"""What may be asked of a pod's log."""

from __future__ import annotations

import pytest

from tests.unit.embedded.api.server import Asked

POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


@pytest.fixture
def server() -> Asked:
    asked = Asked()
    asked.post("pods", POD)
    return asked


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("tailLines=-1", 422, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limitBytes=0", 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ("sinceSeconds=0", 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ("sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z", 422, "at most one of `sinceTime` or `sinceSeconds`"),
        ("tailLines=many", 400, 'strconv.ParseInt: parsing "many": invalid syntax'),
        ("sinceTime=yesterday", 400, "yesterday"),
    ],
)
def test_what_no_log_can_give_is_refused(server: Asked, query: str, status: int, text: str) -> None:
    assert text in server.get(f"pods/p/log?{query}", status)["message"]
