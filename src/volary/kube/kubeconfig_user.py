"""A kubeconfig's user entry, turned into a source of credentials.

What we cannot do is refused with a sentence; to ignore it would be to act as somebody else.
"""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

from volary.kube.credentials import Credential, Credentials, Exec, Files, Fixed, Now, Plugin, from_base64
from volary.kube.kubeconfig_file import AuthProvider, BadKubeconfig, Cluster, Entry, ExecSpec, User

HEADER_SAFE = "!#$&'*+-.^_`|~"  # RFC 7230's characters of a name, but for "%"
EXTENSION = "client.authentication.k8s.io/exec"  # what a kubeconfig holds for a plugin alone
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


def credentials(entry: Entry[User], cluster: Entry[Cluster], now: Now) -> Credentials:
    """Return who the entry says we are. Raises: BadKubeconfig."""
    user = entry.value
    refuse_unsupported(user, entry.where)
    certificate = data_or_file(entry, "client-certificate", user.client_certificate_data, user.client_certificate)
    key = data_or_file(entry, "client-key", user.client_key_data, user.client_key)
    if bool(certificate) != bool(key):
        raise BadKubeconfig(f"{entry.where} has a client certificate without its key, or a key without its certificate")
    made: Credentials | None = None
    if user.exec is not None:
        made = Exec(plugin(user.exec, entry, cluster), now)
    elif user.auth_provider is not None:
        made = oidc(user.auth_provider, entry, now)
    if made is not None:
        if certificate or user.token or user.token_file or (user.exec and user.auth_provider):
            named = "exec" if user.exec else "auth-provider"
            raise BadKubeconfig(f"{entry.where} has {named} beside another credential; keep one")
        return made
    token = file_at(entry, "tokenFile", user.token_file) if user.token_file else user.token or ""
    if isinstance(token, str) and not (token.isascii() and token.isprintable()):
        raise BadKubeconfig(f"{entry.where}: token holds characters that no token has, such as a line break")
    if isinstance(token, bytes | str) and isinstance(certificate, bytes) and isinstance(key, bytes):
        return Fixed(Credential(token, certificate, key))
    return Files(now, token, certificate, key)


def refuse_unsupported(user: User, where: str) -> None:
    if user.username or user.password:
        raise BadKubeconfig(f"{where} has a user name and password, which API servers no longer take; use a token")
    if user.auth_provider is not None and user.auth_provider.name != "oidc":
        name = user.auth_provider.name
        raise BadKubeconfig(f"{where} has auth-provider {name}, which Kubernetes 1.26 removed; use an exec plugin")
    if not user.impersonate and (user.impersonate_uid or user.impersonate_groups or user.impersonate_extra):
        raise BadKubeconfig(f'{where} has as-uid, as-groups or as-user-extra without "as", which they need')


def impersonation(user: User, where: str) -> tuple[tuple[str, str], ...]:
    """Return the headers by which the server takes us for somebody else."""
    if not user.impersonate:
        return ()
    headers = [("Impersonate-User", user.impersonate)]
    if user.impersonate_uid:
        headers.append(("Impersonate-Uid", user.impersonate_uid))
    headers += [("Impersonate-Group", group) for group in user.impersonate_groups or ()]
    for key, values in sorted((user.impersonate_extra or {}).items()):
        # Header names have no case and few characters; the server decodes this.
        headers += [(f"Impersonate-Extra-{quote(key.lower(), safe=HEADER_SAFE)}", value) for value in values]
    if not all(value.isprintable() for _, value in headers):
        raise BadKubeconfig(f"{where}: as, as-uid, as-groups or as-user-extra holds a line break or the like")
    return tuple(headers)


def oidc(spec: AuthProvider, entry: Entry[User], now: Now) -> Credentials:
    """Return the id token and where the next one comes from. Raises: BadKubeconfig."""
    from volary.kube.oidc import Oidc, Provider, is_safe  # with an HTTP client, which few commands need

    config = spec.config or {}
    issuer, client = config.get("idp-issuer-url", ""), config.get("client-id", "")
    if not issuer or not client:
        raise BadKubeconfig(f"{entry.where}: auth-provider oidc needs idp-issuer-url and client-id in its config")
    if not is_safe(issuer):
        raise BadKubeconfig(f"{entry.where}: idp-issuer-url must begin with https://")
    name = "idp-certificate-authority"
    authority = data_or_file(entry, name, config.get(f"{name}-data"), config.get(name))
    pem = read_file(authority) if isinstance(authority, Path) else authority
    provider = Provider(entry.where, issuer, client, config.get("client-secret", ""), pem)
    return Oidc(provider, now, config.get("id-token", ""), config.get("refresh-token", ""))


def data_or_file(entry: Entry[User] | Entry[Cluster], name: str, data: str | None, path: str | None) -> bytes | Path:
    """Return what NAME-data holds, else the file that NAME names; b"" if neither is there. Raises: BadKubeconfig."""
    if data:
        try:
            return from_base64(data)
        except ValueError:
            raise BadKubeconfig(f"{entry.where}: {name}-data is not base64") from None
    return file_at(entry, name, path) if path else b""


def file_at(entry: Entry[User] | Entry[Cluster], name: str, path: str) -> Path:
    """Return a file that the kubeconfig names. Raises: BadKubeconfig, if it may not or cannot be read."""
    if entry.folder is None:
        raise BadKubeconfig(f"{entry.where} names a file ({name}); a kubeconfig in a Secret must hold the data itself")
    file = entry.folder / path
    read_file(file, f"{entry.where}: {name}: ")
    return file


def read_file(path: Path, where: str = "") -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is no path"
        raise BadKubeconfig(f"{where}cannot read {path}: {why}") from None


def plugin(spec: ExecSpec, entry: Entry[User], cluster: Entry[Cluster]) -> Plugin:
    """Return the program to run. Raises: BadKubeconfig."""
    if entry.folder is None:
        raise BadKubeconfig(f"{entry.where} has exec; a kubeconfig in a Secret may not run programs, use a token")
    if spec.api_version not in EXEC_VERSIONS:
        known = " or ".join(EXEC_VERSIONS)
        raise BadKubeconfig(f'{entry.where}: exec.apiVersion is "{spec.api_version}"; allowed: {known}')
    if spec.interactive_mode == "Always":
        raise BadKubeconfig(f"{entry.where}: exec wants a terminal (interactiveMode Always); there is none here")
    # As in a shell: a name is looked for in PATH, a path counts from the kubeconfig's folder.
    command = str(entry.folder / spec.command) if "/" in spec.command else spec.command
    return Plugin(
        spec.api_version,
        command,
        tuple(spec.args or ()),
        {variable.name: variable.value for variable in spec.env or ()},
        cluster_info(cluster) if spec.provide_cluster_info else None,
        spec.install_hint or "",
    )


def cluster_info(entry: Entry[Cluster]) -> dict[str, object]:
    """Return what a plugin with provideClusterInfo is told. Raises: BadKubeconfig."""
    cluster = entry.value
    authority = cluster.certificate_authority_data
    if not authority and cluster.certificate_authority:
        file = file_at(entry, "certificate-authority", cluster.certificate_authority)
        authority = base64.b64encode(read_file(file)).decode()
    extensions = {extension.name: extension.extension for extension in cluster.extensions or ()}
    told = {
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": authority,
        "proxy-url": cluster.proxy_url,
        "config": extensions.get(EXTENSION),
    }
    return {"server": cluster.server} | {name: value for name, value in told.items() if value}
