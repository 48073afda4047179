from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.metrics.exposition import number_text, read_text, write_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.0, "0"),
        (-2.5, "-2.5"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (94.38202247191012, "94.38202247191012"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_are_never_written_with_an_exponent(value: float, text: str) -> None:
    assert number_text(value) == text


LINE_ENDS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # by Python's rules, which Envoy's text never contains
VALUES = st.text(st.characters(exclude_characters=LINE_ENDS))


@given(st.dictionaries(st.sampled_from(["a", "b_1", "le"]), VALUES), st.floats(allow_nan=False))
def test_what_is_written_reads_back(labels: dict[str, str], value: float) -> None:
    text = write_text([(tuple(sorted({**labels, "__name__": "x:y"}.items())), value)])
    assert list(read_text(text)) == [("x:y", labels, value)]


def test_comments_and_broken_lines_are_passed_over() -> None:
    text = '# HELP x y\nx{a="b"} 1\nbroken{\n\ny 2 1700000000000\n'
    assert list(read_text(text)) == [("x", {"a": "b"}, 1.0), ("y", {}, 2.0)]
