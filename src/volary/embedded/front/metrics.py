"""What a cluster's front counts, as Prometheus reads it: requests, answers that go on, objects; and the process itself.

Source: names, labels and verbs of kube-apiserver 1.36 (k8s.io/apiserver, pkg/endpoints/metrics).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from volary.embedded.front.incoming import Incoming
from volary.embedded.front.process import process_figures
from volary.embedded.front.target import LONGEST_KEPT, Target
from volary.kube.transport import Response

TEXT = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}
MOST_LABELS = 4_096  # clients choose paths; beyond this many, further ones are counted as one
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
APPLY = "application/apply-patch"

Label = tuple[str, ...]  # values of NAMES
NAMES = ("component", "dry_run", "group", "resource", "scope", "subresource", "verb", "version")
OTHER: Label = ("", "", "", "", "", "", "other", "")
Objects = Callable[[], Mapping[str, int]]  # GROUP/PLURAL -> how many


class Metrics:
    """The counts of one cluster."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._requests: dict[tuple[Label, int], int] = {}
        self._open: dict[Label, int] = {}

    def count(self, incoming: Incoming, status: int) -> None:
        """Count a request that was answered."""
        self._add(label_of(incoming), status)

    def begun(self, incoming: Incoming) -> Label:
        """Count an answer that goes on; return its label for `ended`."""
        label = label_of(incoming)
        if label not in self._open and len(self._open) >= MOST_LABELS:
            label = OTHER
        self._open[label] = self._open.get(label, 0) + 1
        return label

    def ended(self, label: Label, status: int) -> None:
        self._open[label] -= 1
        self._add(label, status)

    def _add(self, label: Label, status: int) -> None:
        key = (label, status)
        found = self._requests.get(key)
        if found is None and len(self._requests) >= MOST_LABELS:
            key = (OTHER, status)
            found = self._requests.get(key)
        self._requests[key] = (found or 0) + 1

    def answer(self) -> Response:
        """Return all figures."""
        return Response(200, TEXT, "".join(self._lines()).encode())

    def _lines(self) -> Iterator[str]:
        yield head("apiserver_request_total", "counter", "Requests by verb, group, version, resource, scope and code.")
        for (label, status), times in sorted(self._requests.items()):
            yield f'apiserver_request_total{{code="{status}",{labels(NAMES, label)}}} {times}\n'
        yield head("apiserver_longrunning_requests", "gauge", "Watches, logs and proxied requests that are open.")
        for label, times in sorted(self._open.items()):
            pairs = [(name, value) for name, value in zip(NAMES, label) if name != "dry_run"]
            yield f"apiserver_longrunning_requests{{{labels(*zip(*pairs))}}} {times}\n"
        yield head("apiserver_resource_objects", "gauge", "Stored objects by kind.")
        for resource, number in sorted(self._objects().items()):
            group, _, plural = resource.rpartition("/")
            yield f"apiserver_resource_objects{{{labels(('group', 'resource'), (group, plural))}}} {number}\n"
        for name, kind, about, value in process_figures():
            yield f"{head(name, kind, about)}{name} {value:.17g}\n"


def head(name: str, kind: str, about: str) -> str:
    return f"# HELP {name} {about}\n# TYPE {name} {kind}\n"


def labels(names: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f'{name}="{quoted(value)}"' for name, value in zip(names, values))


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def label_of(incoming: Incoming) -> Label:
    """Return what a request counts as."""
    method = incoming.method
    if method == "PATCH" and incoming.headers.get("content-type", "").startswith(APPLY):
        method = "APPLY"
    target = incoming.target
    return kept_label(method, target) if len(target.raw) <= LONGEST_KEPT else new_label(method, target)


def new_label(method: str, target: Target) -> Label:
    """Return the label of a method and a target."""
    verb = method if method in METHODS or method == "APPLY" else "other"
    parts, dry_run = target.parts, target.query.get("dryRun", "")
    if parts is None:
        return ("apiserver", dry_run, "", "", "", document(target.path), verb, "")
    scope = "resource" if parts.name else "namespace" if parts.namespace else "cluster"
    if not parts.name or target.watch:
        verb = {"GET": "LIST", "DELETE": "DELETECOLLECTION"}.get(verb, verb)
    if target.watch and verb == "LIST":
        verb = "WATCH"
    if parts.subresource in ("proxy", "log", "exec", "attach", "portforward"):
        verb = "CONNECT"
    return ("apiserver", dry_run, parts.group, parts.plural, scope, parts.subresource, verb, parts.version)


kept_label = lru_cache(maxsize=8192)(new_label)  # targets are kept and shared: one look for most requests


def document(path: str) -> str:
    """Return the part of a path that is counted: of openapi two words, else one; nothing of what nobody knows."""
    words = path.strip("/").split("/")
    if words[0] in ("livez", "readyz", "healthz", "metrics", "version"):
        return "/" + words[0]
    if words[0] == "openapi":
        return "/".join(words[:2])
    return words[0] if words[0] in ("api", "apis") else ""
