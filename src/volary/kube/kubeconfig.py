"""From kubeconfigs to the way into one API server.

A kubeconfig that came as bytes (a Cluster's Secret) may neither run programs nor read files here: whoever may write
that Secret must not gain this computer.
Source: client-go `tools/clientcmd`; kubectl's order of looking.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from volary.kube.credentials import Credential, Credentials, Files, Fixed, Now
from volary.kube.kubeconfig_file import BadKubeconfig, Cluster, Entry, Merged, listed, parse
from volary.kube.kubeconfig_user import credentials, data_or_file, impersonation, read_file
from volary.kube.proxies import checked, is_loopback, proxy_for, split

__all__ = ["Access", "BadKubeconfig", "from_bytes", "in_cluster", "load"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Access:
    """The way into one API server."""

    server: str  # http(s)://HOST[:PORT][/PREFIX]
    credentials: Credentials = field(default_factory=lambda: Fixed(Credential()), repr=False)
    context: str = ""
    namespace: str = "default"
    # PEM, or a file of it that may be replaced; empty: the authorities that this computer trusts
    authority: bytes | Path = field(default=b"", repr=False)
    verify: bool = True
    server_name: str = ""  # the name to look for in the certificate, where it is not the host's
    proxy: str = field(default="", repr=False)
    impersonation: tuple[tuple[str, str], ...] = ()  # headers that say as whom we act


def load(now: Now, path: str = "", context: str = "", environ: Mapping[str, str] | None = None) -> Access:
    """Return the way in: by `path` (--kubeconfig), else KUBECONFIG, else ~/.kube/config, else the Pod that we are.

    Raises: BadKubeconfig.
    """
    environ = os.environ if environ is None else environ
    merged = Merged()
    paths = kubeconfig_paths(path, environ)
    for file in paths:
        if path or file.exists():
            merged.add(parse(read_file(file), str(file)), str(file), file.absolute().parent)
    if merged.read:
        return access(merged, now, context, environ)
    if "KUBERNETES_SERVICE_HOST" in environ and not context:
        return in_cluster(now, environ)
    looked = " or ".join(map(str, paths))
    raise BadKubeconfig(f"there is no kubeconfig (looked for {looked}); name one with --kubeconfig or KUBECONFIG")


def from_bytes(data: bytes, where: str, now: Now, context: str = "") -> Access:
    """Return the way in that a kubeconfig in a Secret describes; `where` names the Secret in errors.

    Raises: BadKubeconfig, also where it would have us run a program or read a file.
    """
    merged = Merged()
    merged.add(parse(data, where), where, None)
    return access(merged, now, context, os.environ)


def in_cluster(now: Now, environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Access:
    """Return the way into the cluster whose Pod we are. Raises: BadKubeconfig."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    namespace, authority = folder / "namespace", folder / "ca.crt"
    read_file(authority)  # one that is missing is said at once
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Access(
        server=server,
        credentials=Files(now, folder / "token"),
        context="in-cluster",
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
        authority=authority,
        proxy=proxy_of(Entry(Cluster(server), "the environment", None), environ),
    )


def kubeconfig_paths(path: str, environ: Mapping[str, str]) -> list[Path]:
    """Return the files to look for, in order."""
    if path:
        return [Path(path)]
    named = [Path(part) for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return list(dict.fromkeys(named)) or [Path(environ.get("HOME") or "~").expanduser() / ".kube" / "config"]


def access(merged: Merged, now: Now, context: str, environ: Mapping[str, str]) -> Access:
    """Return the way in of one context, by default of the current one. Raises: BadKubeconfig."""
    name = context or merged.current
    if not name:
        there = listed(merged.contexts)
        raise BadKubeconfig(f"{merged.sources}: no current-context is set; name one with --context; there are: {there}")
    chosen = merged.pick(merged.contexts, "context", name).value
    entry = merged.pick(merged.clusters, "cluster", chosen.cluster)
    user = merged.pick(merged.users, "user", chosen.user) if chosen.user else None
    check(entry, with_credentials=user is not None)
    cluster = entry.value
    authority = data_or_file(
        entry, "certificate-authority", cluster.certificate_authority_data, cluster.certificate_authority
    )
    if authority and cluster.insecure_skip_tls_verify:
        raise BadKubeconfig(f"{entry.where} has certificate-authority and insecure-skip-tls-verify; remove one")
    return Access(
        server=cluster.server.rstrip("/"),
        credentials=credentials(user, entry, now) if user else Fixed(Credential()),
        context=name,
        namespace=chosen.namespace or "default",
        authority=authority,
        verify=not cluster.insecure_skip_tls_verify,
        server_name=cluster.tls_server_name or "",
        proxy=proxy_of(entry, environ),
        impersonation=impersonation(user.value, user.where) if user else (),
    )


def check(entry: Entry[Cluster], with_credentials: bool) -> None:
    """Refuse a server that cannot be meant, a proxy that we do not speak, and secrets on an open line."""
    server = parts_of(entry.value.server)
    if (
        server.scheme not in ("http", "https")
        or not server.hostname
        or server.username
        or server.query
        or server.fragment
    ):
        raise BadKubeconfig(f"{entry.where}: server must be a URL such as https://10.0.0.1:6443")
    if server.scheme == "http" and with_credentials and not is_loopback(server.hostname):
        raise BadKubeconfig(f"{entry.where}: credentials would go over plain http; use https")


def parts_of(url: str) -> SplitResult:
    """Return a URL's parts, empty ones where it is no URL."""
    try:
        return split(url)
    except ValueError:
        return urlsplit("")


def proxy_of(entry: Entry[Cluster], environ: Mapping[str, str]) -> str:
    """Return the proxy before the server: the kubeconfig's, else the environment's. Raises: BadKubeconfig."""
    try:
        if entry.value.proxy_url:
            return checked(entry.value.proxy_url, "proxy-url")
        return proxy_for(entry.value.server, environ)
    except ValueError as error:
        raise BadKubeconfig(f"{entry.where}: {error}") from None
