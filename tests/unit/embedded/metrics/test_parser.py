from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.metrics.promql import Refused, parse
from volary.embedded.metrics.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Expression,
    Matcher,
    Negative,
    Number,
    Selector,
    Window,
)

X = Selector((Matcher("__name__", "=", "x"),))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1", Number(1)),
        ("0x1F", Number(31)),
        ("1e3", Number(1000)),
        (".5", Number(0.5)),
        ("Inf", Number(math.inf)),
        ("x", X),
        ("(x)", X),
        ("x # a comment", X),
        ("{__name__='x'}", X),
        ('x{a="b",}', Selector((*X.matchers, Matcher("a", "=", "b")))),
        ('x{a!="b",c=~"d.*",e!~`\\d`}', Selector((*X.matchers, Matcher("a", "!=", "b"), Matcher("c", "=~", "d.*"),
                                                 Matcher("e", "!~", "\\d")))),
        ('x{a="q\\"\\n\\\\"}', Selector((*X.matchers, Matcher("a", "=", 'q"\n\\')))),
        ("x offset 5m", Selector(X.matchers, 300_000)),
        ("rate(x[1m30s])", Call("rate", (Window(X, 90_000),))),
        ("rate(x[5m] offset 1h)", Call("rate", (Window(Selector(X.matchers, 3_600_000), 300_000),))),
        ("sum(x)", Aggregate("sum", True, (), X)),
        ("sum(x) by (a, b)", Aggregate("sum", True, ("a", "b"), X)),
        ("SUM BY (a) (x)", Aggregate("sum", True, ("a",), X)),
        ("avg without (le) (x)", Aggregate("avg", False, ("le",), X)),
        ("count(x) without ()", Aggregate("count", False, (), X)),
        ("-x", Negative(X)),
        ("+x", X),
        ("-1 ^ 2", Negative(Binary("^", Number(1), Number(2)))),
        ("2 ^ 3 ^ 4", Binary("^", Number(2), Binary("^", Number(3), Number(4)))),
        ("1 - 2 - 3", Binary("-", Binary("-", Number(1), Number(2)), Number(3))),
        ("1 + 2 * 3", Binary("+", Number(1), Binary("*", Number(2), Number(3)))),
        ("x > bool 1", Binary(">", X, Number(1), as_bool=True)),
        ("x + x > x or x", Binary("or", Binary(">", Binary("+", X, X), X), X)),
        ("x or x and x", Binary("or", X, Binary("and", X, X))),
        ("vector(1)", Call("vector", (Number(1),))),
        ("clamp(x, 0, 1)", Call("clamp", (X, Number(0), Number(1)))),
        ("sum", Selector((Matcher("__name__", "=", "sum"),))),
        ("time()", Call("time", ())),
    ],
)  # fmt: skip
def test_queries(query: str, expected: Expression) -> None:
    assert parse(query) == expected


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("topk(3, x)", "unsupported: the function topk; the built-in evaluator knows abs, "),
        ("label_replace(x, 'a', 'b', 'c', 'd')", "unsupported: the function label_replace"),
        ("quantile(0.9, x)", "unsupported: the function quantile"),
        ("stddev by (a) (x)", "unsupported: the function stddev"),
        ("x / on (a) x", "unsupported: on (vector matching)"),
        ("x * ignoring (a) group_left x", "unsupported: ignoring (vector matching)"),
        ("x @ 123", "unsupported: the @ modifier"),
        ("rate(x[5m:1m])", "unsupported: subqueries"),
        ("rate(x[1m])[5m:1m]", "unsupported: subqueries"),
        ("sum(x)[5m]", "unsupported: subqueries"),
        ("x[5m]", "unsupported: a range vector as the result; put it into a function such as rate()"),
        ('"text"', 'unsupported: a string as a value ("text")'),
        ("(" * 50 + "x" + ")" * 50, "unsupported: more than 40 nested expressions"),
        ("-" * 50 + "x", "unsupported: more than 40 nested expressions"),
        ("rate(x)", "malformed query: rate wants a range vector, found an instant vector"),
        ("abs(1)", "malformed query: abs wants an instant vector, found a number"),
        ("rate(x[5m], 1)", "malformed query: rate takes 1 arguments, found 2"),
        ("sum(1)", "malformed query: sum takes one instant vector"),
        ("x[5m] + 1", "malformed query: + on a range vector"),
        ("-x[5m]", "malformed query: - before a range vector"),
        ("1 or x", "malformed query: or on a number"),
        ("1 > 2", "malformed query: a comparison between numbers needs bool"),
        ("x[0s]", "malformed query: the duration 0s is not above 0"),
        ("x{a=b}", "malformed query: expected a matcher with a quoted value, found \"b\" at position 5"),
        ('x{a=~"("}', "malformed query: a=~: "),
        ('{a=""}', "malformed query: a selector needs a name"),
        ('{a=~".*"}', "malformed query: a selector needs a name"),
        ('x{__name__="y"}', "malformed query: the metric's name is given twice"),
        ("sum(x", 'malformed query: expected ",", found the end'),
        ("x x", 'malformed query: expected the end, found "x" at position 3'),
        ("x offset 1m offset 1m", 'malformed query: expected the end'),
        ("sum(x) offset 1m", "malformed query: offset belongs to a selector, once"),
        ("x[5]", "malformed query: expected a duration such as 1m"),
        ("$x", "unexpected '$' at position 1"),
        ('x{a="\\q"}', "unknown escape \\q"),
        ("", "malformed query: expected a value, found the end"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(query: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(query)
    assert str(refused.value).startswith(reason)


@given(st.text(alphabet='x1{}()[]"=~!+-*/^<> .,abyorsum5m', max_size=30) | st.text(max_size=10))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(Refused):
        parse(text)


def written(expression: Any) -> str:
    """Return a query that means the expression, every operand in parentheses."""
    match expression:
        case Number(value):
            return repr(value)
        case Negative(inner):
            return f"-({written(inner)})"
        case Binary(operator, left, right, as_bool):
            return f"({written(left)}) {operator} {'bool ' if as_bool else ''}({written(right)})"
        case Aggregate(operator, by, labels, inner):
            return f"{operator} {'by' if by else 'without'} ({', '.join(labels)}) ({written(inner)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(written, arguments))})"
        case Window(selector, range_ms):
            return f"{written(selector)}[{range_ms}ms]"
        case Selector(matchers):
            return "{" + ",".join(f'{m.label}{m.operator}"{m.value}"' for m in matchers) + "}"
    raise AssertionError(expression)


MATCHERS = st.builds(Matcher, st.sampled_from(["a", "b"]), st.sampled_from(["=", "!=", "=~", "!~"]), st.just("v"))
SELECTORS = st.builds(lambda more: Selector((*X.matchers, *more)), st.lists(MATCHERS, max_size=2))
VECTORS: st.SearchStrategy[Expression] = st.recursive(
    SELECTORS | st.builds(lambda s, ms: Call("rate", (Window(s, ms),)), SELECTORS, st.integers(1, 10**9)),
    lambda inner: (
        st.builds(Negative, inner)
        | st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "%", "^", "or", "and", "unless"]), inner, inner)
        | st.builds(Binary, st.sampled_from([">", "<=", "=="]), inner, inner, st.booleans())
        | st.builds(
            Aggregate,
            st.sampled_from(["sum", "avg", "count"]),
            st.booleans(),
            st.sampled_from([(), ("a",), ("a", "b")]),
            inner,
        )
    ),
    max_leaves=6,
)


@given(VECTORS)
def test_what_is_written_reads_back(expression: Expression) -> None:
    assert parse(written(expression)) == expression
