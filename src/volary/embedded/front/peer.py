"""Who is at the other end of a connection: the address, and what a verified certificate says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from volary.embedded.api.auth.identity import ClientCertificate


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end. A port may serve clusters with an authority each: a certificate counts where it was signed."""

    address: str
    certificate: ClientCertificate | None = None  # verified by the TLS library
    issuer: str = ""


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return who is at the other end of a connection that is made."""
    name = transport.get_extra_info("peername")
    address = str(name[0]) if isinstance(name, tuple) and name else "127.0.0.1"
    secured = transport.get_extra_info("ssl_object")
    raw = secured.getpeercert(binary_form=True) if secured is not None else None
    if not raw:
        return Peer(address)
    told = secured.getpeercert()
    return Peer(address, certificate_of(told, raw), "".join(named(told, "issuer", "commonName")))


def certificate_of(told: Mapping[str, Any], raw: bytes) -> ClientCertificate:
    """Return a certificate in our words. `told` is as `ssl` has it: subject, a row of rows of (name, value)."""
    names = named(told, "subject", "commonName")
    organizations = tuple(named(told, "subject", "organizationName"))
    return ClientCertificate(names[-1] if names else "", organizations, hashlib.sha256(raw).hexdigest())


def named(told: Mapping[str, Any], whose: str, name: str) -> list[str]:
    return [value for row in told.get(whose, ()) for key, value in row if key == name]
