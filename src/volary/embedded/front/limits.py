"""How much a client may send, how slowly, and how far it may fall behind.

Source: kube-apiserver 1.36 (3 MiB bodies, 32 s for headers, 90 s idle, 60 s for a request; of headers it takes 1 MiB).
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_BODY_BYTES = 3 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one listener; sizes in bytes, times in whole seconds."""

    body: int = MOST_BODY_BYTES
    bodies: int = 256 << 20  # that are coming in or wait, of all connections together
    head: int = 256 << 10  # a request line and its headers; also what may come without a body's getting on
    headers: int = 1_000
    connections: int = 4_096  # fewer where the system allows fewer open files
    ahead: int = 64 << 10  # of requests that come while an earlier one is still being answered
    behind: int = 16 << 20  # a reader of a watch this far behind will not catch up
    discarded: int = 8 << 20  # read and thrown away, so that who sends too much still hears why
    idle_seconds: int = 90
    head_seconds: int = 32
    body_seconds: int = 60
    stall_seconds: int = 60  # in which a reader took nothing of what waits for it
    linger_seconds: int = 5  # for a client to hear why we hang up
    handshake_seconds: int = 10


DEFAULT = Limits()
