"""A kept cluster lets its clients in as before: the same token, port and authority."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from volary.embedded.access import Access, kept_authority, read_access, write_access
from volary.embedded.certificate import Authority


def test_a_way_in_is_the_same_at_the_next_start_and_only_for_its_owner(tmp_path: Path) -> None:
    fresh = read_access(tmp_path)
    assert len(fresh.token) > 40
    assert fresh.port == 0
    write_access(tmp_path, Access(fresh.token, 4321))
    assert read_access(tmp_path) == Access(fresh.token, 4321)
    authority = kept_authority(tmp_path)
    again = kept_authority(tmp_path)
    assert (again.certificate, again.name, again.pem()) == (authority.certificate, authority.name, authority.pem())
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_what_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "access.json").write_text("{")
    assert len(read_access(tmp_path).token) > 40
    (tmp_path / "authority.pem").write_text("none")
    with pytest.raises(ValueError, match=r"authority\.pem holds no certificate and key; remove it"):
        kept_authority(tmp_path)


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Access("secret", 1))


def test_a_certificate_of_a_kept_authority_is_trusted_by_who_knew_it_before() -> None:
    before = Authority()
    after = Authority(before.pem())
    trust = ssl.create_default_context(cadata=before.certificate.decode())
    server = after.server("127.0.0.1").context(after.certificate)
    ends = [(ssl.MemoryBIO(), ssl.MemoryBIO())]
    into, out = ends[0]
    client_side = trust.wrap_bio(into, out, server_hostname="localhost")
    server_side = server.wrap_bio(out, into, server_side=True)
    for _ in range(4):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client_side.version() is not None
