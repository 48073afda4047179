"""Events: one for each line, a count for a repetition, and no release stopped for want of one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kube.fake_server import FakeServer, Refusal
from volary.kube.client import Client
from volary.kube.errors import ServerBusy, Unreachable
from volary.runtime.events import LONGEST_MESSAGE, LONGEST_NAME, WARNING, Line, Recorder
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

EVENTS = "api/v1/events"
CANARY: dict[str, Any] = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "podinfo", "namespace": "test", "uid": "u1", "resourceVersion": "7"},
}
LINE = Line("Advance podinfo.test canary weight 10")


def events(server: FakeServer) -> list[dict[str, Any]]:
    return [obj for (collection, _, _), obj in sorted(server.objects.items()) if collection == EVENTS]


def write(server: FakeServer, *lines: tuple[Line, str], about: dict[str, Any] = CANARY) -> None:
    async def main() -> None:
        recorder = Recorder(Client(server), VirtualClock())
        for line, step in lines:
            await recorder.write(about, line, "flagger", step)

    run_virtually(main())


def test_an_event_says_what_about_whom_and_from_whom() -> None:
    server = FakeServer()
    write(server, (Line("Halt", WARNING), "10"))
    [event] = events(server)
    assert event["involvedObject"] == {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "name": "podinfo",
        "namespace": "test",
        "uid": "u1",
        "resourceVersion": "7",
    }
    assert (event["type"], event["reason"], event["message"], event["count"]) == ("Warning", "Synced", "Halt", 1)
    assert event["source"] == {"component": "flagger"}
    assert event["metadata"]["namespace"] == "test"
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-24T10:00:00Z"


def test_the_same_line_in_one_step_counts_and_in_another_is_a_line_of_its_own() -> None:
    server = FakeServer()
    write(server, (LINE, "10"), (LINE, "10"), (LINE, "10"), (LINE, "20"), (Line("else"), "10"))
    assert sorted((event["message"], event["count"]) for event in events(server)) == [
        (LINE.message, 1),
        (LINE.message, 3),
        ("else", 1),
    ]


def test_an_object_of_the_cluster_has_its_events_in_default() -> None:
    server = FakeServer()
    write(server, (LINE, ""), about={"apiVersion": "volary.dev/v1alpha1", "kind": "Cluster", "metadata": {"name": "w"}})
    [event] = events(server)
    assert event["metadata"]["namespace"] == "default"


def test_an_event_that_comes_to_its_end_while_we_count_is_written_anew() -> None:
    server = FakeServer()
    write(server, (LINE, "10"))
    [(key, _)] = server.objects.items()
    get = server._find

    def vanishing(collection: str, namespace: str, name: str) -> dict[str, Any]:
        found = get(collection, namespace, name)
        server.objects.pop(key, None)
        return found

    server._find = vanishing  # type: ignore[method-assign]
    write(server, (LINE, "10"))
    assert [event["count"] for event in events(server)] == [1]


@pytest.mark.parametrize(
    "refusal",
    [Refusal(403, "Forbidden"), Refusal(404, "NotFound"), Refusal(422, "Invalid"), Refusal(400, "BadRequest")],
)
def test_a_server_that_will_never_take_the_line_stops_nothing_and_is_logged_once(
    refusal: Refusal, caplog: pytest.LogCaptureFixture
) -> None:
    server = FakeServer()
    server.refusals = [refusal, refusal, refusal]
    write(server, (LINE, "10"), (LINE, "20"), (LINE, "30"), (LINE, "40"))
    assert len(events(server)) == 1
    assert [record.message for record in caplog.records] == ["cannot write events"]


@pytest.mark.parametrize("trouble", [Refusal(500, "InternalError"), Unreachable("Reset", "broke")])
def test_a_server_in_trouble_raises_so_that_no_line_is_lost(trouble: Refusal | Unreachable) -> None:
    server = FakeServer()
    server.refusals = [trouble]
    with pytest.raises((ServerBusy, Unreachable)):
        write(server, (LINE, "10"))
    write(server, (LINE, "10"))
    assert [event["count"] for event in events(server)] == [1]


def test_what_is_too_long_is_cut_and_stays_distinct() -> None:
    server = FakeServer()
    about = {**CANARY, "metadata": {**CANARY["metadata"], "name": "n" * 253}}
    write(server, (Line("ä" * 2000 + "1"), ""), (Line("ä" * 2000 + "2"), ""), about=about)
    made = events(server)
    assert len(made) == 2
    assert all(len(event["message"].encode()) <= LONGEST_MESSAGE for event in made)
    assert all(len(event["metadata"]["name"]) <= 253 for event in made)


def test_sorted_by_name_the_lines_stand_as_they_were_written_also_after_a_restart() -> None:
    server = FakeServer()
    lines = [(Line(f"line {number} of a moment"), "10") for number in range(9)]
    write(server, *lines[:5])
    write(server, *lines[3:])  # another process: it does not know what the first one wrote last
    made = sorted(events(server), key=lambda event: str(event["metadata"]["name"]))
    assert [(event["message"], event["count"]) for event in made] == [
        (line.message, 2 if number in (3, 4) else 1) for number, (line, _) in enumerate(lines)
    ]


def test_the_names_that_are_there_are_asked_for_once_an_object() -> None:
    server = FakeServer()
    write(server, (LINE, "10"), (LINE, "20"), (LINE, "30"))
    assert [request.method for request in server.requests] == ["GET", "POST", "POST", "POST"]


def test_a_name_that_is_cut_ends_as_names_may() -> None:
    server = FakeServer()
    name = "a" * (LONGEST_NAME - 2) + "-." + "b" * 20
    write(server, (LINE, "10"), about={**CANARY, "metadata": {**CANARY["metadata"], "name": name}})
    [event] = events(server)
    assert event["metadata"]["name"].startswith("a" * (LONGEST_NAME - 2) + ".0")
