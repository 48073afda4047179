"""What a real API server wrote as protobuf comes out as the JSON that it wrote for the same object."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from volary.embedded.api.serving import protobuf

RECORDED = Path(__file__).parents[3] / "differential" / "transcripts" / "protobuf.jsonl"
PAIRS = [msgspec.json.decode(line) for line in RECORDED.read_bytes().splitlines()]


def body_of(pair: Any) -> bytes:
    return base64.b64decode(pair["protobuf"])


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["json"]["kind"])
def test_protobuf_and_json_say_the_same(pair: Any) -> None:
    assert protobuf.decode(body_of(pair)) == pair["json"]


def test_probes_and_volumes_keep_what_go_inlines() -> None:
    pod = next(protobuf.decode(body_of(pair)) for pair in PAIRS if pair["json"]["kind"] == "Pod")
    probes = {key for it in pod["spec"]["containers"] for key in it["livenessProbe"]}
    assert {"httpGet", "tcpSocket", "grpc", "exec"} <= probes
    assert {"emptyDir", "projected", "csi", "ephemeral"} <= {key for it in pod["spec"]["volumes"] for key in it}


@pytest.mark.parametrize("size", [0, 3, 4, 5, 20, 100, 400])
def test_a_body_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(protobuf.Undecodable):
        protobuf.decode(body_of(PAIRS[0])[:size])


def test_a_kind_that_is_not_known_is_named() -> None:
    head = b"\n\x0bexample/v1a" + b"\x12\x05Thing"
    with pytest.raises(protobuf.Undecodable, match="Thing of example/v1a"):
        protobuf.decode(protobuf.MAGIC + b"\n" + bytes([len(head)]) + head)
