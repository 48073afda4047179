"""A cluster's certificate authority and what it signs: the server's certificate, and those of clients.

All of it is made on the spot and kept in memory, but for the moment in which the ssl module reads it. A kubeconfig
names the authority, so nobody has to trust anything beyond one server.
"""

from __future__ import annotations

import ipaddress
import secrets
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

NAME = "volary embedded"
# Nobody's clock matters here: a server on loopback lives for a day, and its clock may be simulated.
NOT_BEFORE, NOT_AFTER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Certificate and private key, both PEM."""

    certificate: bytes
    key: bytes

    def context(self, clients: bytes = b"") -> ssl.SSLContext:
        """Return what a server needs to speak TLS with this certificate.

        `clients`: the authority of clients' certificates; who shows one that it did not sign cannot connect.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.NamedTemporaryFile(prefix="volary-", suffix=".pem") as file:  # only its owner may read it
            file.write(self.certificate + self.key)
            file.flush()
            context.load_cert_chain(file.name)
        if clients:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=clients.decode())
        return context


class Authority:
    """Signs certificates. Its name is like no other's, so that a certificate's issuer says which one signed it."""

    def __init__(self, kept: bytes = b"") -> None:
        """`kept`: what `pem` returned, to be that very authority again. Raises: ValueError if it is something else."""
        if kept:
            self._take_up(kept)
        else:
            self._begin()

    def pem(self) -> bytes:
        """Return certificate and private key; who has them can sign in its name."""
        secret = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self.certificate + secret

    def _take_up(self, kept: bytes) -> None:
        key = serialization.load_pem_private_key(kept, None)
        made = x509.load_pem_x509_certificate(kept)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the key of the authority is of another kind")
        self._key, self._subject = key, made.subject
        self.name = str(made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        self.certificate = made.public_bytes(serialization.Encoding.PEM)

    def _begin(self) -> None:
        self.name = f"{NAME} {secrets.token_hex(8)}"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        public = self._key.public_key()
        builder = (
            x509.CertificateBuilder(self._subject, self._subject, public, random_number(), NOT_BEFORE, NOT_AFTER)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        self.certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def server(self, host: str) -> Certificate:
        """Return a new certificate for a server at an IP address, and at `localhost`."""
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName("localhost")])
        return self._signed([(NameOID.COMMON_NAME, NAME)], ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, name: str, organizations: Sequence[str] = ()) -> Certificate:
        """Return a new certificate for a user, whose groups are the organizations."""
        subject = [(NameOID.ORGANIZATION_NAME, it) for it in organizations] + [(NameOID.COMMON_NAME, name)]
        return self._signed(subject, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _signed(
        self,
        subject: Sequence[tuple[ObjectIdentifier, str]],
        purpose: ObjectIdentifier,
        names: x509.SubjectAlternativeName | None = None,
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            x509.CertificateBuilder(self._subject, name, key.public_key(), random_number(), NOT_BEFORE, NOT_AFTER)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(own, critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        made = builder.sign(self._key, hashes.SHA256())
        return Certificate(made.public_bytes(serialization.Encoding.PEM), secret)


def random_number() -> int:
    return x509.random_serial_number()


def usage(signs: bool) -> x509.KeyUsage:
    """Return what a key is for: to sign certificates, or what its holder says."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
