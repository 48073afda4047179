"""The certificates are such as strict clients take, and each authority knows its own only."""

from __future__ import annotations

import base64
import ssl

from cryptography import x509
from cryptography.x509.oid import NameOID

from volary.embedded.certificate import Authority


def test_a_client_reads_it_and_a_server_can_use_it() -> None:
    authority = Authority()
    authority.server("127.0.0.1").context(authority.certificate)
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    (known,) = trust.get_ca_certs()
    assert known["subject"] == ((("commonName", authority.name),),)


def test_the_server_s_is_for_its_address_and_localhost() -> None:
    made = x509.load_pem_x509_certificate(Authority().server("127.0.0.2").certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(it) for it in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.2"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]


def test_a_client_s_names_the_user_and_their_groups_and_is_signed() -> None:
    authority = Authority()
    made = x509.load_pem_x509_certificate(authority.client("jane", ("devs", "ops")).certificate)
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    assert [it.value for it in made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["jane"]
    assert [it.value for it in made.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["devs", "ops"]


def test_two_authorities_have_nothing_in_common() -> None:
    one, other = Authority(), Authority()
    assert one.name != other.name
    assert one.server("127.0.0.1").key != other.server("127.0.0.1").key


def test_pem_is_base64_between_its_lines() -> None:
    first, *middle, last = Authority().certificate.decode().splitlines()
    assert (first, last) == ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    assert base64.b64decode("".join(middle))[0] == 0x30
