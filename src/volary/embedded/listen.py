"""Where a server of embedded clusters listens, and how: on loopback and over TLS, unless told otherwise."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from volary.embedded.certificate import Authority


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens, and how."""

    port: int = 0  # 0: the system picks one
    host: str = "127.0.0.1"
    tls: bool = True
    anyway: bool = False  # at an address that others can reach

    def check(self) -> None:
        """Raises: ValueError for what must not be."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            raise ValueError(
                f"--listen {self.host}: no IP address; name one of this computer, such as 127.0.0.1"
            ) from None
        if address.is_loopback:
            return
        if not self.anyway:
            raise ValueError(
                f"the embedded API server listens on loopback only, not on {self.host}: it is made for this computer "
                "and nobody else; if others shall reach it, say so (--listen-anyway)"
            )
        if not self.tls:
            raise ValueError(
                f"the embedded API server listens on {self.host} with TLS only: others could read the token"
            )

    def base(self, port: int) -> str:
        """Return the address for a URL, once the port is known."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{port}"


ON_LOOPBACK = Listen()


def secured(listen: Listen, kept: Authority | None = None) -> tuple[Authority | None, ssl.SSLContext | None]:
    """Return the authority, a new one if none was kept, and what a server signed by it needs to speak TLS.

    Nothing if it shall not.
    """
    if not listen.tls:
        return None, None
    from volary.embedded.certificate import Authority  # a tenth of the start of the program

    authority = kept or Authority()
    return authority, authority.server(listen.host).context(authority.certificate)
