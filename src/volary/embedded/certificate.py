"""A certificate for a server on loopback, made on the spot: kubectl sends its token over TLS only.

An ECDSA key on P-256 and a certificate signed with it, which a kubeconfig then names as the authority. Made anew for
each server, kept in memory and in no file beyond the start. Python has no call for this; the arithmetic is short, and
runs once, on a machine that it does not leave, so that its timing tells nobody anything.

Source: RFC 5280 (certificate), RFC 5915 (private key), FIPS 186-4 (ECDSA), SEC 2 (the curve's numbers).
"""

from __future__ import annotations

import base64
import ipaddress
import secrets
import ssl
import tempfile
from dataclasses import dataclass
from hashlib import sha1, sha256

PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
CURVE = "1.2.840.10045.3.1.7"  # prime256v1
EC_KEY, ECDSA_SHA256 = "1.2.840.10045.2.1", "1.2.840.10045.4.3.2"
COMMON_NAME, KEY_ID, KEY_USAGE, ALT_NAME, CONSTRAINTS, AUTHORITY, PURPOSE = (
    "2.5.4.3", "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "2.5.29.37"
)  # fmt: skip
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
# Nobody's clock matters here: a server on loopback lives for a day, and its clock may be simulated.
NOT_BEFORE, NOT_AFTER = b"200101000000Z", b"491231235959Z"

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Certificate and private key, both PEM."""

    certificate: bytes
    key: bytes

    def context(self) -> ssl.SSLContext:
        """Return what a server needs to speak TLS with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(prefix="volary-", suffix=".pem") as file:  # only its owner may read it
            file.write(self.certificate + self.key)
            file.flush()
            context.load_cert_chain(file.name)
        return context


def self_signed(host: str) -> Certificate:
    """Return a new certificate for an IP address and `localhost`."""
    secret = 1 + secrets.randbelow(ORDER - 1)
    public = encode_point(multiply(secret, BASE))
    body = to_be_signed(host, public)
    signature = sign(sha256(body).digest(), secret)
    whole = sequence(body, sequence(object_id(ECDSA_SHA256)), bit_string(signature))
    key = sequence(
        integer(1),
        tagged(0x04, secret.to_bytes(32, "big")),
        tagged(0xA0, object_id(CURVE)),
        tagged(0xA1, bit_string(public)),
    )
    return Certificate(pem("CERTIFICATE", whole), pem("EC PRIVATE KEY", key))


def to_be_signed(host: str, public: bytes) -> bytes:
    name = sequence(tagged(0x31, sequence(object_id(COMMON_NAME), tagged(0x0C, b"volary embedded"))))
    key = sequence(sequence(object_id(EC_KEY), object_id(CURVE)), bit_string(public))
    validity = sequence(tagged(0x17, NOT_BEFORE), tagged(0x17, NOT_AFTER))
    algorithm = sequence(object_id(ECDSA_SHA256))
    serial = integer(1 + secrets.randbelow(2**63))
    return sequence(
        tagged(0xA0, integer(2)), serial, algorithm, name, validity, name, key, tagged(0xA3, extensions(host, public))
    )


def extensions(host: str, public: bytes) -> bytes:
    key_id = sha1(public, usedforsecurity=False).digest()
    names = tagged(0x87, ipaddress.ip_address(host).packed) + tagged(0x82, b"localhost")
    true = tagged(0x01, b"\xff")
    found = (
        (CONSTRAINTS, true, sequence(true)),
        (KEY_USAGE, true, tagged(0x03, b"\x02\x84")),  # digital signature, and signs certificates: its own
        (PURPOSE, b"", sequence(object_id(SERVER_AUTH))),
        (ALT_NAME, b"", sequence(names)),
        (KEY_ID, b"", tagged(0x04, key_id)),
        (AUTHORITY, b"", sequence(tagged(0x80, key_id))),
    )
    return sequence(*(sequence(object_id(name), critical, tagged(0x04, it)) for name, critical, it in found))


def sign(digest: bytes, secret: int) -> bytes:
    """Return an ECDSA signature, encoded."""
    while True:
        nonce = 1 + secrets.randbelow(ORDER - 1)
        first = multiply(nonce, BASE)[0] % ORDER
        second = pow(nonce, -1, ORDER) * (int.from_bytes(digest, "big") + first * secret) % ORDER
        if first and second:
            return sequence(integer(first), integer(second))


def multiply(times: int, point: Point) -> Point:
    """Return a multiple of a point of the curve; `times` is neither 0 nor a multiple of its order."""
    found: Point | None = None
    while times:
        if times & 1:
            found = point if found is None else add(found, point)
        point = add(point, point)
        times >>= 1
    assert found, "times is not 0"
    return found


def add(one: Point, other: Point) -> Point:
    """Return the sum of two points, which is never the point at infinity here."""
    if one == other:
        slope = 3 * (one[0] * one[0] - 1) * pow(2 * one[1], -1, PRIME)  # the curve's a is -3
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, PRIME)
    x = (slope * slope - one[0] - other[0]) % PRIME
    return x, (slope * (one[0] - x) - one[1]) % PRIME


def encode_point(point: Point) -> bytes:
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def tagged(tag: int, content: bytes) -> bytes:
    """Return one element of DER."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    return tagged(0x30, b"".join(parts))


def integer(number: int) -> bytes:
    return tagged(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def bit_string(content: bytes) -> bytes:
    return tagged(0x03, b"\x00" + content)


def object_id(text: str) -> bytes:
    first, second, *rest = (int(part) for part in text.split("."))
    found = bytearray((40 * first + second,))
    for number in rest:
        groups = [number & 127]
        while number := number >> 7:
            groups.append(number & 127 | 128)
        found += bytes(reversed(groups))
    return tagged(0x06, bytes(found))


def pem(label: str, content: bytes) -> bytes:
    lines = base64.encodebytes(content).decode()
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n".encode()
