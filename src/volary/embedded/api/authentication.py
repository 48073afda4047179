"""Finds out who sent a request: by client certificate, by a token from a table, by what else knows tokens.

A certificate that was verified wins over a token, as on a real server. A token is compared by its hash, so the time
that takes says nothing of the tokens there are.

Source: Kubernetes, staging/src/k8s.io/apiserver/pkg/authentication.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from volary.embedded.api.identity import ANONYMOUS, AUTHENTICATED, ClientCertificate, User


class TokenReader(Protocol):
    """Knows tokens of one kind."""

    def user(self, token: str) -> User | None:
        """Return the holder, None if this is none of our tokens or no longer valid."""
        ...


class StaticTokens:
    """Tokens from a table, each its user's for as long as the server runs."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = {_digest(token): authenticated(user) for token, user in users.items()}

    def user(self, token: str) -> User | None:
        """Return the holder, None if this is none of ours."""
        return self._users.get(_digest(token))


class Authentication:
    """Implements `identity.Authenticator`."""

    def __init__(self, readers: Sequence[TokenReader], anonymous: bool = True) -> None:
        self._readers = tuple(readers)
        self._anonymous = anonymous

    def user(self, headers: Mapping[str, str], certificate: ClientCertificate | None = None) -> User | None:
        """Return who asks, `ANONYMOUS` for a request without credentials; None: a credential is bad, answer 401."""
        if certificate is not None and certificate.common_name:
            return holder(certificate)
        token = bearer_token(headers)
        if token is None:
            return ANONYMOUS if self._anonymous else None
        for reader in self._readers:
            if found := reader.user(token):
                return found
        return None


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
