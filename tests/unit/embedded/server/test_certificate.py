"""The certificate is one that strict clients take, and is for this machine only."""

from __future__ import annotations

import base64
import ssl

from volary.embedded import certificate
from volary.embedded.certificate import BASE, ORDER, PRIME, multiply, self_signed


def test_a_point_times_the_order_less_one_is_its_mirror() -> None:
    x, y = multiply(ORDER - 1, BASE)
    assert (x, y) == (BASE[0], PRIME - BASE[1])


def test_points_stay_on_the_curve() -> None:
    b = (BASE[1] ** 2 - BASE[0] ** 3 + 3 * BASE[0]) % PRIME
    for times in (2, 3, 5, 2**200 + 7):
        x, y = multiply(times, BASE)
        assert (y * y - x**3 + 3 * x - b) % PRIME == 0


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


def test_lengths_and_numbers_are_encoded_as_der_has_them() -> None:
    assert certificate.tagged(0x04, b"x" * 127)[:2] == b"\x04\x7f"
    assert certificate.tagged(0x04, b"x" * 300)[:4] == b"\x04\x82\x01\x2c"
    assert certificate.integer(127) == b"\x02\x01\x7f"
    assert certificate.integer(128) == b"\x02\x02\x00\x80"
    assert certificate.object_id("1.2.840.10045.4.3.2") == bytes.fromhex("06082a8648ce3d040302")


def test_pem_is_base64_between_its_lines() -> None:
    first, *middle, last = self_signed("127.0.0.1").certificate.decode().splitlines()
    assert (first, last) == ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    assert base64.b64decode("".join(middle))[0] == 0x30
