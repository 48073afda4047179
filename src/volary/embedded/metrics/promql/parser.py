"""Reads a query into its syntax tree. Pure; recursive descent, one method for each level of precedence.

Source: Prometheus operator precedence: or, and/unless, comparisons, + -, * / %, unary, ^ (from the right).
"""

from __future__ import annotations

import math
import re

from volary.embedded.metrics.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Expression,
    Matcher,
    Negative,
    Number,
    Refused,
    Selector,
    Window,
)
from volary.embedded.metrics.promql.tokens import Token, cut, duration_ms, unquote

AGGREGATIONS = ("sum", "avg", "min", "max", "count")
COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
LEVELS = (("or",), ("and", "unless"), COMPARISONS, ("+", "-"), ("*", "/", "%"))
SETS = ("or", "and", "unless")
OF_WINDOW = ("rate", "increase", "irate", "delta", "avg_over_time", "sum_over_time", "min_over_time", "max_over_time")
OF_WINDOWS = (*OF_WINDOW, "count_over_time")
OF_VECTOR = ("abs", "ceil", "floor", "round", "sqrt", "exp", "ln", "log2", "log10", "scalar", "absent")
# Function -> what each argument must be: s a number, v a vector, w a window.
FUNCTIONS = {
    **dict.fromkeys(OF_WINDOWS, "w"),
    **dict.fromkeys(OF_VECTOR, "v"),
    "histogram_quantile": "sv",
    "clamp_min": "vs",
    "clamp_max": "vs",
    "clamp": "vss",
    "vector": "s",
    "time": "",
}
KINDS = {"s": "a number", "v": "an instant vector", "w": "a range vector"}
REFUSED_WORDS = ("on", "ignoring", "group_left", "group_right", "atan2")
DEEPEST = 40  # nested expressions; a query of a person has ten


def parse(query: str) -> Expression:
    """Return the syntax tree of a query. Raises: Refused."""
    parser = Parser(cut(query))
    expression = parser.expression(0)
    parser.expect_end()
    if isinstance(expression, Window):
        raise Refused("unsupported: a range vector as the result; put it into a function such as rate()")
    return expression


def kind_of(expression: Expression) -> str:
    """Return what an expression gives: s a number, v a vector, w a window."""
    match expression:
        case Number() | Call("scalar" | "time"):
            return "s"
        case Window():
            return "w"
        case Negative(inner):
            return kind_of(inner)
        case Binary(_, left, right):
            return "s" if kind_of(left) == kind_of(right) == "s" else "v"
        case _:
            return "v"


class Parser:
    """Walks over the words of one query."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._at]

    def next(self) -> Token:
        token = self.here
        self._at += token.kind != "end"
        return token

    def taken(self, *texts: str) -> str:
        """Go over the next word if it is one of these and no quoted text; return it, or ""."""
        if self.here.kind in ("sign", "name") and self.here.text.lower() in texts:
            return self.next().text.lower()
        return ""

    def expect(self, text: str) -> None:
        if not self.taken(text):
            raise self.unexpected(f'"{text}"')

    def expect_end(self) -> None:
        if self.here.kind != "end":
            raise self.unexpected("the end")

    def unexpected(self, wanted: str) -> Refused:
        token = self.here
        if token.text == "@":
            return Refused("unsupported: the @ modifier")
        if token.text.startswith(":"):
            return Refused("unsupported: subqueries")
        found = f'"{token.text}" at position {token.at + 1}' if token.text else "the end"
        return Refused(f"malformed query: expected {wanted}, found {found}")

    def expression(self, level: int) -> Expression:
        """Parse one level of binary operators, all but ^, from the left."""
        if level == len(LEVELS):
            return self.unary()
        left = self.expression(level + 1)
        while operator := self.taken(*LEVELS[level]):
            as_bool = bool(self.taken("bool")) if operator in COMPARISONS else False
            self.refuse_matching()
            left = binary(operator, left, self.expression(level + 1), as_bool)
        return left

    def refuse_matching(self) -> None:
        if self.here.kind == "name" and self.here.text.lower() in REFUSED_WORDS:
            raise Refused(f"unsupported: {self.here.text.lower()} (vector matching)")

    def unary(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused(f"unsupported: more than {DEEPEST} nested expressions")
        found = self.signed()
        self._depth -= 1
        return found

    def signed(self) -> Expression:
        if self.taken("+"):
            return self.unary()
        if self.taken("-"):
            inner = self.unary()
            if kind_of(inner) == "w":
                raise Refused("malformed query: - before a range vector")
            return Negative(inner)
        return self.power()

    def power(self) -> Expression:
        base = self.modified()
        if self.taken("^"):
            self.refuse_matching()
            return binary("^", base, self.unary())
        return base

    def modified(self) -> Expression:
        """Parse an operand with its range and offset."""
        operand = self.operand()
        if self.taken("["):
            if not isinstance(operand, Selector) or operand.offset:
                raise Refused("unsupported: subqueries (a range after anything but a selector)")
            operand = Window(operand, self.duration())
            self.expect("]")
        if self.taken("offset"):
            operand = shifted(operand, self.duration())
        if self.here.text == "@" and self.here.kind == "sign":
            raise self.unexpected("an operator")
        return operand

    def duration(self) -> int:
        if self.here.kind != "duration":
            raise self.unexpected("a duration such as 1m")
        token = self.next()
        found = duration_ms(token.text)
        if found <= 0:
            raise Refused(f"malformed query: the duration {token.text} is not above 0")
        return found

    def operand(self) -> Expression:
        token = self.here
        if self.taken("("):
            inner = self.expression(0)
            self.expect(")")
            return inner
        if token.kind == "number":
            text = self.next().text
            return Number(float(int(text, 16)) if text[:2].lower() == "0x" else float(text))
        if token.kind == "text":
            raise Refused(f"unsupported: a string as a value ({token.text})")
        if token.text == "{":
            matchers = self.matchers()
            if not any(selects(matcher) for matcher in matchers):
                raise Refused("malformed query: a selector needs a name, or a matcher that not every series satisfies")
            return Selector(matchers)
        if token.kind == "name":
            return self.named()
        raise self.unexpected("a value")

    def named(self) -> Expression:
        """Parse what begins with a name: a number, a call, an aggregation, a selector."""
        name = self.next().text
        word = name.lower()
        if word in ("inf", "nan"):
            return Number(math.inf if word == "inf" else math.nan)
        if word in AGGREGATIONS and self.here.text.lower() in ("(", "by", "without"):
            return self.aggregate(word)
        if self.here.text == "(" or (self.here.text.lower() in ("by", "without") and self.here.kind == "name"):
            return self.call(name)
        first = (Matcher("__name__", "=", name),)
        more = self.matchers() if self.here.text == "{" else ()
        if any(matcher.label == "__name__" for matcher in more):
            raise Refused(f"malformed query: the metric's name is given twice ({name} and __name__)")
        return Selector(first + more)

    def call(self, name: str) -> Call:
        if name not in FUNCTIONS:
            known = ", ".join(sorted([*FUNCTIONS, *AGGREGATIONS]))
            raise Refused(f"unsupported: the function {name}; the built-in evaluator knows {known}")
        arguments = self.arguments()
        wanted = FUNCTIONS[name]
        if len(arguments) != len(wanted):
            raise Refused(f"malformed query: {name} takes {len(wanted)} arguments, found {len(arguments)}")
        for kind, argument in zip(wanted, arguments, strict=True):
            if kind_of(argument) != kind:
                raise Refused(f"malformed query: {name} wants {KINDS[kind]}, found {KINDS[kind_of(argument)]}")
        return Call(name, arguments)

    def arguments(self) -> tuple[Expression, ...]:
        self.expect("(")
        found: list[Expression] = []
        while not self.taken(")"):
            if found:
                self.expect(",")
            found.append(self.expression(0))
        return tuple(found)

    def aggregate(self, operator: str) -> Aggregate:
        grouping = self.grouping()
        arguments = self.arguments()
        grouping = grouping or self.grouping()
        if len(arguments) != 1 or kind_of(arguments[0]) != "v":
            raise Refused(f"malformed query: {operator} takes one instant vector")
        by, labels = grouping or (True, ())
        return Aggregate(operator, by, labels, arguments[0])

    def grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        word = self.taken("by", "without")
        if not word:
            return None
        self.expect("(")
        labels: list[str] = []
        while not self.taken(")"):
            if labels:
                self.expect(",")
            if self.here.kind != "name":
                raise self.unexpected("a label")
            labels.append(self.next().text)
        return word == "by", tuple(labels)

    def matchers(self) -> tuple[Matcher, ...]:
        self.expect("{")
        found: list[Matcher] = []
        while not self.taken("}"):
            if found:
                self.expect(",")
                if self.taken("}"):  # a comma may end the list
                    break
            found.append(self.matcher())
        return tuple(found)

    def matcher(self) -> Matcher:
        if self.here.kind != "name":
            raise self.unexpected("a label")
        label = self.next().text
        operator = self.taken("=", "!=", "=~", "!~")
        if not operator or self.here.kind != "text":
            raise self.unexpected("a matcher with a quoted value")
        value = unquote(self.next())
        if operator in ("=~", "!~"):
            try:
                re.compile(value)
            except re.error as error:
                raise Refused(f"malformed query: {label}{operator}: {error}") from None
        return Matcher(label, operator, value)


def selects(matcher: Matcher) -> bool:
    """Does the matcher leave out series that lack the label?"""
    match matcher.operator:
        case "=":
            return matcher.value != ""
        case "!=":
            return matcher.value == ""
        case "=~":
            return re.fullmatch(matcher.value, "") is None
        case _:
            return re.fullmatch(matcher.value, "") is not None


def shifted(operand: Expression, offset: int) -> Expression:
    match operand:
        case Selector(matchers, 0):
            return Selector(matchers, offset)
        case Window(Selector(matchers, 0), range_ms):
            return Window(Selector(matchers, offset), range_ms)
        case _:
            raise Refused("malformed query: offset belongs to a selector, once")


def binary(operator: str, left: Expression, right: Expression, as_bool: bool = False) -> Binary:
    kinds = {kind_of(left), kind_of(right)}
    if "w" in kinds:
        raise Refused(f"malformed query: {operator} on a range vector")
    if operator in SETS and "s" in kinds:
        raise Refused(f"malformed query: {operator} on a number")
    if operator in COMPARISONS and kinds == {"s"} and not as_bool:
        raise Refused("malformed query: a comparison between numbers needs bool")
    return Binary(operator, left, right, as_bool)
