"""The key that signs the tokens of one cluster's ServiceAccounts (ES256).

It is made at the first use: making one takes longer than all else at the start of a cluster, and most never need it.
Without a file it lives in memory only, and tokens die with the process.

Source: RFC 7518, 3.4.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

HALF = 32  # bytes of each of the two numbers that a signature is


class SigningKey:
    """Implements `api.tokens.Signer`."""

    algorithm = "ES256"

    def __init__(self, saved: Path | None = None) -> None:
        """`saved`: where the key is kept for the next start, for its owner only."""
        self._saved = saved
        self._made: EllipticCurvePrivateKey | None = None
        self._key_id = ""

    @property
    def key_id(self) -> str:
        """Return the hash of the public key, by which readers tell keys apart."""
        self._key()
        return self._key_id

    def sign(self, message: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        one, other = decode_dss_signature(self._key().sign(message, ECDSA(SHA256())))
        return one.to_bytes(HALF, "big") + other.to_bytes(HALF, "big")

    def verify(self, message: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        if len(signature) != 2 * HALF:
            return False
        numbers = (int.from_bytes(signature[:HALF], "big"), int.from_bytes(signature[HALF:], "big"))
        try:
            self._key().public_key().verify(encode_dss_signature(*numbers), message, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def _key(self) -> EllipticCurvePrivateKey:
        if self._made is None:
            from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

            self._made = self._kept() or self._fresh()
            public = self._made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self._key_id = hashlib.sha256(public).hexdigest()[:32]
        return self._made

    def _kept(self) -> EllipticCurvePrivateKey | None:
        """Return the key of an earlier start. Raises: ValueError for a file with something else in it."""
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        if self._saved is None or not self._saved.exists():
            return None
        found = load_pem_private_key(self._saved.read_bytes(), None)
        if not isinstance(found, EllipticCurvePrivateKey):
            raise ValueError(f"{self._saved}: no key of an elliptic curve; remove the file to have a new one made")
        return found

    def _fresh(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = generate_private_key(SECP256R1())
        if self._saved is not None:
            descriptor = os.open(self._saved, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return key
