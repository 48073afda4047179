"""What every namespace has for its pods to ask the API: the account `default`, the authority to trust, and tokens.

Source: Kubernetes, pkg/controller/serviceaccount and pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from volary.embedded.api.auth.tokens import legacy_claims
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import annotations_of, deleting, edited, name_of, namespace_of, uid_of
from volary.embedded.controllers.world import MANAGER, World

NAMESPACES, ACCOUNTS, CONFIG_MAPS, SECRETS = "/namespaces", "/serviceaccounts", "/configmaps", "/secrets"
DEFAULT, ROOT_CA = "default", "kube-root-ca.crt"
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 - the type of a Secret
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
ABOUT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)

RootCa = Callable[[], str]  # PEM; known once the server has started


class Issuer(Protocol):
    """Signs tokens."""

    def issue(self, claims: Mapping[str, Any]) -> str: ...


class DefaultAccounts:
    """Sees to it that each namespace has its account `default`."""

    name = "service-account"
    sources = (NAMESPACES,)

    def __init__(self, world: World) -> None:
        self.local = world.local

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        yield from of_namespace(resource, old, new, (ACCOUNTS, DEFAULT))

    def reconcile(self, key: Key) -> float | None:
        if wanted(self.local.get(NAMESPACES, "", key[0])) and self.local.get(ACCOUNTS, key[0], DEFAULT) is None:
            account = {"apiVersion": "v1", "kind": "ServiceAccount"}
            self.local.create(ACCOUNTS, {**account, "metadata": {"name": DEFAULT, "namespace": key[0]}}, MANAGER)
        return None


class RootCertificates:
    """Publishes the authority that vouches for the API server in each namespace."""

    name = "root-ca-certificate-publisher"
    sources = (NAMESPACES,)

    def __init__(self, world: World, root_ca: RootCa) -> None:
        self.local = world.local
        self.root_ca = root_ca

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        yield from of_namespace(resource, old, new, (CONFIG_MAPS, ROOT_CA))
        if resource == CONFIG_MAPS and new is not None and name_of(new) == ROOT_CA:
            yield (namespace_of(new),)

    def reconcile(self, key: Key) -> float | None:
        if not wanted(self.local.get(NAMESPACES, "", key[0])):
            return None
        data = {"ca.crt": self.root_ca()}
        found = self.local.get(CONFIG_MAPS, key[0], ROOT_CA)
        if found is None:
            metadata = {"name": ROOT_CA, "namespace": key[0], "annotations": {"kubernetes.io/description": ABOUT}}
            root = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            self.local.create(CONFIG_MAPS, root, MANAGER)
        elif found.get("data") != data:
            self.local.update(CONFIG_MAPS, {**edited(found), "data": data}, MANAGER)
        return None


class TokenSecrets:
    """Writes a token into each Secret that asks for one, and takes the Secret away with its account."""

    name = "serviceaccount-token"
    sources = (SECRETS,)

    def __init__(self, world: World, issuer: Issuer, root_ca: RootCa) -> None:
        self.local = world.local
        self.issuer = issuer
        self.root_ca = root_ca

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == SECRETS and new is not None and new.get("type") == TOKEN_TYPE:
            yield (namespace_of(new), name_of(new))
        account = (old or new) if resource == ACCOUNTS else None
        if account is not None:
            for secret in self.local.items(SECRETS, namespace_of(account)):
                if annotations_of(secret).get(ACCOUNT_NAME) == name_of(account):
                    yield (namespace_of(secret), name_of(secret))

    def reconcile(self, key: Key) -> float | None:
        secret = self.local.get(SECRETS, key[0], key[1])
        if secret is None or secret.get("type") != TOKEN_TYPE or deleting(secret):
            return None
        notes = annotations_of(secret)
        account = self.local.get(ACCOUNTS, key[0], notes.get(ACCOUNT_NAME, ""))
        if account is None or notes.get(ACCOUNT_UID, uid_of(account)) != uid_of(account):
            self.local.delete(SECRETS, key[0], key[1], uid=uid_of(secret))
            return None
        data = self._data(secret, account)
        if data != (secret.get("data") or {}) or ACCOUNT_UID not in notes:
            changed = edited(secret)
            changed["metadata"]["annotations"] = {**notes, ACCOUNT_UID: uid_of(account)}
            self.local.update(SECRETS, {**changed, "data": data}, MANAGER)
        return None

    def _data(self, secret: Object, account: Object) -> NewObject:
        """Return what the Secret is to hold; a token that is there stays."""
        data: NewObject = dict(secret.get("data") or {})
        data |= {"ca.crt": encoded(self.root_ca()), "namespace": encoded(namespace_of(secret))}
        if not data.get("token"):
            data["token"] = encoded(self.issuer.issue(legacy_claims(account, name_of(secret))))
        return data


def of_namespace(resource: str, old: Object | None, new: Object | None, kept: tuple[str, str]) -> Iterable[Key]:
    """Name a namespace that is written, or that has lost what it is to keep."""
    if resource == NAMESPACES and new is not None:
        yield (name_of(new),)
    elif new is None and old is not None and (resource, name_of(old)) == kept:
        yield (namespace_of(old),)


def wanted(namespace: Object | None) -> bool:
    return namespace is not None and not deleting(namespace)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
