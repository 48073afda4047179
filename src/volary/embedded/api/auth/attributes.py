"""What a request wants to do, as authorization sees it: a verb on a resource, or on a path.

It is read from the line of the request alone, before anybody knows whether such a resource is there.

Source: k8s.io/apiserver, pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from volary.embedded.api.call import Path, split_path
from volary.kube.transport import Request

VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Attributes:
    """One thing that somebody wants to do. With a `path` it is not about a resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def combined(self) -> str:
        """Return RESOURCE/SUBRESOURCE, as roles name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def as_verb(self, verb: str) -> Attributes:
        return replace(self, verb=verb)


def attributes_of(request: Request) -> Attributes:
    """Return what a request wants to do."""
    path = split_path(request.path)
    if path is None:
        return Attributes(request.method.lower(), path=request.path)
    verb, name = VERBS.get(request.method, ""), path.name
    if not name and verb == "get":
        verb = "watch" if wants_watch(request.query) else "list"
        name = selected_name(request.query.get("fieldSelector", ""))
    elif not name and verb == "delete":
        verb = "deletecollection"
    return Attributes(verb, path.group, path.plural, path.subresource, namespace_of(path), name)


def namespace_of(path: Path) -> str:
    """Return the namespace of a request; a Namespace is in itself."""
    return path.name if path.plural == "namespaces" and not path.namespace else path.namespace


def wants_watch(query: Mapping[str, str]) -> bool:
    return query.get("watch", "false").lower() not in ("false", "0")


def selected_name(selector: str) -> str:
    """Return the only name that a field selector lets through, "" if it says none."""
    for term in selector.split(",") if selector else ():
        key, _, value = term.partition("=")
        name = value.removeprefix("=")
        if key.strip() == "metadata.name" and name and name not in (".", "..") and "/" not in name and "%" not in name:
            return name
    return ""
