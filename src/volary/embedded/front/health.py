"""Is the server well? `/livez`, `/readyz`, `/healthz`, whole or by check, in the words of the real server.

Source: k8s.io/apiserver, pkg/server/healthz, and answers of kube-apiserver 1.36.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from volary.embedded.api.text.go_text import go_quoted
from volary.kube.transport import Response

Checks = Mapping[str, Callable[[], bool]]

TEXT = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
ENDPOINTS = ("livez", "readyz", "healthz")
# Ours are fewer than the real server's, under its names: what it waits for in other processes is here from the start.
ALWAYS = (
    "ping", "log", "etcd", "poststarthook/start-apiextensions-controllers", "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller", "poststarthook/rbac/bootstrap-roles",
)  # fmt: skip
ONLY_READY = ("informer-sync", "shutdown")


class Health:
    """The checks of one cluster. A check from outside takes the place of one of ours with the same name."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self.stopping = False

    def has(self, path: str) -> bool:
        endpoint, _, check = path.strip("/").partition("/")
        return endpoint in ENDPOINTS and (not check or check in self._names(endpoint))

    def answer(self, path: str, query: Mapping[str, str]) -> Response:
        """Return the answer at a path that `has` knows."""
        endpoint, _, check = path.strip("/").partition("/")
        if check:
            return self._one(check)
        excluded = {name for name in query.get("exclude", "").split(",") if name}
        lines: list[str] = []
        failed = False
        for name in self._names(endpoint):
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
            elif self._well(name):
                lines.append(f"[+]{name} ok")
            else:
                lines.append(f"[-]{name} failed: reason withheld")
                failed = True
        if strangers := sorted(excluded - set(self._names(endpoint))):
            quoted = ", ".join(go_quoted(name) for name in strangers)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {quoted}")
        if failed:
            return text(500, "\n".join([*lines, f"{endpoint} check failed\n"]))
        return text(200, "\n".join([*lines, f"{endpoint} check passed\n"]) if "verbose" in query else "ok")

    def _one(self, check: str) -> Response:
        if self._well(check):
            return text(200, "ok")
        return text(500, f"internal server error: {check} is not well\n")

    def _names(self, endpoint: str) -> list[str]:
        others = [name for name in self._checks if name not in ALWAYS]
        return [*ALWAYS, *others, *(ONLY_READY if endpoint == "readyz" else ())]

    def _well(self, name: str) -> bool:
        if name == "shutdown":
            return not self.stopping
        check = self._checks.get(name)
        return check is None or check()


def text(status: int, body: str) -> Response:
    return Response(status, TEXT, body.encode())
