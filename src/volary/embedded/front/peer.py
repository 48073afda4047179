"""Who is at the other end of a connection: the address, and what a verified certificate says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

from volary.embedded.api.identity import ClientCertificate


def host_of(transport: asyncio.BaseTransport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else "127.0.0.1"


def client_certificate(transport: asyncio.BaseTransport) -> ClientCertificate | None:
    """Return what the client's certificate says, None without one; the TLS library has verified it by now."""
    secured = transport.get_extra_info("ssl_object")
    raw = secured.getpeercert(binary_form=True) if secured is not None else None
    if not raw:
        return None
    return certificate_of(secured.getpeercert(), raw)


def certificate_of(told: Mapping[str, Any], raw: bytes) -> ClientCertificate:
    """Return a certificate in our words. `told` is as `ssl` has it: subject, a row of rows of (name, value)."""
    pairs = [pair for row in told.get("subject", ()) for pair in row]
    names = [value for name, value in pairs if name == "commonName"]
    organizations = tuple(value for name, value in pairs if name == "organizationName")
    return ClientCertificate(names[-1] if names else "", organizations, hashlib.sha256(raw).hexdigest())
