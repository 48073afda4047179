from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.promql import Refused, Value, evaluate, parse
from volary.embedded.metrics.promql.evaluate import Labels

STEP = 250  # milliseconds between two looks


def labels(name: str, **more: str) -> Labels:
    return tuple(sorted({"__name__": name, **more}.items()))


def remembering(*looks: dict[Labels, float]) -> Memory:
    """Return a memory of these looks, the first at second 1000."""
    memory = Memory()
    for number, look in enumerate(looks):
        memory.add(1_000_000 + number * STEP, look)
    return memory


def ask(memory: Memory, query: str, at: int) -> Value:
    return evaluate(parse(query), memory, at)


A, B = labels("x", job="a", code="200"), labels("x", job="b", code="500")
FOUR = [{A: float(4 * n), B: float(n), labels("y", job="a"): 7.0} for n in range(9)]  # two seconds
MEMORY = remembering(*FOUR)
END = 1_000_000 + 8 * STEP


def plain(value: Value) -> object:
    """Return a number, or the values by the label `job` (or by all labels where there is none)."""
    if isinstance(value, float):
        return value
    return {dict(found).get("job", str(dict(found)) if found else ""): one for found, one in value}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("x", {"a": 32.0, "b": 8.0}),
        ('x{job="a"}', {"a": 32.0}),
        ('x{job!="a"}', {"b": 8.0}),
        ('x{job=~"a|c"}', {"a": 32.0}),
        ('x{code!~"5.*"}', {"a": 32.0}),
        ('x{code=~"5"}', {}),  # expressions match the whole value
        ('x{nothing=""}', {"a": 32.0, "b": 8.0}),
        ('{job="b"}', {"b": 8.0}),
        ("nothing", {}),
        ("x offset 1s", {"a": 16.0, "b": 4.0}),
        ("rate(x[2s])", {"a": 16.0, "b": 4.0}),
        ("increase(x[1s])", {"a": 16.0, "b": 4.0}),
        ("irate(x[2s])", {"a": 16.0, "b": 4.0}),
        ("delta(x[1s])", {"a": 16.0, "b": 4.0}),
        ("rate(x[100ms])", {}),  # one look is not enough
        ("avg_over_time(x[500ms])", {"a": 28.0, "b": 7.0}),
        ("max_over_time(x[1s])", {"a": 32.0, "b": 8.0}),
        ("count_over_time(x[1s])", {"a": 5.0, "b": 5.0}),
        ("sum(x)", {"": 40.0}),
        ("sum(nothing)", {}),
        ("sum(x) by (job)", {"a": 32.0, "b": 8.0}),
        ("max without (job, code) (x)", {"": 32.0}),
        ("avg(x)", {"": 20.0}),
        ("min(x)", {"": 8.0}),
        ("count(x)", {"": 2.0}),
        ("x / 8", {"a": 4.0, "b": 1.0}),
        ("-x", {"a": -32.0, "b": -8.0}),
        ("2 ^ 3 ^ 2 % 100", 12.0),
        ("x > 8", {"a": 32.0}),
        ("8 < x", {"a": 32.0}),
        ("x > bool 8", {"a": 1.0, "b": 0.0}),
        ("1 > bool 2", 0.0),
        ("sum(x) by (job) / sum(x) by (job)", {"a": 1.0, "b": 1.0}),
        ("sum(x) / sum(nothing)", {}),
        ("sum(nothing) or vector(0)", {"": 0.0}),
        ("x or y", {"a": 7.0, "b": 8.0}),
        ('x and x{job="b"}', {"b": 8.0}),
        ('x unless x{job="b"}', {"a": 32.0}),
        ("vector(1)", {"": 1.0}),
        ("scalar(sum(x))", 40.0),
        ("clamp_max(x, 10)", {"a": 10.0, "b": 8.0}),
        ("clamp(x, 10, 20)", {"a": 20.0, "b": 10.0}),
        ("floor(x / 5)", {"a": 6.0, "b": 1.0}),
        ("round(x / 5)", {"a": 6.0, "b": 2.0}),
        ("absent(x)", {}),
        ('absent(x{job="c"})', {"c": 1.0}),
        ("time()", END / 1000),
    ],
)
def test_answers(query: str, expected: object) -> None:
    assert plain(ask(MEMORY, query, END)) == expected


@pytest.mark.parametrize(
    "query",
    ["scalar(x)", "0 / 0", "sum(x) * scalar(nothing)", "(sum(x) - 40) / (sum(x) - 40)", "sqrt(-x) + 0", "ln(-x)"],
)
def test_not_a_number_comes_out_as_such(query: str) -> None:
    value = ask(MEMORY, query, END)
    for one in [value] if isinstance(value, float) else [one for _, one in value]:
        assert math.isnan(one)


def test_a_division_by_zero_is_infinite() -> None:
    assert plain(ask(MEMORY, "x / 0", END)) == {"a": math.inf, "b": math.inf}
    assert plain(ask(MEMORY, "-x / 0", END)) == {"a": -math.inf, "b": -math.inf}


@pytest.mark.parametrize("query", ['abs({job="a"})', '{job="a"} + y'])
def test_series_that_become_the_same_without_their_names_are_refused(query: str) -> None:
    memory = remembering({labels("y", job="a"): 1.0, labels("z", job="a"): 2.0})
    with pytest.raises(Refused, match="same labels"):
        ask(memory, query, 1_000_000)


def test_a_counter_that_begins_anew_has_not_gone_back() -> None:
    memory = remembering(*({A: value} for value in (10.0, 20.0, 5.0, 15.0)))
    at = 1_000_000 + 3 * STEP
    assert plain(ask(memory, "increase(x[750ms])", at)) == {"a": 25.0}
    assert plain(ask(memory, "delta(x[750ms])", at)) == {"a": 5.0}
    assert plain(ask(memory, "irate(x[500ms])", at)) == {"a": 40.0}


def test_a_series_that_ended_is_no_longer_there_but_its_past_is() -> None:
    memory = remembering(*FOUR, {B: 9.0})
    at = END + STEP
    assert plain(ask(memory, "x", at)) == {"b": 9.0}
    assert plain(ask(memory, 'increase(x{job="a"}[1250ms])', at)) == {"a": 20.0}


def test_a_sample_is_the_newest_for_five_minutes() -> None:
    assert plain(ask(MEMORY, "sum(x)", END + 300_000)) == {"": 40.0}
    assert plain(ask(MEMORY, "sum(x)", END + 300_001)) == {}


BUCKETS = {"0.5": 0.0, "1": 10.0, "5": 30.0, "+Inf": 40.0}


@pytest.mark.parametrize(
    ("wanted", "buckets", "expected"),
    [
        (0.5, BUCKETS, 3.0),
        (0.25, BUCKETS, 1.0),
        (0.99, BUCKETS, 5.0),  # in the last bucket: its lower bound
        (-1, BUCKETS, -math.inf),
        (2, BUCKETS, math.inf),
        (0.5, dict.fromkeys(BUCKETS, 0.0), math.nan),
        (0.5, {"1": 1.0}, math.nan),  # no +Inf
        (0.5, {**BUCKETS, "5": 5.0}, 5.0),  # counts that fall are taken as level
    ],
)
def test_quantiles_of_histograms(wanted: float, buckets: dict[str, float], expected: float) -> None:
    memory = remembering({labels("h_bucket", le=bound): count for bound, count in buckets.items()})
    found = plain(ask(memory, f"histogram_quantile({wanted}, h_bucket)", 1_000_000))
    assert found == {"": pytest.approx(expected, nan_ok=True)}


def test_flaggers_two_queries_read_as_they_are_sent() -> None:
    common = 'reporter="destination", destination_workload_namespace="test", destination_workload=~"podinfo"'
    base = {"reporter": "destination", "destination_workload_namespace": "test", "destination_workload": "podinfo"}
    good, bad = labels("n", **base, response_code="200"), labels("n", **base, response_code="500")
    other = labels("n", **{**base, "destination_workload": "podinfo-primary"}, response_code="500")
    memory = remembering(*({good: 19.0 * n, bad: 1.0 * n, other: 50.0 * n} for n in range(9)))
    query = f'sum(rate(n{{{common}, response_code!~"5.*"}}[2s])) / sum(rate(n{{{common}}}[2s])) * 100'
    assert plain(ask(memory, query, END)) == {"": pytest.approx(95.0)}
    still = remembering(*({good: 5.0, bad: 0.0} for _ in range(9)))
    nan = plain(ask(still, query, END))
    assert isinstance(nan, dict)
    assert math.isnan(nan[""]), "no traffic is not a success"


NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


def arithmetic() -> st.SearchStrategy[tuple[str, float]]:
    """Pairs of an expression and its value by Python's own arithmetic."""

    def join(left: tuple[str, float], operator: str, right: tuple[str, float]) -> tuple[str, float]:
        values = {"+": left[1] + right[1], "-": left[1] - right[1], "*": left[1] * right[1]}
        return f"({left[0]}) {operator} ({right[0]})", values[operator]

    leaves = NUMBERS.map(lambda value: (f"{value:f}", float(f"{value:f}")))
    return st.recursive(leaves, lambda inner: st.builds(join, inner, st.sampled_from("+-*"), inner), max_leaves=6)


@given(arithmetic())
def test_arithmetic_is_that_of_floating_point(pair: tuple[str, float]) -> None:
    text, expected = pair
    assert ask(Memory(), text, 0) == expected


@given(st.lists(st.integers(0, 50), min_size=3, max_size=30), st.integers(2, 20))
def test_an_even_window_over_a_counter_counts_what_came_in(growth: list[int], looks: int) -> None:
    """Where the window begins and ends at a look, nothing is extrapolated: the increase is the true one."""
    totals = [sum(growth[: n + 1]) for n in range(len(growth))]
    memory = remembering(*({A: float(total)} for total in totals))
    looks = min(looks, len(growth))
    at = 1_000_000 + (len(growth) - 1) * STEP
    found = plain(ask(memory, f"increase(x[{(looks - 1) * STEP}ms])", at))
    assert found == {"a": pytest.approx(totals[-1] - totals[-looks])}


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=8))
def test_sums_by_a_label_add_up_to_the_sum(looks: list[dict[str, int]]) -> None:
    memory = remembering(*({labels("x", job=job): float(value) for job, value in look.items()} for look in looks))
    at = 1_000_000 + (len(looks) - 1) * STEP
    by_job, everything = plain(ask(memory, "sum(x) by (job)", at)), plain(ask(memory, "sum(x)", at))
    assert by_job == {job: float(value) for job, value in looks[-1].items()}
    assert everything == ({"": float(sum(looks[-1].values()))} if looks[-1] else {})
