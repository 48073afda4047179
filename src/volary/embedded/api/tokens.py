"""Tokens of ServiceAccounts: signed claims, checked against the objects that they are bound to each time they are used.

A token dies with its ServiceAccount and with the pod, secret or node that it was made for. What a signature proves is
remembered, what the store says is not.

Source: Kubernetes, pkg/serviceaccount/{claims,jwt,legacy}.go.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Protocol

import msgspec

from volary.embedded.api.authentication import INVALID, ISSUER, Reading
from volary.embedded.api.core import Core
from volary.embedded.api.identity import AUTHENTICATED, User, account_groups, account_name
from volary.embedded.api.rules import quoted_list

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


class Refused(Exception):
    """A token of ours that is no longer good; the text says why."""


class AccountTokens:
    """Issues and reads the tokens of one cluster. Implements `authentication.TokenReader`."""

    def __init__(self, core: Core, signer: Signer) -> None:
        self._core = core
        self._signer = signer
        self._proved: dict[bytes, Claims] = {}  # hash of a token -> its claims

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
            valid_for = meant_for(claims)
            shared = tuple(it for it in audiences if it in valid_for)
            if not shared:
                raise Refused(f"token audiences {quoted_list(valid_for)} is invalid for the target audiences "
                              f"{quoted_list(audiences)}")  # fmt: skip
            return Reading(self._holder(claims, token), shared, "")
        except Refused as why:
            return Reading(error=f"[{INVALID}, {why}]")

    def _claims(self, token: str) -> Claims | None:
        """Return the claims of a token that we signed, None if it is no token of ours. Raises: Refused."""
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        if digest in self._proved:
            return self._proved[digest]
        parts = token.split(".")
        if len(parts) != 3 or len(token) > LONGEST:
            return None
        claims = decoded(parts[1])
        if not isinstance(claims, dict) or claims.get("iss") not in (ISSUER, LEGACY_ISSUER):
            return None
        try:
            message, signature = f"{parts[0]}.{parts[1]}".encode("ascii"), decode_part(parts[2])
        except ValueError:
            return None
        head = decoded(parts[0])
        if not isinstance(head, dict) or head.get("alg") != self._signer.algorithm:
            return None
        if not self._signer.verify(message, signature):
            raise Refused("go-jose/go-jose: error in cryptographic primitive")
        if len(self._proved) >= MOST_REMEMBERED:
            self._proved.clear()
        self._proved[digest] = claims
        return claims

    def _holder(self, claims: Claims, token: str) -> User:
        """Return the user, if all that the token is bound to is still there. Raises: Refused."""
        if claims["iss"] == LEGACY_ISSUER:
            return self._legacy_holder(claims, token)
        self._check_time(claims)
        bound = claims["kubernetes.io"]
        namespace, account = bound["namespace"], bound["serviceaccount"]
        self._find("/serviceaccounts", namespace, account, f'serviceaccounts "{account["name"]}" not found')
        if "secret" in bound:
            self._find("/secrets", namespace, bound["secret"], GONE)
        extra = {"credential-id": f"JTI={claims['jti']}"}
        if "pod" in bound:
            self._find("/pods", namespace, bound["pod"], GONE)
            extra |= {"pod-name": bound["pod"]["name"], "pod-uid": bound["pod"]["uid"]}
        if "node" in bound:
            if "pod" not in bound:
                self._find("/nodes", "", bound["node"], GONE)
            extra["node-name"] = bound["node"]["name"]
            if bound["node"].get("uid"):
                extra["node-uid"] = bound["node"]["uid"]
        groups = (*account_groups(namespace), AUTHENTICATED)
        shown = tuple((EXTRA + key, (value,)) for key, value in sorted(extra.items()))
        return User(account_name(namespace, account["name"]), groups, account["uid"], shown)

    def _check_time(self, claims: Claims) -> None:
        now = self._core.now().timestamp()
        if now - LEEWAY > claims["exp"]:
            raise Refused("service account token has expired")
        if now + LEEWAY < claims["nbf"]:
            raise Refused("service account token is not valid yet")

    def _find(self, resource: str, namespace: str, wanted: Claims, absent: str) -> None:
        """Demand that the very object is there that a token names. Raises: Refused."""
        entry = self._core.store.get(resource, namespace, wanted["name"])
        if entry is None:
            raise Refused(absent)
        uid = entry.obj["metadata"]["uid"]
        if uid != wanted["uid"]:
            raise Refused(f"{MISMATCHES[resource].format(uid)} ({wanted['uid']})")

    def _legacy_holder(self, claims: Claims, token: str) -> User:
        """Return the user of a token that is kept in a Secret. Raises: Refused."""
        namespace, secret, name, uid = (
            str(claims.get(LEGACY + it) or "")
            for it in ("namespace", "secret.name", "service-account.name", "service-account.uid")
        )
        entry = self._core.store.get("/secrets", namespace, secret)
        if entry is None or entry.obj["metadata"].get("deletionTimestamp"):
            raise Refused("Token has been invalidated")
        kept = str((entry.obj.get("data") or {}).get("token") or "")
        if not compare_digest(kept.encode(), b64(token)):
            raise Refused("Token does not match server's copy")
        account = self._core.store.get("/serviceaccounts", namespace, name)
        if account is None:
            raise Refused(f'serviceaccounts "{name}" not found')
        found = account.obj["metadata"]["uid"]
        if found != uid:
            raise Refused(f"ServiceAccount UID ({found}) does not match claim ({uid})")
        return User(account_name(namespace, name), (*account_groups(namespace), AUTHENTICATED), uid)


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


def meant_for(claims: Claims) -> tuple[str, ...]:
    """Return the audiences of a token; one that lives in a Secret is for the API server."""
    found = claims.get("aud", ISSUER)
    return (found,) if isinstance(found, str) else tuple(found)


def b64(text: str) -> bytes:
    return binascii.b2a_base64(text.encode("utf-8", "surrogatepass"), newline=False)


def encode_part(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def decode_part(part: str) -> bytes:
    """Raises: ValueError."""
    return urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))


def decoded(part: str) -> Any:
    """Return the JSON of a part of a token, None if it is none."""
    try:
        return msgspec.json.decode(decode_part(part))
    except (ValueError, msgspec.DecodeError):
        return None
