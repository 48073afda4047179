"""The table of `make bench`: what is missed, what is not measured, what it was before; and what a trace says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import figures, kept_demo, whole_demo
from tests.bench.figures import Figure, Peer, lines, table


@pytest.fixture(autouse=True)
def no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RECORD", tmp_path / "record.json")


def test_a_figure_is_good_at_its_goal_and_not_beyond() -> None:
    assert Figure("lost", 0, 0).good
    assert not Figure("lost", 0, 1).good
    assert not Figure("lost", 0, None).good


def test_the_table_says_what_was_missed_and_what_was_not_measured() -> None:
    lines = table([Figure("time", 40, 41.5, "s"), Figure("memory", 600, None, "MB", "no /proc")]).splitlines()
    assert lines[1].split() == ["time", "40", "s", "41.5", "s", "NO"]
    assert "not measured: no /proc" in lines[2]


def test_where_more_is_better_the_goal_is_the_least() -> None:
    assert Figure("gets", 100, 120, better="more").good
    assert not Figure("gets", 100, 99, better="more").good
    assert ">= 100" in table([Figure("gets", 100, 120, better="more")])


def test_a_peer_is_compared_with_and_a_line_is_json() -> None:
    one = Figure("cpu", 0.15, 0.1, "s", group="kubernetes", peer=Peer("lightkube", 1.0))
    assert "10% of lightkube" in table([one])
    assert json.loads(lines([one])) == {
        "name": "cpu", "group": "kubernetes", "value": 0.1, "unit": "s", "goal": 0.15, "better": "less",
        "peer": {"name": "lightkube", "value": 1.0, "ratio": 0.1},
    }  # fmt: skip
    assert json.loads(lines([Figure("cpu", 1, None, note="no /proc")]))["value"] is None


def test_the_table_compares_with_the_record() -> None:
    figures.keep([Figure("time", 40, 20.0, "s"), Figure("memory", 600, None)])
    assert figures.last_record()["figures"] == {"time": 20.0}
    figures.keep([Figure("lost", 0, 0)])
    assert figures.last_record()["figures"] == {"time": 20.0, "lost": 0}
    assert table([Figure("time", 40, 30.0, "s")]).splitlines()[1].endswith("150%")


def test_a_trace_holds_the_figures_of_the_demo() -> None:
    acts = [{"type": "act", "n": n, "t": t} for n, t in ((1, 2.0), (2, 12.0), (3, 25.0), (4, 45.0), (5, 55.0))]
    found = list(whole_demo.of_trace([*acts, {"type": "end", "t": 80.0, "lost": 1, "memory_bytes": 500_000_000}]))
    assert [(one.measured, one.good) for one in found] == [(80.0, True), (33.0, True), (1, False), (500.0, True)]


@pytest.mark.parametrize(
    ("agent", "verb", "resource", "counts"),
    [
        ("volary/0.1.0", "get", "canaries", True),
        ("volary-fleet", "patch", "gitrepositories", True),
        ("volary/0.1.0", "watch", "canaries", False),
        ("volary/0.1.0", "update", "leases", False),
        ("volary-cli/0.1.0", "list", "fleetrolloutruns", False),
        ("kubectl", "get", "canaries", False),
    ],
)
def test_at_rest_only_our_controllers_count(agent: str, verb: str, resource: str, counts: bool) -> None:
    entry = {"userAgent": agent, "verb": verb, "objectRef": {"resource": resource}}
    assert kept_demo.ours(entry) is counts
