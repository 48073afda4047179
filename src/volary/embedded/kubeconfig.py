"""A kubeconfig for embedded clusters: one context each, named as the cluster."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volary.embedded.server import Server


def write_kubeconfig(path: Path, servers: Mapping[str, Server], namespace: str = "default") -> None:
    """Write the file for its owner only; the first cluster is the current context. Replaces the file as a whole."""
    names = list(servers)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": names[0] if names else "",
        "clusters": [{"name": name, "cluster": cluster(it)} for name, it in servers.items()],
        "users": [{"name": name, "user": {"token": it.identity.token}} for name, it in servers.items()],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}} for name in names
        ],
    }
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("".join(yaml_lines(config)))
    partial.replace(path)


def cluster(server: Server) -> dict[str, str]:
    """Return where a server that was started is, and with TLS the authority that vouches for it."""
    if not server.tls:
        return {"server": server.url}
    assert server.authority, "the server is started"
    authority = base64.b64encode(server.authority.certificate).decode()
    return {"server": server.url, "certificate-authority-data": authority}


def yaml_lines(value: Mapping[str, Any], indent: str = "") -> list[str]:
    """Return a mapping of texts, mappings and lists of mappings as YAML; texts are quoted as JSON, which YAML reads.

    By hand: the library that writes YAML costs a tenth of the start of the program.
    """
    lines: list[str] = []
    for key, child in value.items():
        if isinstance(child, Mapping):
            lines += [f"{indent}{key}:\n", *yaml_lines(child, indent + "  ")]
        elif isinstance(child, list):
            lines.append(f"{indent}{key}:\n" if child else f"{indent}{key}: []\n")
            for item in child:
                first, *others = yaml_lines(item, indent + "  ")
                lines += [f"{indent}- {first.lstrip()}", *others]
        else:
            lines.append(f"{indent}{key}: {json.dumps(child)}\n")
    return lines
