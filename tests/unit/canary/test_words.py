"""Durations, numbers, queries, hashes and checksums: vectors of the real programs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.canary.samples import SPEC, T0, progress
from volary.canary.durations import go_duration, go_float, parse_duration
from volary.canary.hashes import is_ours, revision_of, trial_of
from volary.canary.hooks import (
    Call,
    event_request,
    gave_up,
    hook_request,
    payload_checksum,
    refusal,
    safe_number,
    trial_checksum,
    wait_before,
    worth_another_try,
)
from volary.canary.queries import BadQuery, query_of, render
from volary.canary.spec import Hook, HookType
from volary.canary.weighted import next_weight, weights_of
from volary.runtime.events import Line
from volary.runtime.http import HttpResponse


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (99, "99"),
        (99.5, "99.5"),
        (0, "0"),
        (500, "500"),
        (1e6, "1e+06"),
        (999999, "999999"),
        (1234567, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-2.5, "-2.5"),
    ],
)
def test_numbers_are_printed_as_go_does(value: float, text: str) -> None:
    assert go_float(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (1.515, "1.515s"),
        (90.5, "1m30.5s"),
        (3600, "1h0m0s"),
        (0.0000015, "2µs"),
        (-1, "-1s"),
    ],
)
def test_durations_are_printed_as_go_does(seconds: float, text: str) -> None:
    assert go_duration(timedelta(seconds=seconds)) == text


@given(st.integers(0, 10**9).map(lambda millis: timedelta(milliseconds=millis)))
def test_durations_read_back(duration: timedelta) -> None:
    assert parse_duration(go_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "1x", "-5s"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("step", "steps", "most", "weights"),
    [
        (10, [], 50, (10, 20, 30, 40, 50)),
        (20, [], 50, (20, 40, 60)),
        (5, [1, 2], 10, (5, 10)),
        (60, [], None, (60, 100)),
        (100, [], None, (100,)),
        (None, [1, 5, 50], 10, (1, 5, 50)),
        (0, [10, 110], None, (10, 100)),
    ],
)
def test_steps_are_flaggers(
    step: float | None, steps: list[float], most: float | None, weights: tuple[int, ...]
) -> None:
    assert weights_of(step, steps, most) == weights


def test_the_next_weight_is_found_from_anywhere() -> None:
    assert [next_weight((10, 20), weight) for weight in (0, 10, 15, 20, 100)] == [10, 20, 20, None, None]


def test_a_revision_is_the_template_and_not_what_a_server_adds() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}
    name = revision_of(template)
    assert is_ours(name)
    assert not is_ours("54bbb77544")
    assert (
        revision_of({"spec": {"containers": []}, "metadata": {"creationTimestamp": None, "labels": {"a": "b"}}}) == name
    )
    assert revision_of({**template, "metadata": {"labels": {"a": "c"}}}) != name


def test_a_trial_is_a_revision_with_its_configuration() -> None:
    assert trial_of("", (("configmap/a", "1"),)) == ""
    assert len({trial_of("v1:x", ()), trial_of("v1:y", ()), trial_of("v1:x", (("configmap/a", "1"),))}) == 3


def test_queries_are_rendered() -> None:
    success, duration = SPEC.metrics
    common = 'reporter="destination", destination_workload_namespace="test", destination_workload=~"podinfo"'
    assert query_of(success, SPEC, "podinfo", "test") == (
        f'sum( rate( istio_requests_total{{ {common}, response_code!~"5.*" }}[1m] ) ) '
        f"/ sum( rate( istio_requests_total{{ {common} }}[1m] ) ) * 100"
    )
    assert query_of(duration, SPEC, "podinfo", "test") == (
        "histogram_quantile( 0.99, sum( rate( "
        f"istio_request_duration_milliseconds_bucket{{ {common} }}[30s] ) ) by (le) )"
    )
    own = replace(
        success, query="up{app='{{target}}-primary', team='{{ variables.team }}'}\n > 0", variables={"team": "a"}
    )
    assert query_of(own, SPEC, "podinfo", "test") == "up{app='podinfo-primary', team='a'} > 0"


def test_blanks_are_trimmed_where_the_template_says_so() -> None:
    assert render("a {{- x -}} b {{ x }}", {"x": "1"}, {}) == "a1b 1"


@pytest.mark.parametrize(
    ("template", "words"), [("{{ nope }}", "query has {{ nope }}; allowed"), ("{{ variables.x }}", 'no "x"')]
)
def test_a_query_that_cannot_be_rendered_says_why(template: str, words: str) -> None:
    with pytest.raises(BadQuery, match=r"allowed in a query|templateVariables") as caught:
        render(template, {"name": "a"}, {})
    assert words in str(caught.value)


CALL = Call("podinfo", "test", "Progressing", progress(), "u1/step")
HOOK = Hook("load-test", HookType.ROLLOUT, "http://t/", timedelta(seconds=5), 2, {"cmd": "hey"})


def test_the_checksum_is_the_one_that_flagger_sends() -> None:
    two = {"configmap/a": "484637c76acaa7c6", "configmap/b": "2"}
    assert payload_checksum(two, "5f56684589") == "77c47d544f"
    assert payload_checksum(None, "4cb74184589") == "7c9d467496"
    assert payload_checksum({}, "4cb74184589") == "56966965f5"
    assert safe_number(0) == "4"
    assert trial_checksum(progress()) == payload_checksum(None, "v1:new")


def test_a_hook_gets_the_same_id_at_every_attempt_and_its_own_metadata() -> None:
    one, other = hook_request(HOOK, CALL), hook_request(HOOK, CALL)
    assert one == other
    assert one.timeout_seconds == 5
    assert one.headers["idempotency-key"] != hook_request(HOOK, replace(CALL, id="u1/other")).headers["idempotency-key"]
    assert b'"metadata":{"cmd":"hey"}' in one.body
    told = event_request(HOOK, CALL, Line("Advance"), T0)
    assert (
        b'"metadata":{"cmd":"hey","eventMessage":"Advance","eventType":"Normal","timestamp":"1795514400000"}'
        in told.body
    )


@pytest.mark.parametrize(
    ("status", "body", "why", "again"),
    [
        (200, b"fine", "", False),
        (202, b"", "", False),
        (203, b"", "status 203", False),
        (403, b"Forbidden", "Forbidden", False),
        (429, b"slow down", "slow down", True),
        (500, b"command failed", "command failed", True),
        (501, b"", "status 501", False),
    ],
)
def test_what_a_hooks_answer_means(status: int, body: bytes, why: str, again: bool) -> None:
    response = HttpResponse(status, {}, body)
    assert (refusal(response), worth_another_try(response)) == (why, again)


def test_a_hook_that_gave_no_answer_says_how_often_it_was_asked() -> None:
    assert gave_up(HOOK, 3, "no token") == "POST http://t/ giving up after 3 attempt(s): no token"
    assert [wait_before(attempt).total_seconds() for attempt in (1, 2, 3, 9)] == [1, 2, 4, 30]
