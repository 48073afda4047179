from __future__ import annotations

from datetime import UTC, datetime, timedelta

from volary.embedded.controllers.similar_events import MOST_REMEMBERED, SimilarEvents

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
GROUP = ("uid", "Normal", "Created", "someone")


def test_the_tenth_text_is_combined_and_so_are_those_after_it() -> None:
    events = SimilarEvents()
    assert [events.combines(GROUP, str(text), NOON) for text in range(12)] == [False] * 9 + [True] * 3


def test_the_same_text_is_no_reason_to_combine() -> None:
    events = SimilarEvents()
    assert not any(events.combines(GROUP, "again", NOON) for _ in range(50))


def test_ten_quiet_minutes_begin_anew() -> None:
    events = SimilarEvents()
    for text in range(12):
        events.combines(GROUP, str(text), NOON)
    assert not events.combines(GROUP, "later", NOON + timedelta(minutes=11))


def test_groups_do_not_pile_up() -> None:
    events = SimilarEvents()
    for number in range(MOST_REMEMBERED + 5):
        events.combines((str(number), "Normal", "Created", "someone"), "text", NOON)
    assert len(events._groups) == MOST_REMEMBERED
