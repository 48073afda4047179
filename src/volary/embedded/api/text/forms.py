"""What a text must look like: names, labels, ports, paths, addresses. Each function returns what is wrong, in words.

Source: apimachinery, util/validation and api/validate/content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from volary.embedded.api.errors import FieldError, invalid, required

Messages = Sequence[str]
Form = Callable[[str], Messages]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_UNDERSCORED = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_RULES = "must consist of {0}, and must start and end with an alphanumeric character"
LABEL_RULE = "a lowercase RFC 1123 label " + _RULES.format("lower case alphanumeric characters or '-'")
SUBDOMAIN_RULE = "a lowercase RFC 1123 subdomain " + _RULES.format("lower case alphanumeric characters, '-' or '.'")
UNDERSCORED_RULE = SUBDOMAIN_RULE.replace("characters, '-'", "characters, '_', '-'")
WILDCARD_RULE = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
KEY_RULE = _RULES.format("alphanumeric characters, '-', '_' or '.'")
VALUE_RULE = "a valid label must be an empty string or " + KEY_RULE.removeprefix("must ")
CONFIG_RULE = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
PORT_RANGE = "must be between 1 and 65535, inclusive"
PRINTABLE = "a valid environment variable name must consist only of printable ASCII characters other than '='"
IP_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR_TEXT = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def told(rule: str, pattern: str, *examples: str) -> str:
    """Return a rule with its examples and its pattern."""
    if not examples:
        return f"{rule} (regex used for validation is '{pattern}')"
    listed = " or ".join(f"'{it}', " for it in examples)
    return f"{rule} (e.g. {listed}regex used for validation is '{pattern}')"


def longest(value: str, most: int, unit: str = "characters") -> list[str]:
    return [f"must be no more than {most} {unit}"] if len(value.encode()) > most else []


def matched(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def label(value: str) -> Messages:
    """A DNS label, without dots."""
    if matched(_LABEL, value):
        return longest(value, 63)
    dotted = matched(_SUBDOMAIN, value)
    return [*longest(value, 63), "must not contain dots" if dotted else told(LABEL_RULE, _LABEL, "my-name", "123-abc")]


def subdomain(value: str) -> Messages:
    """DNS labels with dots between them."""
    wrong = [] if matched(_SUBDOMAIN, value) else [told(SUBDOMAIN_RULE, _SUBDOMAIN, "example.com")]
    return longest(value, 253) + wrong


def search_domain(value: str) -> Messages:
    pattern = rf"{_UNDERSCORED}(\.{_UNDERSCORED})*"
    return longest(value, 253) + ([] if matched(pattern, value) else [told(UNDERSCORED_RULE, pattern, "example.com")])


def wildcard(value: str) -> Messages:
    pattern = rf"\*\.{_SUBDOMAIN}"
    return longest(value, 253) + ([] if matched(pattern, value) else [told(WILDCARD_RULE, pattern, "*.example.com")])


def key(value: str) -> Messages:
    """The key of a label or annotation: [PREFIX/]NAME."""
    examples = ("MyName", "my.name", "123-abc")
    parts = value.split("/")
    if len(parts) > 2:
        optional = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {told(KEY_RULE, _KEY, *examples)}{optional}"]
    found: list[str] = []
    if len(parts) == 2:
        prefix = ["must be non-empty"] if not parts[0] else in_bytes(subdomain(parts[0]))
        found += [f"prefix part {it}" for it in prefix]
    name = parts[-1]
    found += ["name part must be non-empty"] if not name else [f"name part {it}" for it in longest(name, 63, "bytes")]
    return found if matched(_KEY, name) else [*found, f"name part {told(KEY_RULE, _KEY, *examples)}"]


def in_bytes(messages: Messages) -> Messages:
    """Return messages of lengths as the younger of the server's two libraries words them."""
    return [it.replace("characters", "bytes") if it.startswith("must be no more") else it for it in messages]


def label_value(value: str) -> Messages:
    pattern = f"({_KEY})?"
    wrong = [] if matched(pattern, value) else [told(VALUE_RULE, pattern, "MyValue", "my_value", "12345")]
    return longest(value, 63, "bytes") + wrong


def config_key(value: str) -> Messages:
    pattern = "[-._a-zA-Z0-9]+"
    wrong = [] if matched(pattern, value) else [told(CONFIG_RULE, pattern, "key.name", "KEY_NAME", "key-name")]
    return longest(value, 253) + wrong + parent_folder(value)


def parent_folder(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def port_name(value: str) -> Messages:
    checks = (
        (matched("[-a-z0-9]+", value), "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
        (re.search("[a-z]", value) is not None, "must contain at least one letter (a-z)"),
        ("--" not in value, "must not contain consecutive hyphens"),
        (not value.startswith("-") and not value.endswith("-"), "must not begin or end with a hyphen"),
    )
    return longest(value, 15) + [text for fine, text in checks if not fine]


def port_number(value: int) -> Messages:
    return [] if 0 < value < 65536 else [PORT_RANGE]


def variable(value: str) -> Messages:
    """The name of an environment variable."""
    if not value:
        return ["environment variable name must be non-empty"]
    return [] if all(" " <= it <= "~" and it != "=" for it in value) else [PRINTABLE]


def percent(value: str) -> Messages:
    rule = "a valid percent string must be a numeric string followed by an ending '%'"
    return [] if matched("[0-9]+%", value) else [told(rule, "[0-9]+%", "1%", "93%")]


def header(value: str) -> Messages:
    rule = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [] if matched("[-A-Za-z0-9]+", value) else [told(rule, "[-A-Za-z0-9]+", "X-Header-Name")]


def path_segment(value: str) -> Messages:
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{it}'" for it in ("/", "%") if it in value]


def user_id(value: int) -> Messages:
    return [] if 0 <= value <= 2**31 - 1 else [f"must be between 0 and {2**31 - 1}, inclusive"]


def parsed_address(value: str) -> IPv4Address | IPv6Address | None:
    """Return an address, also one with leading zeros, as Go once took them."""
    try:
        return ip_address(value)
    except ValueError:
        pass
    parts = value.split(".")
    if len(parts) == 4 and all(it.isdigit() and it.isascii() and int(it) < 256 and len(it) < 5 for it in parts):
        return IPv4Address(".".join(str(int(it)) for it in parts))
    return None


def strict_address(value: str) -> Messages:
    """An address as it is to be written today."""
    found = parsed_address(value)
    if found is None or "%" in value:
        return [IP_TEXT]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return ["must not be an IPv4-mapped IPv6 address"]
    if isinstance(found, IPv4Address) and str(found) != value:
        return ["must not have leading 0s"]
    return []


def strict_network(value: str) -> Messages:
    """A CIDR as it is to be written today."""
    address, slash, bits = value.partition("/")
    found = parsed_address(address)
    if found is None or not slash or not (bits.isdigit() and bits.isascii()) or int(bits) > found.max_prefixlen:
        return [CIDR_TEXT]
    if strict_address(address) == ["must not have leading 0s"] or str(int(bits)) != bits:
        return ["must not have leading 0s in IP or prefix length"]
    if strict_address(address):
        return ["must not have an IPv4-mapped IPv6 address"]
    within = ip_network(f"{address}/{bits}", strict=False).network_address == found
    return [] if within else ["must not have bits set beyond the prefix length"]


def wrong(path: str, value: str, form: Form) -> list[FieldError]:
    """Return an error for each thing wrong with a text."""
    return [invalid(path, value, it) for it in form(value)]


def wrong_address(path: str, value: str, before: Iterable[str] = ()) -> list[FieldError]:
    """Return what is wrong with an address; one that was there before may stay."""
    return [] if value in before else wrong(path, value, strict_address)


def wrong_network(path: str, value: str, before: Iterable[str] = ()) -> list[FieldError]:
    return [] if value in before else wrong(path, value, strict_network)


def needed(path: str, value: str, form: Form, detail: str = "") -> list[FieldError]:
    """Return what is wrong with a text that must be there."""
    return wrong(path, value, form) if value else [required(path, detail)]


def named_port(path: str, value: int | str) -> list[FieldError]:
    """Return what is wrong with a port's number or name."""
    if isinstance(value, str):
        return wrong(path, value, port_name)
    return [invalid(path, value, it) for it in port_number(value)]


def endpoint_address(path: str, value: str) -> list[FieldError]:
    """Return why nothing can listen at an address."""
    found = parsed_address(value)
    if found is None:
        return [invalid(path, value, "must be a valid IP address")]
    checks = (
        (found.is_unspecified, f"may not be unspecified ({value})"),
        (found.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (found.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (_link_local_multicast(found), "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    )
    return [invalid(path, value, text) for bad, text in checks if bad]


def _link_local_multicast(found: IPv4Address | IPv6Address) -> bool:
    inside = ip_network("224.0.0.0/24") if isinstance(found, IPv4Address) else ip_network("ff02::/16")
    return found in inside
