"""Formats of texts and numbers in the schemas of custom resources: those that the server knows, and their checks.

A format that is not known is not checked, and the definition that names it gives a warning.

Source: apiextensions-apiserver, apiserver/validation/formats.go; kube-openapi, validation/strfmt.
"""

from __future__ import annotations

import ipaddress
import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Mapping
from datetime import date, datetime

from volary.embedded.api.text.go_durations import parse_duration
from volary.embedded.api.validation.names import LABEL, SUBDOMAIN

OF_NUMBERS: Mapping[str, frozenset[str]] = {
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}
HEX = "[0-9a-f]"


def uuid(version: str = "", variant: str = "") -> re.Pattern[str]:
    third = f"{version}{HEX}{{3}}" if version else f"{HEX}{{4}}"
    fourth = f"[{variant}]{HEX}{{3}}" if variant else f"{HEX}{{4}}"
    return re.compile(rf"{HEX}{{8}}-?{HEX}{{4}}-?{third}-?{fourth}-?{HEX}{{12}}\Z", re.IGNORECASE)


EMAIL = re.compile(r"(?:[^<>@]*<)?[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>?\Z")
HOST_LABEL = re.compile(r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\Z")
MAC = re.compile(rf"{HEX}{{2}}(?:[:-]{HEX}{{2}}){{5}}(?:(?:[:-]{HEX}{{2}}){{2}}|(?:[:-]{HEX}{{2}}){{14}})?\Z", re.I)
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)\Z")
COLOR = re.compile(r"#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")
PART = r"(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])"
RGB = re.compile(rf"rgb\(\s*{PART}\s*,\s*{PART}\s*,\s*{PART}\s*\)\Z")
SSN = re.compile(r"\d{3}[- ]?\d{2}[- ]?\d{4}\Z")


def is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except (Error, ValueError):
        return False
    return True


def is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def is_time(text: str) -> bool:
    if not TIME.match(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def is_address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            found = ipaddress.ip_address(text)
        except ValueError:
            return False
        wrapped = isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None
        return found.version == version or (wrapped and version == 4)

    return check


def is_network(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text and text.rpartition("/")[2].isdigit()


def is_host(text: str) -> bool:
    parts = text.split(".")
    return bool(text) and len(text) <= 255 and all(HOST_LABEL.match(it) for it in parts)


def is_uri(text: str) -> bool:
    return bool(text) and " " not in text and (text.startswith("/") or bool(re.match(r"[A-Za-z][\w+.-]*:/", text)))


def is_duration(text: str) -> bool:
    return parse_duration(text) is not None


def is_isbn(*lengths: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        plain = re.sub(r"[\s-]", "", text)
        if len(plain) not in lengths or not re.match(r"\d+X?\Z", plain):
            return False
        if len(plain) == 10:
            return sum((at + 1) * (10 if it == "X" else int(it)) for at, it in enumerate(plain)) % 11 == 0
        return plain.isdigit() and sum((1, 3)[at % 2] * int(it) for at, it in enumerate(plain)) % 10 == 0

    return check


def matching(form: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: bool(form.match(text))


def anything(_: str) -> bool:
    return True


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "bsonobjectid": matching(re.compile(rf"{HEX}{{24}}\Z", re.IGNORECASE)),
    "uri": is_uri,
    "email": matching(EMAIL),
    "hostname": is_host,
    "ipv4": is_address(4),
    "ipv6": is_address(6),
    "cidr": is_network,
    "mac": matching(MAC),
    "uuid": matching(uuid()),
    "uuid3": matching(uuid("3")),
    "uuid4": matching(uuid("4", "89ab")),
    "uuid5": matching(uuid("5", "89ab")),
    "isbn": is_isbn(10, 13),
    "isbn10": is_isbn(10),
    "isbn13": is_isbn(13),
    "creditcard": lambda text: 13 <= len(re.sub(r"\D", "", text)) <= 16,
    "ssn": matching(SSN),
    "hexcolor": matching(COLOR),
    "rgbcolor": matching(RGB),
    "byte": is_base64,
    "password": anything,
    "date": is_date,
    "duration": is_duration,
    "datetime": is_time,
    "k8sshortname": lambda text: len(text) <= 63 and bool(LABEL.match(text)),
    "k8slongname": lambda text: len(text) <= 253 and bool(SUBDOMAIN.match(text)),
}


def known(form: str, kind: str) -> bool:
    """Does the server know the format for this type?"""
    if kind in ("", "string"):
        return form.replace("-", "") in CHECKS
    return form in OF_NUMBERS.get(kind, ())


def fits(form: str, text: str) -> bool:
    """Is the text of this format? Anything is of a format that is not known."""
    return CHECKS.get(form.replace("-", ""), anything)(text)
