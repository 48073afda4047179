"""What a client learns before it does anything: groups, versions, resources, the server's version and health.

Two forms of the same facts: one document for each group version (legacy), and all groups in one (aggregated, v2 and
v2beta1). Made anew when a definition of a custom resource comes or goes; each document is kept once it was asked for.

Source: real answers of kube-apiserver 1.36, with their oddities (no apiVersion in /api, no group in aggregated
built-ins), because clients were written against these.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256, sha512
from typing import Any

import msgspec

from volary.embedded.api.errors import no_such_path
from volary.embedded.api.registry import Kind, Subresource
from volary.embedded.api.releases import NEWEST, version_in
from volary.kube.transport import Response

HEALTH = frozenset({"/livez", "/readyz", "/healthz", "/livez/ping", "/readyz/ping", "/healthz/ping"})
AGGREGATED = "apidiscovery.k8s.io"
# kubectl resolves a short name to the first group that has it, so the order of groups is part of the interface.
ORDER = (
    "", "apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io",
    "autoscaling", "batch", "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io",
    "storage.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io",
    "coordination.k8s.io", "node.k8s.io", "discovery.k8s.io", "resource.k8s.io", "flowcontrol.apiserver.k8s.io",
)  # fmt: skip

Groups = Mapping[str, Mapping[str, Sequence[Kind]]]


class Discovery:
    """The documents for one set of kinds."""

    def __init__(self, kinds: Iterable[Kind], minor: int = NEWEST) -> None:
        self.minor = minor
        self.groups = grouped(kinds)
        self._answers: dict[tuple[str, str], Response] = {}

    def answer(self, path: str, accept: str) -> Response | None:
        """Return the document at a path, or None where discovery has none."""
        form = aggregated_version(accept) if path in ("/api", "/apis") else ""
        key = (path, form)
        if key not in self._answers:
            if path in HEALTH:
                self._answers[key] = text_answer("ok")
            else:
                found = aggregated(self.groups, path, form) if form else self._document(path)
                if found is None:
                    return self._missing(path)
                self._answers[key] = json_answer(found, form)
        return self._answers[key]

    def _document(self, path: str) -> dict[str, Any] | None:
        match path.strip("/").split("/"):
            case [""]:
                return {"paths": self._paths()}
            case ["version"]:
                return version_in(self.minor)
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
            case ["apis"]:
                groups = [group_document(name, versions) for name, versions in self.groups.items() if name]
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
            case ["apis", group] if group in self.groups:
                return {"kind": "APIGroup", "apiVersion": "v1", **group_document(group, self.groups[group])}
            case ["api", version] if version in self.groups.get("", {}):
                return resource_list("", version, self.groups[""])
            case ["apis", group, version] if version in self.groups.get(group, {}):
                return resource_list(group, version, self.groups[group])
        return None

    def _missing(self, path: str) -> Response | None:
        """Return the Status for a version that a group does not have; a group that is not there gets none."""
        match path.strip("/").split("/"):
            case ["api", _]:
                group = ""
            case ["apis", group, _]:
                pass
            case _:
                return None
        if group not in self.groups or group not in ORDER:  # of a custom group nobody is there to say so
            return None
        body = msgspec.json.encode(no_such_path().status())
        return Response(404, {"content-type": "application/json"}, body)

    def _paths(self) -> list[str]:
        groups = [f"/apis/{group}" for group in self.groups if group]
        versions = [f"/apis/{group}/{version}" for group in self.groups if group for version in self.groups[group]]
        fixed = ["/api", "/api/v1", "/apis", "/openapi/v2", "/openapi/v3", "/version"]
        return sorted([*fixed, *HEALTH, *groups, *versions])


def grouped(kinds: Iterable[Kind]) -> Groups:
    """Return group -> version -> kinds, in the order in which clients prefer them."""
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    rank = {name: at for at, name in enumerate(ORDER)}
    return {
        group: {
            version: sorted(found[group][version], key=lambda kind: kind.plural)
            for version in sorted(found[group], key=version_rank)
        }
        for group in sorted(found, key=lambda name: (rank.get(name, len(ORDER)), name))
    }


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Order versions as Kubernetes prefers them: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name."""
    parts = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not parts:
        return 3, 0, 0, version
    maturity = {None: 0, "beta": 1, "alpha": 2}[parts[2]]
    return maturity, -int(parts[1]), -int(parts[3] or 0), version


def group_document(name: str, versions: Iterable[str]) -> dict[str, Any]:
    found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def resource_list(group: str, version: str, versions: Mapping[str, Sequence[Kind]]) -> dict[str, Any]:
    """Return the APIResourceList of one group version."""
    preferred = next(iter(versions))
    resources: list[dict[str, Any]] = []
    for kind in versions[version]:
        resources.append(resource_document(kind, preferred))
        resources += [subresource_document(kind, it) for it in kind.subresources]
    head = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
    return {**head, "groupVersion": f"{group}/{version}" if group else version, "resources": resources}


def resource_document(kind: Kind, stored_version: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": kind.verbs,
        **names(kind),
    }
    if "watch" in kind.verbs:
        digest = sha256(f"{kind.group}/{stored_version}/{kind.kind}".encode()).digest()
        found["storageVersionHash"] = b64encode(digest[:8]).decode()
    return found


def names(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = {"shortNames": kind.short_names, "categories": kind.categories}
    return {key: value for key, value in found.items() if value}


def subresource_document(kind: Kind, sub: Subresource) -> dict[str, Any]:
    other = {"group": sub.group, "version": sub.version} if sub.group != kind.group else {}
    return {
        "name": f"{kind.plural}/{sub.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        **other,
        "kind": sub.kind,
        "verbs": sub.verbs,
    }


def aggregated_version(accept: str) -> str:
    """Return the first form of the aggregated document that a client accepts, "" for none."""
    for option in accept.split(","):
        words = dict(word.strip().partition("=")[::2] for word in option.split(";")[1:])
        wanted = (words.get("as"), words.get("g"), "json" in option)  # answers in protobuf are for others
        if wanted == ("APIGroupDiscoveryList", AGGREGATED, True) and words.get("v") in ("v2", "v2beta1"):
            return words["v"]
    return ""


def aggregated(groups: Groups, path: str, form: str) -> dict[str, Any]:
    """Return all groups in one document: the core group under /api, the others under /apis."""
    wanted = {name: versions for name, versions in groups.items() if (name == "") == (path == "/api")}
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"{AGGREGATED}/{form}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": name} if name else {},
                "versions": [
                    {"version": version, "resources": [aggregated_resource(it) for it in kinds], "freshness": "Current"}
                    for version, kinds in versions.items()
                ],
            }
            for name, versions in wanted.items()
        ],
    }


def aggregated_resource(kind: Kind) -> dict[str, Any]:
    custom = kind.group not in ORDER
    found: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": response_kind(kind.group if custom else "", kind.version if custom else "", kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": kind.verbs,
        **names(kind),
    }
    if kind.subresources:
        found["subresources"] = [aggregated_subresource(kind, it, custom) for it in kind.subresources]
    return found


def aggregated_subresource(kind: Kind, sub: Subresource, custom: bool) -> dict[str, Any]:
    named = custom or sub.group != kind.group
    answer = response_kind(sub.group if named else "", sub.version if named else "", sub.kind)
    return {"subresource": sub.name, "responseKind": answer, "verbs": sub.verbs}


def response_kind(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}


def json_answer(document: dict[str, Any], form: str) -> Response:
    """Return a document; all groups in one come with a tag, so that a client need not read them twice."""
    body = msgspec.json.encode(document)
    if not form:
        return Response(200, {"content-type": "application/json", "cache-control": "no-cache, private"}, body)
    headers = {"content-type": f"application/json;g={AGGREGATED};v={form};as=APIGroupDiscoveryList"}
    return Response(200, {**headers, "cache-control": "public", "vary": "Accept", "etag": etag(body)}, body)


def etag(body: bytes) -> str:
    return f'"{sha512(body).hexdigest().upper()}"'


def text_answer(text: str, status: int = 200) -> Response:
    return Response(status, {"content-type": "text/plain; charset=utf-8"}, text.encode())
