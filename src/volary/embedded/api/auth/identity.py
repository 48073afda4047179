"""Who asks: a user with groups, and how whoever carries a request finds that out.

Users are not stored; a credential names one. In this process a caller says who it is and is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from volary.embedded.api.validation.names import name_error

MASTERS = "system:masters"  # may do everything, whatever roles say
ACCOUNT = "system:serviceaccount:"
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
Extra = tuple[tuple[str, tuple[str, ...]], ...]  # (key, values), sorted by key


@dataclass(frozen=True, slots=True)
class User:
    """Who asks. Groups are complete: what the server adds to a credential's groups is in them."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Extra = ()

    def info(self) -> dict[str, object]:
        """Return the user as reviews and the audit log show it, without what is empty."""
        found: dict[str, object] = {"username": self.name}
        if self.uid:
            found["uid"] = self.uid
        if self.groups:
            found["groups"] = list(self.groups)
        if self.extra:
            found["extra"] = {key: list(values) for key, values in self.extra}
        return found


def master(name: str) -> User:
    """Return a user who may do everything."""
    return User(name, (MASTERS, AUTHENTICATED), name)


ADMIN = master("admin")
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a certificate says of its holder, once the TLS library has verified it against the cluster's authority."""

    common_name: str
    organizations: tuple[str, ...] = ()
    sha256: str = ""  # of its DER bytes, in hexadecimal


class Authenticator(Protocol):
    """Finds out who asks; whoever carries requests (`embedded.server`) has one."""

    def user(self, headers: Mapping[str, str], certificate: ClientCertificate | None = None) -> User | None:
        """Return who asks, `ANONYMOUS` for a request without credentials; None: a credential is bad, answer 401.

        Names of headers are in small letters. The header `authorization` is used up here: it must not be logged.
        """
        ...


def account_name(namespace: str, name: str) -> str:
    """Return the user name of a ServiceAccount."""
    return f"{ACCOUNT}{namespace}:{name}"


def account_of(user: str) -> tuple[str, str] | None:
    """Return (namespace, name) of the ServiceAccount that a user name stands for, None for any other user."""
    namespace, colon, name = user.removeprefix(ACCOUNT).partition(":")
    if not user.startswith(ACCOUNT) or not colon or ":" in name:
        return None
    fine = name_error("/namespaces", namespace) is None and name_error("/serviceaccounts", name) is None
    return (namespace, name) if fine else None


def account_groups(namespace: str) -> tuple[str, ...]:
    """Return the groups that all ServiceAccounts of a namespace are in."""
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
