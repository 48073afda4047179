"""One request, taken apart: what it is about and how it is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from volary.embedded.api.auth.identity import ADMIN, User
from volary.embedded.api.catalog import Catalog, ResourceType
from volary.embedded.api.errors import (
    FieldError,
    PlainNotFound,
    forbidden_field,
    invalid,
    invalid_object,
    no_such_path,
    not_implemented,
    required,
    unsupported,
)

APPLY = "application/apply-patch+yaml"
MANAGER_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Path:
    """The parts of a resource path."""

    group: str
    version: str
    namespace: str  # "" across all, or for objects of the cluster
    plural: str
    name: str
    subresource: str
    rest: str = ""  # what follows the subresource; of `proxy` the path to ask for


@lru_cache(maxsize=4096)
def split_path(path: str) -> Path | None:
    """Return the parts, or None if the path is not that of a resource."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and not (len(rest) == 3 and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    # Of a proxied path every slash counts, also a last one.
    after = "/".join(path.split("/")[_depth(path, subresource) :]) if subresource == "proxy" else "/".join(rest[3:])
    return Path(group, version, namespace, rest[0], name, subresource, after)


def _depth(path: str, subresource: str) -> int:
    return path.split("/").index(subresource) + 1


@dataclass(slots=True)
class Options:
    """How a write is to be done, whoever asks: a request or a controller in this process."""

    manager: str
    dry_run: bool = False
    validation: str = "Warn"  # Ignore | Warn | Strict
    force: bool = False
    user: User = ADMIN
    warnings: list[str] = field(default_factory=list)
    empty_labels: list[str] = field(default_factory=list)  # maps of labels that were sent empty, which messages show

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


@dataclass(frozen=True, slots=True)
class Call:
    """A request about a resource."""

    method: str
    path: Path
    type: ResourceType
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    options: Options

    @property
    def namespace(self) -> str:
        return self.path.namespace if self.type.kind.namespaced else ""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def content_type(self) -> str:
        return media_type(self.headers)

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    def flag(self, name: str) -> bool:
        return flagged(self.query, name)


def find_type(catalog: Catalog, path: Path) -> ResourceType:
    """Return the type that a path is about. Raises: Problem."""
    found = catalog.find(path.group, path.version, path.plural)
    if found is None:
        raise no_such_path() if catalog.serves_builtin(path.group, path.version) else PlainNotFound()
    if found.webhook and found.converts:
        stored = found.stored_version
        raise not_implemented(f"conversion webhooks: {found.definition} is stored, and served here, as {stored} only")
    return found


VERBS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}


def options_of(method: str, query: Mapping[str, str], headers: Mapping[str, str], user: User) -> Options:
    """Return the options of a write. Raises: Problem."""
    manager = query.get("fieldManager") or manager_from(headers.get("user-agent", ""))
    if method == "DELETE":  # has options of its own
        return Options(manager, user=user)
    errors = _force_errors(query, headers) if method == "PATCH" else []
    errors += _manager_errors(query.get("fieldManager", ""))
    dry_run = query.get("dryRun")
    if dry_run not in (None, "All"):
        errors.append(unsupported("dryRun", [dry_run], ("All",)))
    validation = query.get("fieldValidation") or "Warn"
    if validation not in ("Ignore", "Warn", "Strict"):
        errors.append(unsupported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn")))
    if errors:
        raise invalid_object("meta.k8s.io", VERBS.get(method, "CreateOptions"), "", errors)
    return Options(manager, dry_run == "All", validation, flagged(query, "force"), user)


def flagged(query: Mapping[str, str], name: str) -> bool:
    """Is a word of the query set? Every value but these two says so, also an empty one."""
    return name in query and query[name].lower() not in ("0", "false")


def _force_errors(query: Mapping[str, str], headers: Mapping[str, str]) -> list[FieldError]:
    if media_type(headers) == APPLY:
        return [] if query.get("fieldManager") else [required("fieldManager", "is required for apply patch")]
    return [forbidden_field("force", "may not be specified for non-apply patch")] if "force" in query else []


def _manager_errors(manager: str) -> list[FieldError]:
    if len(manager.encode()) > MANAGER_LENGTH:
        return [FieldError("FieldValueTooLong", "fieldManager", f"may not be more than {MANAGER_LENGTH} bytes")]
    for at, char in enumerate(manager):
        if not char.isprintable():
            return [invalid("fieldManager", manager, f"invalid character U+{ord(char):04X} (at position {at})")]
    return []


def media_type(headers: Mapping[str, str]) -> str:
    """Return what a body is said to be, without parameters."""
    return headers.get("content-type", "application/json").partition(";")[0].strip().lower() or "application/json"


def manager_from(user_agent: str) -> str:
    """Return the field manager of a client that names none: its user agent up to the first slash."""
    return user_agent.partition("/")[0][:MANAGER_LENGTH] or "unknown"


def warning_headers(warnings: list[str]) -> dict[str, str]:
    """Return the Warning header for these texts."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in warnings)
    return {"warning": ", ".join(f'299 - "{text}"' for text in quoted)} if warnings else {}
