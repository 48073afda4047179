"""The kubeconfig format: one file, and several merged as kubectl does (the first that names a thing wins).

Source: client-go `tools/clientcmd/api/v1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from volary.kube.decoding import BadField, decode

T = TypeVar("T")


class BadKubeconfig(ValueError):
    """It cannot be used; the text says which file or Secret, which entry, and what to do. It never quotes a value."""


class Extension(msgspec.Struct):
    name: str
    extension: Any = None


class Cluster(msgspec.Struct, rename="kebab"):
    server: str = ""
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None
    extensions: list[Extension] | None = None


class Context(msgspec.Struct, rename="kebab"):
    cluster: str = ""
    user: str | None = None
    namespace: str | None = None


class Variable(msgspec.Struct):
    name: str
    value: str


class ExecSpec(msgspec.Struct, rename="camel"):
    command: str
    api_version: str = ""
    args: list[str] | None = None
    env: list[Variable] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool = False
    interactive_mode: str | None = None


class AuthProvider(msgspec.Struct):
    name: str
    config: dict[str, str] | None = None


class User(msgspec.Struct, rename="kebab"):
    token: str | None = None
    token_file: str | None = msgspec.field(default=None, name="tokenFile")
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    exec: ExecSpec | None = None
    username: str | None = None
    password: str | None = None
    auth_provider: AuthProvider | None = None
    impersonate: str | None = msgspec.field(default=None, name="as")
    impersonate_uid: str | None = msgspec.field(default=None, name="as-uid")
    impersonate_groups: list[str] | None = msgspec.field(default=None, name="as-groups")
    impersonate_extra: dict[str, list[str]] | None = msgspec.field(default=None, name="as-user-extra")


class NamedCluster(msgspec.Struct):
    name: str
    cluster: Cluster


class NamedContext(msgspec.Struct):
    name: str
    context: Context


class NamedUser(msgspec.Struct):
    name: str
    user: User | None = None


class Config(msgspec.Struct, rename="kebab"):
    current_context: str | None = None
    clusters: list[NamedCluster] | None = None
    contexts: list[NamedContext] | None = None
    users: list[NamedUser] | None = None


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A named thing, and where it was written."""

    value: T
    where: str  # such as: /home/me/.kube/config: user "me"
    folder: Path | None  # paths count from here; None: it came as bytes, and may name no file


@dataclass(slots=True)
class Merged:
    """All kubeconfigs as one."""

    current: str = ""
    contexts: dict[str, Entry[Context]] = field(default_factory=dict)
    clusters: dict[str, Entry[Cluster]] = field(default_factory=dict)
    users: dict[str, Entry[User]] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)  # where it all came from

    def add(self, config: Config, where: str, folder: Path | None) -> None:
        """Add one file's entries; what is there already stays."""
        self.read.append(where)
        self.current = self.current or config.current_context or ""
        for context in config.contexts or ():
            entry = Entry(context.context, f'{where}: context "{context.name}"', folder)
            self.contexts.setdefault(context.name, entry)
        for cluster in config.clusters or ():
            self.clusters.setdefault(cluster.name, Entry(cluster.cluster, f'{where}: cluster "{cluster.name}"', folder))
        for user in config.users or ():
            self.users.setdefault(user.name, Entry(user.user or User(), f'{where}: user "{user.name}"', folder))

    def pick(self, known: Mapping[str, Entry[T]], kind: str, name: str) -> Entry[T]:
        """Return the entry, or say what there is instead. Raises: BadKubeconfig."""
        if name not in known:
            raise BadKubeconfig(f'{self.sources}: there is no {kind} "{name}"; there are: {listed(known)}')
        return known[name]

    @property
    def sources(self) -> str:
        return " and ".join(self.read)


def listed(known: Mapping[str, object]) -> str:
    return ", ".join(sorted(known)) or "none"


def parse(data: bytes, where: str) -> Config:
    """Return one kubeconfig. Raises: BadKubeconfig."""
    import yaml  # two megabytes, which a program in a Pod does without

    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadKubeconfig(f"{where}{line}: this is not YAML") from None
    try:
        return decode(Config, {} if document is None else document, where, secret=True)
    except BadField as error:
        raise BadKubeconfig(str(error)) from None
    except (ValueError, RecursionError):  # text that is no Unicode, or a list that holds itself
        raise BadKubeconfig(f"{where}: this is not a kubeconfig") from None
