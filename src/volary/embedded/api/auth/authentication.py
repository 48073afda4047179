"""Finds out who sent a request: by client certificate, by a token from a table, by what else knows tokens.

A certificate that was verified wins over a token, as on a real server. A token is compared by its hash, so the time
that takes says nothing of the tokens there are.

Source: Kubernetes, staging/src/k8s.io/apiserver/pkg/authentication.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from volary.embedded.api.auth.identity import ANONYMOUS, AUTHENTICATED, ClientCertificate, User

ISSUER = "https://kubernetes.default.svc"  # who tokens are from, and whom they are for if they do not say
INVALID = "invalid bearer token"


class TokenReader(Protocol):
    """Knows tokens of one kind."""

    def read(self, token: str, audiences: Sequence[str]) -> Reading:
        """Return what a token says to somebody who takes tokens for these audiences."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a token says: its user, the audiences it is good for; or why it is not good."""

    user: User | None = None
    audiences: tuple[str, ...] = ()
    error: str = INVALID


class StaticTokens:
    """Tokens from a table, each its user's for as long as the server runs."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = {_digest(token): authenticated(user) for token, user in users.items()}

    def read(self, token: str, audiences: Sequence[str]) -> Reading:
        """Return whose a token is; those of a table are good for every audience."""
        user = self._users.get(_digest(token))
        return Reading() if user is None else Reading(user, tuple(audiences), "")


def users_in(text: str) -> dict[str, User]:
    """Return token -> user from lines of `token,user,uid,"group,group"`, the form that kube-apiserver reads.

    Raises: ValueError; its text names the line, never the token.
    """
    found: dict[str, User] = {}
    for number, row in enumerate(csv.reader(text.splitlines()), start=1):
        if not row:
            continue
        if len(row) < 3 or not row[0] or not row[1]:
            raise ValueError(f'line {number} is not token,user,uid,"group,group"')
        if row[0] in found:
            raise ValueError(f"line {number} has a token that an earlier line has, too")
        groups = tuple(it.strip() for it in row[3].split(",") if it.strip()) if len(row) > 3 else ()
        found[row[0]] = User(row[1], groups, row[2])
    return found


class Authentication:
    """Implements `identity.Authenticator`. Further readers may be added while the server runs."""

    def __init__(self, readers: Sequence[TokenReader] = (), anonymous: bool = True) -> None:
        self.readers = list(readers)
        self._anonymous = anonymous

    def user(self, headers: Mapping[str, str], certificate: ClientCertificate | None = None) -> User | None:
        """Return who asks, `ANONYMOUS` for a request without credentials; None: a credential is bad, answer 401."""
        if certificate is not None and certificate.common_name:
            return holder(certificate)
        token = bearer_token(headers)
        if token is None:
            return ANONYMOUS if self._anonymous else None
        return self.read(token).user

    def read(self, token: str, audiences: Sequence[str] = ()) -> Reading:
        """Return what a token says to somebody who takes tokens for these audiences (none: to this API server)."""
        found = Reading()
        for reader in self.readers:
            reading = reader.read(token, audiences or (ISSUER,))
            if reading.user is not None:
                return reading
            if reading.error != INVALID:
                found = reading
        return found


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of a request, None if it has none; other schemes than Bearer count as none."""
    kind, _, rest = headers.get("authorization", "").strip().partition(" ")
    token = rest.strip().partition(" ")[0]
    return token if kind.lower() == "bearer" and token else None


def holder(certificate: ClientCertificate) -> User:
    """Return the user that a certificate names: its common name, with its organizations as groups."""
    extra = (("authentication.kubernetes.io/credential-id", (f"X509SHA256={certificate.sha256}",)),)
    groups = certificate.organizations
    return authenticated(User(certificate.common_name, groups, "", extra if certificate.sha256 else ()))


def authenticated(user: User) -> User:
    """Return the user with the group that everybody with a credential is in."""
    if AUTHENTICATED in user.groups:
        return user
    return User(user.name, (*user.groups, AUTHENTICATED), user.uid, user.extra)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
