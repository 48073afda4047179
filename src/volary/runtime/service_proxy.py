"""The `Http` of one cluster, from outside of it: services are reached through the API server's service proxy.

    http://flagger-loadtester.test/gate  ──►  /api/v1/namespaces/test/services/flagger-loadtester:80/proxy/gate

NAME.NAMESPACE is taken for a service, as a Pod's resolver would try it first. A host with a final dot ("example.com.")
is a name of the open network, as it is in DNS. What the API server itself answers (no such service, no endpoints, not
allowed) is no answer of the service, and must never be taken for one.
Source: Kubernetes "Access services running on clusters"; DNS for Services and Pods.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from volary.kube.client import Client
from volary.kube.credentials import NoCredentials
from volary.kube.errors import Unreachable
from volary.kube.transport import Request, Response
from volary.runtime.http import Http, HttpRequest, HttpResponse, NoAnswer

Mode = Literal["direct", "proxy"]

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SERVICE = re.compile(rf"(?P<name>{LABEL})\.(?P<namespace>{LABEL})(\.svc(\.cluster\.local)?)?")
# The API server takes these for itself, or they are of one connection only.
NOT_FORWARDED = frozenset({"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
DIAL_FAILED = b"error trying to reach service"


@dataclass(frozen=True, slots=True)
class Service:
    """A service inside the cluster, as a URL names it."""

    name: str
    namespace: str
    port: int
    secure: bool

    @property
    def proxy_path(self) -> str:
        scheme = "https:" if self.secure else ""
        return f"/api/v1/namespaces/{self.namespace}/services/{scheme}{self.name}:{self.port}/proxy"

    def __str__(self) -> str:
        return f"service {self.name}.{self.namespace}:{self.port}"


class ServiceHttp:
    """Sends to services through the API server in mode `proxy`, to everything else, and in mode `direct`, straight."""

    def __init__(self, client: Client, direct: Http, mode: Mode) -> None:
        self.client = client
        self.direct = direct
        self.mode = mode

    async def send(self, request: HttpRequest) -> HttpResponse:
        service = service_in(request.url) if self.mode == "proxy" else None
        if service is None:
            return await self.direct.send(request)
        try:
            response = await self.client.raw(proxied(request, service))
        except (Unreachable, NoCredentials) as error:
            raise NoAnswer(f"{service}, through the API server: {error}") from None
        if trouble := own_answer(response):
            raise NoAnswer(f"{service}: {trouble}")
        return HttpResponse(response.status, response.headers, response.body)

    async def close(self) -> None:
        await self.direct.close()


def service_in(url: str) -> Service | None:
    """Return the service that a URL names, or None for any other host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    match = SERVICE.fullmatch(parts.hostname or "")
    if match is None or parts.scheme not in ("http", "https"):
        return None
    secure = parts.scheme == "https"
    return Service(match["name"], match["namespace"], port or (443 if secure else 80), secure)


def proxied(request: HttpRequest, service: Service) -> Request:
    """Return the request to the API server that has it forwarded. Raises: NoAnswer, where it would be another one."""
    parts = urlsplit(request.url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        raise NoAnswer(f"{service}: a query that has a name twice cannot go through the API server")
    if "authorization" in request.headers or parts.username:
        # Sent on, it would replace our own token at the API server, and show itself there.
        raise NoAnswer(f"{service}: credentials cannot go through the API server; run volary inside that cluster")
    headers = {name: value for name, value in request.headers.items() if name not in NOT_FORWARDED}
    path = service.proxy_path + (unquote(parts.path) or "/")
    made = Request(request.method, path, dict(pairs), headers, request.body)
    return replace(made, timeout_seconds=request.timeout_seconds)


def own_answer(response: Response) -> str:
    """Return what the API server says for itself, or "" if the service was reached and answered."""
    if response.status < 400:
        return ""
    status = status_in(response.body)
    if status is None:
        dialling = response.status in (502, 503, 504) and response.body.startswith(DIAL_FAILED)
        return f"not reached: {response.body[:200].decode('utf-8', 'replace').strip()}" if dialling else ""
    message = str(status.get("message") or status.get("reason") or f"HTTP {response.status}")
    if response.status == 404:
        return f"there is no such service ({message}); a host outside the cluster is written with a final dot"
    if response.status in (401, 403):
        return f"we may not use the service proxy: {message}"
    return message


def status_in(body: bytes) -> dict[str, Any] | None:
    """Return the body as a Kubernetes Status, or None if it is none."""
    try:
        status = msgspec.json.decode(body, type=dict)
    except msgspec.MsgspecError:
        return None
    return status if status.get("kind") == "Status" and status.get("apiVersion") == "v1" else None
