"""URLs, IP addresses and networks in rules.

Source: Kubernetes, apiserver/pkg/cel/library (urls, ip, cidr); Go, net/netip and net/url.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from volary.embedded.api.cel.functions import Failed, Function, made, plain, text_of

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=/)")
CONTROL = re.compile(r"[\x00-\x1f\x7f ]")


def problem_of_url(text: str) -> str:
    """Return why a text is no absolute URL, "" where it is one."""
    if not text:
        return 'parse "": empty url'
    if CONTROL.search(text.partition("?")[0].split("/")[2] if text.count("/") > 1 else ""):
        return f'parse "{text}": invalid character " " in host name'
    if not (text.startswith("/") or SCHEME.match(text)):
        return f'parse "{text}": invalid URI for request'
    try:
        _ = urlsplit(text).port
    except ValueError:
        return f'parse "{text}": invalid port after host'
    return ""


def url(text: str) -> dict[str, str]:
    if why := problem_of_url(text):
        raise Failed(f"URL parse error during conversion from string: {why}")
    return made("url", text)


def host(value: Any) -> str:
    return urlsplit(text_of("url", value)).netloc.rpartition("@")[2]


def hostname(value: Any) -> str:
    found = host(value)
    if found.startswith("["):
        return found[1:].partition("]")[0]
    return found.partition(":")[0]


def port(value: Any) -> str:
    return host(value).rpartition("]")[2].partition(":")[2]


def escaped_path(value: Any) -> str:
    path = urlsplit(text_of("url", value)).path
    return path if "%" in path else quote(unquote(path), safe="/:@!$&'()*+,;=~-._")


def query(value: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(text_of("url", value)).query, keep_blank_values=True)


def address(text: str) -> Address:
    """Return an address without a zone, and none that wraps another. Raises: Failed."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        why = f'IP Address "{text}" parse error during conversion from string: ParseAddr("{text}"): unable to parse IP'
        raise Failed(why) from None
    if "%" in text:
        raise Failed(f'IP address "{text}" with zone value is not allowed')
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        raise Failed(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return found


def network(text: str) -> Network:
    """Raises: Failed."""
    start = "network address parse error during conversion from string: "
    name, slash, bits = text.partition("/")
    if not slash:
        raise Failed(f"{start}{start}netip.ParsePrefix(\"{text}\"): no '/'")
    try:
        if not bits.isdigit() or (len(bits) > 1 and bits[0] == "0"):
            raise ValueError(bits)
        found = ipaddress.ip_interface(f"{address(name)}/{bits}")
    except (ValueError, Failed):
        raise Failed(f'{start}{start}netip.ParsePrefix("{text}"): unable to parse') from None
    return found


def passes(check: Callable[[str], object]) -> Callable[[str], bool]:
    def ask(text: str) -> bool:
        try:
            check(text)
        except Failed:
            return False
        return True

    return ask


def ip(text: str) -> dict[str, str]:
    return made("ip", str(address(text)))


def cidr(text: str) -> dict[str, str]:
    return made("cidr", str(network(text)))


def family(value: Any) -> int:
    return address(text_of("ip", value)).version


def about(test: Callable[[Address], bool]) -> Callable[[Any], bool]:
    return lambda value: test(address(text_of("ip", value)))


def global_unicast(found: Address) -> bool:
    broadcast = str(found) == "255.255.255.255"
    return not (broadcast or found.is_unspecified or found.is_loopback or found.is_multicast or found.is_link_local)


def local_multicast(found: Address) -> bool:
    return found in ipaddress.ip_network("224.0.0.0/24" if found.version == 4 else "ff02::/16")


def contains_ip(value: Any, other: Any) -> bool:
    inside = address(other if isinstance(other, str) else text_of("ip", other))
    return inside in network(text_of("cidr", value)).network


def contains_network(value: Any, other: Any) -> bool:
    one = network(text_of("cidr", value)).network
    two = network(other if isinstance(other, str) else text_of("cidr", other)).network
    return one.version == two.version and two.subnet_of(one)  # type: ignore[arg-type]


def masked(value: Any) -> dict[str, str]:
    return made("cidr", str(network(text_of("cidr", value)).network))


NETWORK = (
    plain("url", ("string",), "dyn", url),
    plain("isURL", ("string",), "bool", lambda text: not problem_of_url(text)),
    Function("getScheme", ("map",), "string", lambda it: urlsplit(text_of("url", it)).scheme),
    Function("getHost", ("map",), "string", host),
    Function("getHostname", ("map",), "string", hostname),
    Function("getPort", ("map",), "string", port),
    Function("getEscapedPath", ("map",), "string", escaped_path),
    Function("getQuery", ("map",), "map", query),
    plain("ip", ("string",), "dyn", ip),
    plain("isIP", ("string",), "bool", passes(address)),
    plain("ip.isCanonical", ("string",), "bool", lambda text: str(address(text)) == text),
    Function("family", ("map",), "int", family),
    Function("isUnspecified", ("map",), "bool", about(lambda it: it.is_unspecified)),
    Function("isLoopback", ("map",), "bool", about(lambda it: it.is_loopback)),
    Function("isLinkLocalMulticast", ("map",), "bool", about(local_multicast)),
    Function("isLinkLocalUnicast", ("map",), "bool", about(lambda it: it.is_link_local)),
    Function("isGlobalUnicast", ("map",), "bool", about(global_unicast)),
    plain("cidr", ("string",), "dyn", cidr),
    plain("isCIDR", ("string",), "bool", passes(network)),
    Function("containsIP", ("map", "string"), "bool", contains_ip),
    Function("containsIP", ("map", "map"), "bool", contains_ip),
    Function("containsCIDR", ("map", "string"), "bool", contains_network),
    Function("containsCIDR", ("map", "map"), "bool", contains_network),
    Function("ip", ("map",), "dyn", lambda it: made("ip", str(network(text_of("cidr", it)).ip))),
    Function("prefixLength", ("map",), "int", lambda it: network(text_of("cidr", it)).network.prefixlen),
    Function("masked", ("map",), "dyn", masked),
)
