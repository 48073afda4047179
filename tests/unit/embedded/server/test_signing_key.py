"""The key of a cluster's tokens: made late, kept for its owner only, and no other one will do."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from volary.embedded.certificate import Authority
from volary.embedded.signing_key import SigningKey


def test_what_is_signed_is_verified_and_nothing_else() -> None:
    key, other = SigningKey(), SigningKey()
    signature = key.sign(b"message")
    assert len(signature) == 64
    assert key.verify(b"message", signature)
    assert not key.verify(b"massage", signature)
    assert not other.verify(b"message", signature)
    assert other.key_id != key.key_id


@pytest.mark.parametrize("signature", [b"", b"x", bytes(64), b"\xff" * 64, bytes(63), bytes(65)])
def test_no_signature_is_too_strange(signature: bytes) -> None:
    assert not SigningKey().verify(b"message", signature)


def test_a_kept_key_is_the_same_at_the_next_start_and_its_owner_s_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    first = SigningKey(path)
    assert not path.exists()
    signature = first.sign(b"message")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey(path).verify(b"message", signature)
    assert SigningKey(path).key_id == first.key_id


@pytest.mark.parametrize("content", [b"", b"nothing", Authority().certificate])
def test_a_file_with_something_else_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        SigningKey(path).sign(b"message")
    assert path.read_bytes() == content
