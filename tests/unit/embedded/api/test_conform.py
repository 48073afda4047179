"""What Go's decoder would say of a body: times, numbers, and which of several mistakes is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from volary.embedded.api.catalog import builtin_types
from volary.embedded.api.validation.conform import WrongType, conform, wrap_numbers
from volary.embedded.api.validation.times import BadTime, parse_time, written

EVENT = builtin_types()["", "v1", "events"].node
SECRET = builtin_types()["", "v1", "secrets"].node
SERVICE = builtin_types()["", "v1", "services"].node


@pytest.mark.parametrize(
    ("text", "micro", "told"),
    [
        ("x", False, 'as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'),
        ("2026-01-01", False, 'cannot parse "" as "T"'),
        ("2026-01-01T00:00:00", False, 'cannot parse "" as "Z07:00"'),
        ("2026-13-01T00:00:00Z", False, "month out of range"),
        ("2026-02-30T00:00:00Z", False, "day out of range"),
        ("2026-01-01T00:00:00Zx", False, 'extra text: "x"'),
        ("2026-01-01T00:00:00Z", True, 'cannot parse "Z" as ".000000"'),
        ("2026-01-01T00:00:00.123456789Z", True, 'cannot parse "789Z" as "Z07:00"'),
        ("é", False, r'cannot parse "\xc3\xa9" as "2006"'),
    ],
)
def test_a_bad_time_is_told_as_go_tells_it(text: str, micro: bool, told: str) -> None:
    with pytest.raises(BadTime) as refused:
        parse_time(text, micro)
    assert str(refused.value).endswith(told)


def test_times_are_written_in_utc() -> None:
    found = parse_time("2026-01-01T01:00:00.123456+02:00", micro=True)
    assert found == datetime(2025, 12, 31, 23, 0, 0, 123456, UTC)
    assert written(found, micro=True) == "2025-12-31T23:00:00.123456Z"
    assert written(found, micro=False) == "2025-12-31T23:00:00Z"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"count": "x", "message": 5}, "cannot unmarshal string into Go struct field Event.count of type int32"),
        ({"count": "x", "firstTimestamp": "yesterday"}, 'cannot parse "yesterday" as "2006"'),
        ({"count": "x", "firstTimestamp": 7}, "cannot unmarshal number into Go struct field Event.firstTimestamp"),
    ],
)
def test_a_type_that_decodes_itself_ends_the_reading_and_others_wait(body: dict[str, Any], told: str) -> None:
    with pytest.raises(WrongType, match=told.replace(".", r"\.")):
        conform(body, EVENT)


def test_bytes_may_be_a_list_of_numbers() -> None:
    secret: dict[str, Any] = {"data": {"a": [1, 2], "b": []}}
    conform(secret, SECRET)
    assert secret["data"] == {"a": "AQI=", "b": ""}
    with pytest.raises(WrongType, match=r"cannot unmarshal number 300 into Go struct field Secret.data of type uint8"):
        conform({"data": {"a": [300]}}, SECRET)


def test_a_port_that_is_no_port_number_is_refused() -> None:
    with pytest.raises(WrongType, match=r"number 2147483648 into Go struct field ServicePort.spec.ports.targetPort"):
        conform({"spec": {"ports": [{"targetPort": 2**31}]}}, SERVICE)


def test_numbers_of_a_strategic_patch_wrap() -> None:
    body = {"spec": {"ports": [{"port": 2**31}, {"port": 2**63}, {"port": 80}]}}
    wrap_numbers(body, SERVICE)
    assert [it["port"] for it in body["spec"]["ports"]] == [-(2**31), 2**63, 80]
