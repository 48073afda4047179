"""The audit log says who did what to which object, as Kubernetes words it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from volary.embedded.api.auth.identity import ADMIN
from volary.embedded.audit import Event, FileSink, Recorder, field_manager_of, object_ref, verb_of
from volary.kube.transport import Request

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DEPLOYMENTS = "/apis/apps/v1/namespaces/test/deployments"


def recorded(request: Request) -> list[Event]:
    events: list[Event] = []
    entry = Recorder(events.append, lambda: NOW, lambda: "id-1").begin(request, ADMIN)
    entry.complete(201)
    return events


@pytest.mark.parametrize(
    ("method", "path", "query", "verb"),
    [
        ("GET", DEPLOYMENTS, {}, "list"),
        ("GET", DEPLOYMENTS, {"watch": "true"}, "watch"),
        ("GET", f"{DEPLOYMENTS}/web", {}, "get"),
        ("POST", DEPLOYMENTS, {}, "create"),
        ("PUT", f"{DEPLOYMENTS}/web/status", {}, "update"),
        ("PATCH", f"{DEPLOYMENTS}/web", {}, "patch"),
        ("DELETE", f"{DEPLOYMENTS}/web", {}, "delete"),
        ("DELETE", DEPLOYMENTS, {}, "deletecollection"),
        ("GET", "/version", {}, "get"),
        ("GET", "/apis/apps/v1", {}, "get"),
    ],
)
def test_verbs_are_those_of_kubernetes(method: str, path: str, query: dict[str, str], verb: str) -> None:
    assert verb_of(Request(method, path, query)) == verb


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/api/v1/pods", {}, {"resource": "pods", "apiVersion": "v1"}),
        ("/api/v1/namespaces/a", {}, {"resource": "namespaces", "name": "a", "apiVersion": "v1"}),
        (
            f"{DEPLOYMENTS}/web/scale",
            {},
            {"resource": "deployments", "namespace": "test", "name": "web", "apiGroup": "apps", "apiVersion": "v1",
             "subresource": "scale"},
        ),
        ("/api/v1/pods", {"fieldSelector": "metadata.name=p"}, {"resource": "pods", "name": "p", "apiVersion": "v1"}),
        ("/healthz", {}, {}),
    ],
)  # fmt: skip
def test_the_object_is_named(path: str, query: dict[str, str], expected: dict[str, Any]) -> None:
    assert object_ref(Request("GET", path, query)) == expected


def test_an_event_has_what_counts_are_read_from() -> None:
    headers = {"user-agent": "volary/0.1"}
    (event,) = recorded(Request("PATCH", f"{DEPLOYMENTS}/web", {"fieldManager": "volary-fleet"}, headers))
    assert event["userAgent"] == "volary/0.1"
    assert event["requestURI"] == f"{DEPLOYMENTS}/web?fieldManager=volary-fleet"
    assert field_manager_of(event) == "volary-fleet"
    assert event["responseStatus"]["code"] == 201
    assert (event["stage"], event["stageTimestamp"]) == ("ResponseComplete", "2026-01-02T03:04:05.678901Z")
    assert event["user"] == ADMIN.info()


def test_a_file_gets_one_line_an_event_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    sink = FileSink(path)
    for event in recorded(Request("GET", "/version")) * 2:
        sink(event)
    sink.close()
    assert [msgspec.json.decode(line)["verb"] for line in path.read_bytes().splitlines()] == ["get", "get"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_costs_lines_and_no_request(caplog: pytest.LogCaptureFixture) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    sink = FileSink(full)
    for _ in range(3):
        sink({"verb": "get"})
    sink.close()
    assert [record.message for record in caplog.records] == ["cannot write the audit log"]


def test_both_are_named_where_one_asks_as_another_and_no_token_is() -> None:
    headers = {"impersonate-user": "anna", "impersonate-group": "a\nb", "authorization": "Bearer correct-horse"}
    event = recorded(Request("GET", DEPLOYMENTS, {}, headers))[0]
    assert event["user"]["username"] == "admin"
    assert event["impersonatedUser"] == {"username": "anna", "groups": ["a", "b"]}
    assert "correct-horse" not in str(event)
    assert "impersonatedUser" not in recorded(Request("GET", DEPLOYMENTS, {}, {"impersonate-group": "a"}))[0]
