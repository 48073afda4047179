"""Named formats in rules: `format.dns1123Label().validate(text)` gives what is wrong with a text.

Source: Kubernetes, apiserver/pkg/cel/library/format.go; the texts are apimachinery's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from volary.embedded.api.cel.functions import Failed, plain
from volary.embedded.api.cel.library_network import problem_of_url
from volary.embedded.api.custom.formats import is_base64, is_date, is_time
from volary.embedded.api.validation.names import (
    LABEL,
    LABEL_TEXT,
    SERVICE_LABEL,
    SERVICE_TEXT,
    SUBDOMAIN,
    SUBDOMAIN_TEXT,
    VALUE,
    VALUE_TEXT,
    key_error,
)

UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\Z", re.IGNORECASE)


def name(form: re.Pattern[str], text: str, longest: int, prefix: bool = False) -> Callable[[str], list[str]]:
    """Return the check of a kind of name; a prefix may end in what only stands inside of a name."""

    def check(value: str) -> list[str]:
        asked = value[:-1] + "a" if prefix and len(value) > 1 and value.endswith("-") else value
        found = [f"must be no more than {longest} bytes"] if len(asked) > longest else []
        return found if form.match(asked) else [*found, text]

    return check


def only(fits: Callable[[str], bool], text: str) -> Callable[[str], list[str]]:
    return lambda value: [] if fits(value) else [text]


def listed(why: str) -> list[str]:
    return [why] if why else []


def label_value(value: str) -> list[str]:
    found = ["must be no more than 63 bytes"] if len(value) > 63 else []
    return found if VALUE.match(value) else [*found, VALUE_TEXT]


CHECKS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": name(LABEL, LABEL_TEXT, 63),
    "dns1123LabelPrefix": name(LABEL, LABEL_TEXT, 63, prefix=True),
    "dns1123Subdomain": name(SUBDOMAIN, SUBDOMAIN_TEXT, 253),
    "dns1123SubdomainPrefix": name(SUBDOMAIN, SUBDOMAIN_TEXT, 253, prefix=True),
    "dns1035Label": name(SERVICE_LABEL, SERVICE_TEXT, 63),
    "dns1035LabelPrefix": name(SERVICE_LABEL, SERVICE_TEXT, 63, prefix=True),
    "qualifiedName": lambda value: listed(key_error(value)),
    "labelValue": label_value,
    "uri": lambda value: listed(problem_of_url(value)),
    "uuid": only(lambda value: bool(UUID.match(value)), "does not match the UUID format"),
    "byte": only(is_base64, "invalid base64"),
    "date": only(is_date, "invalid date"),
    "datetime": only(is_time, "invalid datetime"),
}


def problems(form: str, value: str) -> list[str]:
    """Return what is wrong with a text under a named format."""
    if form not in CHECKS:
        raise Failed(f"unknown format: {form}")
    return CHECKS[form](value)


FORMATS = (plain("format.check", ("string", "string"), "list", problems),)
