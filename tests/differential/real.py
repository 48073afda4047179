"""A real API server, spoken to plainly: for recording what it answers."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class RealServer:
    """One context of a kubeconfig with a token and a certificate authority in it."""

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        config = yaml.safe_load(kubeconfig.read_text("utf-8"))
        named = {kind: {it["name"]: it for it in config[kind]} for kind in ("clusters", "users", "contexts")}
        chosen = named["contexts"][context or config["current-context"]]["context"]
        cluster, user = named["clusters"][chosen["cluster"]]["cluster"], named["users"][chosen["user"]]["user"]
        self.url = urlsplit(cluster["server"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.trust = ssl.create_default_context(cadata=authority)
        self.token = user["token"]

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, Any, bytes]:
        """Return status, headers and body of one answer."""
        line = http.client.HTTPSConnection(self.url.hostname or "", self.url.port, context=self.trust, timeout=30)
        with closing(line):
            line.request(method, path, body, {"authorization": f"Bearer {self.token}", **headers})
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer that must be a success."""
        sent = json.dumps(body).encode() if body is not None else None
        status, _, content = self.ask(method, path, {"content-type": "application/json", **(headers or {})}, sent)
        assert status < 300, f"{method} {path}: {status} {content.decode()[:500]}"
        return json.loads(content)
