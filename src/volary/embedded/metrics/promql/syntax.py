"""What a query is made of. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


class Refused(Exception):
    """The query is malformed, or uses what the built-in evaluator does not know; the text names it."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; `operator` is one of =, !=, =~, !~."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """Series by their labels; the metric's name is the label __name__."""

    matchers: tuple[Matcher, ...]
    offset: int = 0  # milliseconds back


@dataclass(frozen=True, slots=True)
class Window:
    """The samples of the last `range` milliseconds."""

    selector: Selector
    range: int


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """sum, avg, min, max or count; `by` keeps the labels named, otherwise these are dropped."""

    operator: str
    by: bool
    labels: tuple[str, ...]
    inner: Expression


@dataclass(frozen=True, slots=True)
class Negative:
    inner: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expression
    right: Expression
    as_bool: bool = False  # comparisons: 0 and 1 instead of leaving out


Expression = Number | Selector | Window | Call | Aggregate | Negative | Binary
