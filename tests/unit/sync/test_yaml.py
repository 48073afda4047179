"""The two dialects of YAML, and what neither takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sync.printing import printed
from volary.sync.yaml import KUSTOMIZE, PLAIN, BadYaml, load_all

SAME = [
    ("true", True), ("False", False), ("~", None), ("", None), ("NULL", None), ("0777", 511), ("-0777", -511),
    ("0o17", 15), ("08", 8), ("0o8", "0o8"), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("685_230.15", 685230.15),
    ("1e3", 1000), ("1.", 1), ("+.5", 0.5), ("1e400", "1e400"), ("12:30:45", "12:30:45"), ("1.2.3", "1.2.3"),
    ("18446744073709551615", 18446744073709551615), ("18446744073709551616", 18446744073709551616.0),
    ('"1"', "1"), ("'yes'", "yes"), ("!!str 5", "5"), ("!!int \"5\"", 5), ("!custom x", "x"), ("!!binary aGk=", "hi"),
]  # fmt: skip
DIFFERENT = [
    ("yes", True, "yes"),
    ("Off", False, "Off"),
    ("y", True, "y"),
    ("2024-01-01", "2024-01-01", "2024-01-01T00:00:00Z"),
    ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
]


@pytest.mark.parametrize(("text", "value"), SAME)
def test_what_both_read_the_same(text: str, value: Any) -> None:
    for dialect in (PLAIN, KUSTOMIZE):
        found = load_all(f"a: {text}", "x", dialect)[0]["a"]
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("text", "plain", "kustomize"), DIFFERENT)
def test_what_they_read_differently(text: str, plain: Any, kustomize: Any) -> None:
    assert load_all(f"a: {text}", "x", PLAIN) == [{"a": plain}]
    assert load_all(f"a: {text}", "x", KUSTOMIZE) == [{"a": kustomize}]


def test_keys_are_texts_and_merges_are_merged() -> None:
    assert load_all("on: 1\n1: a\n1.5: b\n", "x", PLAIN) == [{"true": 1, "1": "a", "1.5": "b"}]
    text = "base: &b {a: 1, c: {d: 2}}\nuse: {<<: *b, a: 3}\n"
    assert load_all(text, "x")[0]["use"] == {"a": 3, "c": {"d": 2}}


def test_an_alias_is_a_copy() -> None:
    document = load_all("a: &x {b: [1]}\nc: *x\n", "x")[0]
    document["a"]["b"].append(2)
    assert document["c"] == {"b": [1]}


def test_documents_and_empty_ones() -> None:
    assert load_all("---\n---\na: 1\n---\n# nothing\n", "x") == [None, {"a": 1}, None]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "file.yaml line 2: "),
        ("a: 1\na: 2\n", 'file.yaml line 2: mapping key "a" is already defined'),
        ("a: b: c", "file.yaml line 1: "),
        ("a:\n\tb: 1\n", "file.yaml line 2: "),
        ("a: .inf", "file.yaml line 1: .inf cannot be written as JSON"),
        ("null: 1", "null is not allowed as a key"),
        ("{a: 1}: 2", "a key must be a plain value"),
        ("a: *b", "file.yaml line 1: "),
        ("a: &a [*a]", "unknown anchor"),
        ("<<: 1", "map merge requires"),
        ("%YAML 1.2\n---\na: 1\n", "%YAML directive"),
        ("a: !!bool 7", "cannot decode '7' as !!bool"),
        ("a: !!binary '*'", "invalid base64"),
        (BOMB, "excessive aliasing"),
        ("[" * 300 + "]" * 300, "nested deeper than 200 levels"),
        (b"a: \xff", "not UTF-8"),
    ],
)
def test_what_is_refused(text: str | bytes, words: str) -> None:
    with pytest.raises(BadYaml) as caught:
        load_all(text, "file.yaml")
    assert words in str(caught.value)


def test_plain_takes_the_last_of_equal_keys() -> None:
    assert load_all("a: 1\na: 2\n", "x", PLAIN) == [{"a": 2}]


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_printed_reads_back_in_both_dialects(document: dict[str, Any]) -> None:
    for dialect in (PLAIN, KUSTOMIZE):
        assert load_all(printed([document]), "x", dialect) == [document]
