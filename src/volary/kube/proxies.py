"""Which proxy leads to a URL, by the environment's HTTPS_PROXY, HTTP_PROXY and NO_PROXY; this computer has none. Pure.

The upper-case name counts before the lower-case one. NO_PROXY lists, with commas: `*`, addresses, networks
(10.0.0.0/8), names (which stand for all names below them, too; with a dot before it, for these alone), each with a
port where only that is meant.
Source: Go `golang.org/x/net/http/httpproxy`, which client-go asks.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the URL of the proxy, "" if there is none to use. Raises: ValueError, without a word of the value."""
    environ = os.environ if environ is None else environ
    try:
        parts = split(url)
    except ValueError:
        return ""  # whoever opens it will say what is wrong
    name = f"{parts.scheme.upper()}_PROXY"
    proxy = environ.get(name) or environ.get(name.lower()) or ""
    host = (parts.hostname or "").rstrip(".")
    if not proxy or not host or is_loopback(host):
        return ""
    listed = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    port = parts.port or PORTS.get(parts.scheme, 0)
    if any(is_meant(entry, host, port) for entry in listed.lower().split(",")):
        return ""
    return checked(proxy if "://" in proxy else f"http://{proxy}", name)


def checked(proxy: str, name: str) -> str:
    """Return the URL of a proxy that we can speak to. Raises: ValueError."""
    try:
        parts = split(proxy)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{name} must be http://HOST:PORT or https://HOST:PORT; for a SOCKS proxy run one before it")
    return proxy


def is_meant(entry: str, host: str, port: int) -> bool:
    """Does an entry of NO_PROXY name this host and port?"""
    entry = entry.strip()
    if entry == "*":
        return True
    named, _, only = entry.rpartition(":")
    if named and only.isdecimal() and (":" not in named or named.endswith("]")):
        if int(only[:6]) != port:
            return False
        entry = named
    entry = entry.strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        entry = entry.removeprefix("*")
        return bool(entry.strip(".")) and (host == entry or host.endswith(f".{entry.lstrip('.')}"))
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def split(url: str) -> SplitResult:
    """Return a URL's parts. Raises: ValueError, also for a port that is none, or a character that no URL holds."""
    parts = urlsplit(url)
    if parts.port == 0 or not url.isprintable() or " " in url:
        raise ValueError("this is no URL")
    return parts


def is_loopback(host: str) -> bool:
    """Is this name or address this computer itself?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
