from __future__ import annotations

import pytest

from volary.embedded.mesh.durations import envoy_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15s", "15s"),
        ("0.3s", "0.3s"),
        ("250ms", "0.25s"),
        ("1h30m", "5400s"),
        ("100000h", "360000000s"),
        ("0s", "0s"),
        (".5s", "0.5s"),
        ("1us", "0.000001s"),
        ("", None),
        ("15", None),
        ("-1s", None),
        ("1s ", None),
        (15, None),
        (None, None),
    ],
)
def test_envoy_reads_durations_in_seconds(text: object, expected: str | None) -> None:
    assert envoy_duration(text) == expected
