"""The certificate is one that strict clients take, and is for this machine only."""

from __future__ import annotations

import base64
import ssl

from volary.embedded.certificate import self_signed


def test_a_client_reads_it_and_a_server_can_use_it() -> None:
    made = self_signed("127.0.0.1")
    made.context()
    trust = ssl.create_default_context(cadata=made.certificate.decode())
    (known,) = trust.get_ca_certs()
    assert known["subjectAltName"] == (("IP Address", "127.0.0.1"), ("DNS", "localhost"))


def test_two_servers_have_nothing_in_common() -> None:
    one, other = self_signed("127.0.0.1"), self_signed("127.0.0.1")
    assert one.key != other.key
    assert one.certificate != other.certificate


def test_pem_is_base64_between_its_lines() -> None:
    first, *middle, last = self_signed("127.0.0.1").certificate.decode().splitlines()
    assert (first, last) == ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    assert base64.b64decode("".join(middle))[0] == 0x30
