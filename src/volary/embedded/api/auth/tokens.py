"""Tokens of ServiceAccounts: signed claims, checked against the objects that they are bound to each time they are used.

A token dies with its ServiceAccount and with the pod, secret or node that it was made for. What a signature proves is
remembered, what the store says is not.

Source: Kubernetes, pkg/serviceaccount/{claims,jwt,legacy}.go.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from volary.embedded.api.auth.authentication import INVALID, ISSUER, Reading
from volary.embedded.api.auth.identity import AUTHENTICATED, User, account_groups, account_name
from volary.embedded.api.auth.rules import quoted_list
from volary.embedded.api.core import Core
from volary.embedded.api.text.go_text import go_quoted

Claims = Mapping[str, Any]
Object = Mapping[str, Any]

LEGACY_ISSUER = "kubernetes/serviceaccount"
LEGACY = "kubernetes.io/serviceaccount/"
LEEWAY = 60  # seconds that clocks may differ
MOST_REMEMBERED = 1024
LONGEST = 16 << 10  # bytes of a token; no real one comes near
GONE = "service account token has been invalidated"
EXTRA = "authentication.kubernetes.io/"


class Signer(Protocol):
    """A key of the cluster. Making and using it may be slow, so nobody asks for more than needed."""

    @property
    def algorithm(self) -> str:
        """Return the name that the header of a token gives it: ES256, RS256."""
        ...

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes) -> bytes: ...

    def verify(self, message: bytes, signature: bytes) -> bool: ...


class Named(msgspec.Struct, frozen=True):
    """An object that a token speaks of."""

    name: str
    uid: str = ""


class Bound(msgspec.Struct, frozen=True):
    """Whom a token stands for, and what it falls with."""

    namespace: str
    serviceaccount: Named
    pod: Named | None = None
    secret: Named | None = None
    node: Named | None = None


class Issued(msgspec.Struct, frozen=True, tag_field="iss", tag="https://kubernetes.default.svc"):
    """The claims of a token that was asked for."""

    exp: int
    nbf: int
    jti: str
    bound: Bound = msgspec.field(name="kubernetes.io")
    aud: str | list[str] = ISSUER


class Legacy(msgspec.Struct, frozen=True, tag_field="iss", tag="kubernetes/serviceaccount"):
    """The claims of a token that is kept in a Secret."""

    namespace: str = msgspec.field(name=LEGACY + "namespace")
    secret: str = msgspec.field(name=LEGACY + "secret.name")
    name: str = msgspec.field(name=LEGACY + "service-account.name")
    uid: str = msgspec.field(name=LEGACY + "service-account.uid")
    aud: str = ISSUER


class Head(msgspec.Struct, frozen=True):
    alg: str


Read = Issued | Legacy
READ_CLAIMS = msgspec.json.Decoder(Read)
READ_HEAD = msgspec.json.Decoder(Head)


class Refused(Exception):
    """A token of ours that is no longer good; the text says why."""


class AccountTokens:
    """Issues and reads the tokens of one cluster. Implements `authentication.TokenReader`."""

    def __init__(self, core: Core, signer: Signer) -> None:
        self._core = core
        self._signer = signer
        self._proved: dict[bytes, Read] = {}  # hash of a token -> its claims

    def issue(self, claims: Claims) -> str:
        """Return a signed token."""
        head = {"alg": self._signer.algorithm, "kid": self._signer.key_id}
        message = b".".join(encode_part(msgspec.json.encode(it)) for it in (head, claims))
        return (message + b"." + encode_part(self._signer.sign(message))).decode()

    def read(self, token: str, audiences: Sequence[str]) -> Reading:
        """Return what a token says to somebody who takes tokens for these audiences."""
        try:
            claims = self._claims(token)
            if claims is None:
                return Reading()
            valid_for = [claims.aud] if isinstance(claims.aud, str) else claims.aud
            shared = tuple(it for it in audiences if it in valid_for)
            if not shared:
                wanted = f"the target audiences {quoted_list(audiences)}"
                raise Refused(f"token audiences {quoted_list(valid_for)} is invalid for {wanted}")
            if isinstance(claims, Legacy):
                return Reading(self._holder_of_secret(claims, token), shared, "")
            return Reading(self._holder(claims), shared, "")
        except Refused as why:
            return Reading(error=f"[{INVALID}, {why}]")

    def _claims(self, token: str) -> Read | None:
        """Return the claims of a token that we signed, None if it is no token of ours. Raises: Refused."""
        digest = digest_of(token.encode("utf-8", "surrogatepass"))
        if digest in self._proved:
            return self._proved[digest]
        parts = token.split(".")
        if len(parts) != 3 or len(token) > LONGEST:
            return None
        try:
            claims: Read = READ_CLAIMS.decode(decode_part(parts[1]))
            head = READ_HEAD.decode(decode_part(parts[0]))
            message, signature = f"{parts[0]}.{parts[1]}".encode("ascii"), decode_part(parts[2])
        except ValueError:  # what msgspec raises is one, too
            return None
        if head.alg != self._signer.algorithm:
            return None
        if not self._signer.verify(message, signature):
            raise Refused("go-jose/go-jose: error in cryptographic primitive")
        if len(self._proved) >= MOST_REMEMBERED:
            self._proved.clear()
        self._proved[digest] = claims
        return claims

    def _holder(self, claims: Issued) -> User:
        """Return the user, if all that the token is bound to is still there. Raises: Refused."""
        self._check_time(claims)
        bound = claims.bound
        namespace, account = bound.namespace, bound.serviceaccount
        self._find("/serviceaccounts", namespace, account, f"serviceaccounts {go_quoted(account.name)} not found")
        extra = {"credential-id": f"JTI={claims.jti}"}
        if bound.secret:
            self._find("/secrets", namespace, bound.secret, GONE)
        if bound.pod:
            self._find("/pods", namespace, bound.pod, GONE)
            extra |= {"pod-name": bound.pod.name, "pod-uid": bound.pod.uid}
        if bound.node:
            if not bound.pod:  # of a pod's token the node is told, not asked
                self._find("/nodes", "", bound.node, GONE)
            extra |= {"node-name": bound.node.name, "node-uid": bound.node.uid}
        groups = (*account_groups(namespace), AUTHENTICATED)
        shown = tuple((EXTRA + key, (value,)) for key, value in sorted(extra.items()) if value)
        return User(account_name(namespace, account.name), groups, account.uid, shown)

    def _check_time(self, claims: Issued) -> None:
        now = self._core.now().timestamp()
        if now - LEEWAY > claims.exp:
            raise Refused("service account token has expired")
        if now + LEEWAY < claims.nbf:
            raise Refused("service account token is not valid yet")

    def _find(self, resource: str, namespace: str, wanted: Named, absent: str) -> None:
        """Demand that the very object is there that a token names. Raises: Refused."""
        entry = self._core.store.get(resource, namespace, wanted.name)
        if entry is None:
            raise Refused(absent)
        uid = entry.obj["metadata"]["uid"]
        if uid != wanted.uid:
            raise Refused(f"{MISMATCHES[resource].format(uid)} ({wanted.uid})")

    def _holder_of_secret(self, claims: Legacy, token: str) -> User:
        """Return the user of a token that is kept in a Secret. Raises: Refused."""
        namespace, name = claims.namespace, claims.name
        entry = self._core.store.get("/secrets", namespace, claims.secret)
        if entry is None or entry.obj["metadata"].get("deletionTimestamp"):
            raise Refused("Token has been invalidated")
        kept = str((entry.obj.get("data") or {}).get("token") or "")
        if digest_of(kept.encode()) != digest_of(b64(token)):  # how long this takes says nothing of what is kept
            raise Refused("Token does not match server's copy")
        account = self._core.store.get("/serviceaccounts", namespace, name)
        if account is None:
            raise Refused(f"serviceaccounts {go_quoted(name)} not found")
        found = account.obj["metadata"]["uid"]
        if found != claims.uid:
            raise Refused(f"ServiceAccount UID ({found}) does not match claim ({claims.uid})")
        return User(account_name(namespace, name), (*account_groups(namespace), AUTHENTICATED), claims.uid)


MISMATCHES = {
    "/serviceaccounts": "service account UID ({}) does not match claim",
    "/secrets": "secret UID ({}) does not match service account secret ref claim",
    "/pods": "pod UID ({}) does not match service account pod ref claim",
    "/nodes": "node UID ({}) does not match service account node ref claim",
}


def legacy_claims(account: Object, secret: str) -> Claims:
    """Return the claims of a token that lives in a Secret for as long as that does."""
    meta = account["metadata"]
    return {
        "iss": LEGACY_ISSUER,
        LEGACY + "namespace": meta["namespace"],
        LEGACY + "secret.name": secret,
        LEGACY + "service-account.name": meta["name"],
        LEGACY + "service-account.uid": meta["uid"],
        "sub": account_name(meta["namespace"], meta["name"]),
    }


def digest_of(data: bytes) -> bytes:
    return sha256(data).digest()


def b64(text: str) -> bytes:
    return binascii.b2a_base64(text.encode("utf-8", "surrogatepass"), newline=False)


def encode_part(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def decode_part(part: str) -> bytes:
    """Return the bytes of one part of a token; only one text stands for them. Raises: ValueError."""
    found = b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), b"-_", validate=True)
    if encode_part(found) != part.encode("ascii"):
        raise ValueError("another text for the same bytes")
    return found
