"""What the demo shows: the live view at several widths, the trace, the summary; and that it invents no message."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

import volary.demo
from volary.canary import messages
from volary.demo.board import Board
from volary.demo.judge import eleven_lines
from volary.demo.play import played_quietly
from volary.demo.settings import Settings
from volary.demo.story import Observation, Story
from volary.demo.summary import Result, print_summary
from volary.demo.traffic import tell
from volary.demo.view import PlainView, draw


def busy_board() -> Board:
    board = Board()
    board.take(Observation(1.0, "", "act", {"n": 2, "title": "Version 2 goes to west"}))
    board.take(Observation(1.1, "west", "phase", {"phase": "Progressing", "weight": 10, "failed_checks": 0}))
    board.take(Observation(1.2, "west", "weight", {"primary": 90, "canary": 10}))
    report = {"ok": 100, "failed": 1, "lost": 0, "pods": {"podinfo-primary-a": {"200": 90}, "podinfo-b": {"200": 10}}}
    story = Story(lambda: 1.3, listeners=[board.take])
    tell(story, "west", report)
    board.take(Observation(1.4, "west", "event", {"message": "a line " * 30, "kind": "Normal", "about": "Canary/x"}))
    return board


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_live_view_fits_the_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=24)
    console.print(draw(busy_board(), width, 24))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= width


def test_plain_lines_have_no_colour_and_are_not_cut() -> None:
    file = io.StringIO()
    view = PlainView(Console(file=file, width=40))
    view.take(Observation(1.4, "west", "event", {"message": "word " * 30, "kind": "Warning", "about": "Canary/x"}))
    assert file.getvalue().startswith("   1.4  west  word word")
    assert "\x1b" not in file.getvalue()
    assert file.getvalue().count("\n") == 1


def test_a_trace_line_is_json_with_time_cluster_and_type() -> None:
    line = Observation(1.23456, "west", "weight", {"primary": 90, "canary": 10}).line()
    assert msgspec.json.decode(line) == {"t": 1.235, "cluster": "west", "type": "weight", "primary": 90, "canary": 10}


def test_the_summary_names_what_was_lost_and_every_difference() -> None:
    file = io.StringIO()
    report = {"ok": 8, "failed": 1, "lost": 1, "primary": 9, "canary": 0}
    seen = [Observation(0, "west", "traffic", report)]
    result = Result(61.0, 500_000_000, {"west": "version 2 (abc1234)"}, seen, "It is idle.", ["act 2: it broke"])
    print_summary(Console(file=file, width=80), result)
    text = file.getvalue()
    assert "version 2 (abc1234)" in text
    assert "500 MB" in text
    assert "act 2: it broke" in text
    assert "Every act ended" not in text


def summary_lines(width: int, *seen: Observation) -> list[str]:
    file = io.StringIO()
    where = {"west": "version 2 (abc1234)", "east": "version 2 (abc1234)"}
    print_summary(Console(file=file, width=width), Result(61.0, 5_000_000, where, seen, "Idle.", []))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_summary_is_whole_at_every_width(width: int) -> None:
    report = {"ok": 12345, "failed": 12345, "lost": 0, "primary": 9000, "canary": 1000}
    seen = []
    for weight in (10, 20, 30, 40, 50):
        seen.append(Observation(0, "west", "weight", {"primary": 100 - weight, "canary": weight}))
        seen += [Observation(0, "west", "traffic", report)] * 2
    lines = summary_lines(width, *seen)
    assert all(len(line) <= width and "…" not in line for line in lines)
    assert any(line.startswith("WEIGHT") and "50 %" in line for line in lines)


def test_without_a_release_there_is_no_table_of_weights() -> None:
    assert not [line for line in summary_lines(80) if line.startswith("WEIGHT")]


def test_the_demo_contains_none_of_the_messages_it_shows() -> None:
    fixed = [part for line in eleven_lines() for part in (line.split(" podinfo")[0],)]
    fixed.append(messages.failed("podinfo.test").message.split(" podinfo")[0])
    for path in sorted(Path(volary.demo.__file__).parent.rglob("*.py")):
        text = path.read_text()
        for message in fixed:
            assert message not in text, f"{path.name} contains {message!r}"


@pytest.mark.parametrize("interval", ["", "1", "0s", "1h", "-1s", "1.5s"])
def test_an_interval_that_the_canary_would_refuse_is_refused(interval: str) -> None:
    with pytest.raises(ValueError, match="whole seconds or minutes"):
        _ = Settings(interval=interval).interval_seconds


def test_an_interval_is_seconds_or_minutes() -> None:
    assert Settings(interval="2s").interval_seconds == 2
    assert Settings(interval="1m").interval_seconds == 60


@pytest.mark.parametrize(
    ("acts", "line"),
    [
        ((), ""),
        ((1, 4), ""),
        ((2,), "Act 1 comes first, quietly ..."),
        ((4, 5), "Acts 1 to 3 come first, quietly ..."),
    ],
)
def test_a_person_who_asked_for_a_later_act_is_told_why_nothing_is_seen_yet(acts: tuple[int, ...], line: str) -> None:
    assert played_quietly(acts) == line
