"""One API server: a request goes in, an answer comes out, at once and without I/O.

A request is atomic: nothing awaits, so no lock is needed, and the same requests under the same clock, chance and ids
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from volary.embedded.api.answers import Answer, Logs, Proxy
from volary.embedded.api.auth import bootstrap_roles, reviews
from volary.embedded.api.auth.access import Gate
from volary.embedded.api.auth.authentication import Authentication
from volary.embedded.api.auth.identity import ADMIN, User, master
from volary.embedded.api.auth.token_requests import request_token
from volary.embedded.api.auth.tokens import AccountTokens, Signer
from volary.embedded.api.call import (
    Call,
    Options,
    Path,
    find_type,
    media_type,
    options_of,
    split_path,
    warning_headers,
)
from volary.embedded.api.catalog import Catalog, ResourceType
from volary.embedded.api.core import Chance, Core
from volary.embedded.api.encoding import encode
from volary.embedded.api.errors import (
    PlainNotFound,
    Problem,
    bad_request,
    no_such_path,
    not_allowed,
    not_found,
    not_implemented,
    qualified,
)
from volary.embedded.api.local_access import LocalAccess
from volary.embedded.api.patch.patching import patch, refuse_media
from volary.embedded.api.releases import version_in
from volary.embedded.api.serving.discovery import version_rank
from volary.embedded.api.serving.faces import faces_of
from volary.embedded.api.serving.negotiating import refuse_unacceptable, wants_yaml
from volary.embedded.api.store import Store
from volary.embedded.api.text.go_durations import parse_duration
from volary.embedded.api.verbs import deleting, reading, scaling
from volary.embedded.api.verbs.binding import create_binding
from volary.embedded.api.verbs.creating import create
from volary.embedded.api.verbs.evicting import evict
from volary.embedded.api.verbs.log_options import check_log_options
from volary.embedded.api.verbs.reading import JSON, Snapshots, in_yaml, shown
from volary.embedded.api.verbs.service_ports import split_target
from volary.embedded.api.verbs.updating import find, update
from volary.embedded.api.verbs.watching import watch
from volary.kube.transport import Request, Response

Object = dict[str, Any]


class ApiServer:
    """The API of one cluster."""

    def __init__(
        self,
        name: str,
        now: Callable[[], datetime],
        rng: Chance,
        new_id: Callable[[], str],
        store: Store | None = None,
        catalog: Catalog | None = None,
        signer: Signer | None = None,
    ) -> None:
        """`catalog`: of another Kubernetes than the newest, or with kinds of before. Without a `signer` no tokens."""
        self.core = Core(name, now, rng, new_id, store or Store(), catalog or Catalog())
        bootstrap_roles.sow(self.core.store, name, self.core.stamp())
        self.gate = Gate(self.core.rbac)
        self.signer = signer
        self.tokens = AccountTokens(self.core, signer) if signer else None
        self.authentication = Authentication([self.tokens] if self.tokens else [])
        self.local = LocalAccess(self.core)
        self.snapshots = Snapshots()

    @property
    def name(self) -> str:
        return self.core.name

    @property
    def version(self) -> str:
        """Return what the server calls itself, as in v1.36.3+embedded."""
        return version_in(self.core.catalog.minor)["gitVersion"]

    def handle(self, request: Request, user: User | str = ADMIN) -> Answer:
        """Answer a request; a refusal is an answer too. A user given by name only may do everything."""
        try:
            return self._handle(request, user)
        except UnicodeEncodeError:
            # Half a character in a path, a query or a header. Nothing was stored: bytes are made before a write.
            problem = bad_request("the request has characters in it that cannot be written")
            return Response(problem.code, JSON, encode(problem.status()))

    def _handle(self, request: Request, user: User | str) -> Answer:
        answer = self._answered(request, user)
        yaml = wants_yaml(request.headers.get("accept", "")) and isinstance(answer, Response)
        return in_yaml(answer) if yaml and isinstance(answer, Response) else answer

    def _answered(self, request: Request, user: User | str) -> Answer:
        if isinstance(user, str):
            user = master(user)
        options = Options("unknown", user=user)
        try:
            refuse_timeout(request.query)
            user = self.gate.enter(request, user)
            path = split_path(request.path)
            if path is None:
                return self._document(request)
            type_ = find_type(self.core.catalog, path)
            refuse_scope(type_, path)
            refuse_form(request, path, type_)
            if request.method == "PATCH" and path.name:
                refuse_media(media_type(request.headers), type_)
            if request.method in WRITES:
                options = options_of(request.method, request.query, request.headers, user)
            if note := deprecation(self.core.catalog, type_):
                options.warn(note)
            call = Call(request.method, path, type_, request.query, request.headers, request.body, options)
            answer = self._answer(call)
        except PlainNotFound as problem:
            return Response(404, TEXT, problem.message.encode() + b"\n")
        except Problem as problem:
            headers = {**JSON, **problem.headers, **warning_headers(options.warnings)}
            return Response(problem.code, headers, encode(problem.status()))
        if options.warnings and isinstance(answer, Response):
            return Response(answer.status, {**answer.headers, **warning_headers(options.warnings)}, answer.body)
        return answer

    def date(self) -> str:
        """Return the time as the `Date` header has it."""
        return format_datetime(self.core.now(), usegmt=True)

    def _answer(self, call: Call) -> Answer:
        path = call.path
        if path.subresource:
            return self._subresource(call)
        if call.type.plural in reviews.VIRTUAL:
            return self._review(call)
        if path.name:
            if call.type.kind.namespaced and not path.namespace:
                raise no_such_path()
            return self._object(call)
        return self._collection(call)

    def _review(self, call: Call) -> Response:
        if call.name:
            raise no_such_path()
        if call.method != "POST":
            raise not_allowed()
        return Response(201, JSON, encode(reviews.review(self.core, self.authentication, call)))

    def _collection(self, call: Call) -> Answer:
        if call.method == "GET":
            if call.flag("watch"):
                return watch(self.core, call)
            return reading.list_objects(self.core, self.snapshots, call)
        if call.type.kind.namespaced and not call.path.namespace:
            raise not_allowed()
        if call.method == "POST":
            return shown(self.core, call, create(self.core, call), 201)
        if call.method == "DELETE" and "deletecollection" in call.type.kind.verbs:
            return self._delete_collection(call)
        raise not_allowed()

    def _object(self, call: Call) -> Answer:
        match call.method:
            case "GET" if call.flag("watch"):
                return watch(self.core, call)
            case "GET":
                return reading.get(self.core, call)
            case "PUT" | "PATCH":
                entry, new = update(self.core, call) if call.method == "PUT" else patch(self.core, call)
                return shown(self.core, call, entry, 201 if new else 200)
            case "DELETE":
                return self._delete(call)
        raise not_allowed()

    def _delete(self, call: Call) -> Response:
        options = deleting.options_in(call)
        entry, gone = deleting.delete(self.core, call.type, call.namespace, call.name, options)
        if gone and call.type.storage not in deleting.RETURNS_OBJECT:
            return Response(200, JSON, encode(deleting.status_of(call.type, entry)))
        return shown(self.core, call, entry)

    def _delete_collection(self, call: Call) -> Response:
        options = deleting.options_in(call)
        which = reading.filter_of(call)
        entries = self.core.store.items(call.type.storage, call.namespace or None)
        chosen = [it for it in entries if which.matches(reading.obj_of(call.type, it))]
        gone = [deleting.delete(self.core, call.type, *it.key, options)[0] for it in chosen]
        meta = {"resourceVersion": str(self.core.store.version)}
        return Response(200, JSON, reading.list_bytes(call.type, gone, meta))

    def _subresource(self, call: Call) -> Answer:
        name = call.path.subresource
        if name in STREAMED and call.type.storage == "/pods":
            find(self.core, call.type, call.namespace, call.name)
            raise not_implemented(f"pods/{name}")
        refuse_method(call)
        if name == "proxy" and call.type.storage == "/services":
            return proxy(call)
        if name == "log":
            return self._logs(call)
        if name == "ephemeralcontainers" and call.method in ("PUT", "PATCH"):
            raise not_implemented("pods/ephemeralcontainers")  # nothing would run them
        if name == "status" or name == "ephemeralcontainers" or name == "approval":
            return self._object(call)
        if name == "resize" and call.method == "GET":
            return reading.get(self.core, call)
        if name == "scale":
            return self._scale(call)
        if name == "finalize":
            return shown(self.core, call, update(self.core, call)[0])
        if name == "eviction":
            evict(self.core, call)
            return Response(201, JSON, encode(SUCCESS))
        if name == "token" and self.tokens:
            return self._token(self.tokens, call)
        if name == "binding":
            create_binding(self.core, call)
            return Response(201, JSON, encode(SUCCESS))
        raise not_implemented(f"{qualified(call.type.plural, call.type.group)}/{name}")

    def _token(self, tokens: AccountTokens, call: Call) -> Response:
        return Response(201, JSON, encode(request_token(self.core, tokens, call)))

    def _scale(self, call: Call) -> Response:
        match call.method:
            case "GET":
                entry = find(self.core, call.type, call.namespace, call.name)
                found = scaling.scale_of(call.type, entry.obj, strict=True)
            case "PUT":
                found = scaling.put_scale(self.core, call)
            case _:
                found = scaling.patch_scale(self.core, call)
        return Response(200, JSON, encode(found))

    def _logs(self, call: Call) -> Logs:
        check_log_options(call.name, call.query)
        entry = find(self.core, call.type, call.namespace, call.name)
        names = [it["name"] for it in entry.obj["spec"].get("containers") or ()]
        wanted = call.query.get("container") or (names[0] if len(names) == 1 else "")
        initial = [it["name"] for it in entry.obj["spec"].get("initContainers") or ()]
        if not wanted:
            choose = f"a container name must be specified for pod {call.name}, choose one of: [{' '.join(names)}]"
            raise bad_request(choose)
        if wanted not in names + initial:
            raise bad_request(f"container {wanted} is not valid for pod {call.name}")
        return Logs(call.namespace, call.name, wanted, call.query)

    def _document(self, request: Request) -> Response:
        """Answer a path that is not about a resource. Raises: Problem."""
        discovery, openapi = faces_of(self.core.catalog)
        accept = request.headers.get("accept", "")
        path = request.path.rstrip("/") or "/"
        if path.startswith("/openapi"):
            found = openapi.answer(path, accept, request.query.get("hash", ""))
        else:
            found = discovery.answer(path, accept)
        if found is None:
            raise PlainNotFound()
        if request.method not in ("GET", "HEAD"):
            raise not_allowed()
        return unless_known(request, found)


def unless_known(request: Request, found: Response) -> Response:
    """Return a document, or 304 to a client that has it."""
    tag = found.headers.get("etag")
    if tag is None or request.headers.get("if-none-match") != tag or found.status != 200:
        return found
    return Response(304, {key: it for key, it in found.headers.items() if key != "content-type"}, b"")


def refuse_scope(type_: ResourceType, path: Path) -> None:
    """Refuse a namespace for a kind of the cluster. Raises: Problem."""
    if path.namespace and not type_.kind.namespaced:
        raise PlainNotFound() if type_.custom else no_such_path()


def refuse_form(request: Request, path: Path, type_: ResourceType) -> None:
    """Refuse a client that accepts nothing of what a path serves. Raises: Problem."""
    if (
        request.method not in ("GET", *WRITES)
        or path.subresource in OTHER_ANSWERS
        or (path.subresource and type_.kind.subresource(path.subresource) is None)
    ):
        return
    listing = request.method == "GET" and not path.name
    refuse_unacceptable(request.headers.get("accept", ""), listing, not type_.custom)


def refuse_timeout(query: Mapping[str, str]) -> None:
    """Refuse a timeout that is no time. Raises: Problem."""
    text = query.get("timeout")
    if text and parse_duration(text) is None:
        raise bad_request(f'invalid timeout specified in the request URL - time: invalid duration "{text}"')


def refuse_method(call: Call) -> None:
    """Refuse a subresource that is not there, or not for this method, whether the object is there or not.

    Raises: Problem.
    """
    known = call.type.kind.subresource(call.path.subresource)
    if known is None or (call.path.rest and known.name != "proxy"):
        raise not_found(call.type.group, call.type.plural, call.name) if call.type.custom else no_such_path()
    if SUBRESOURCE_VERBS.get(call.method, "") not in known.verbs:
        raise not_allowed()


def deprecation(catalog: Catalog, type_: ResourceType) -> str:
    """Return the warning that a deprecated kind or version gives, "" for any other."""
    if not type_.custom:
        return DEPRECATED.get((type_.group, type_.kind.version, type_.plural), "")
    if not type_.version.get("deprecated"):
        return ""
    if type_.version.get("deprecationWarning"):
        return str(type_.version["deprecationWarning"])
    text = f"{type_.api_version} {type_.kind.kind} is deprecated"
    fine = [it for it in catalog.kinds() if it.definition == type_.definition and not it.version.get("deprecated")]
    newest = min(fine, key=lambda it: version_rank(it.kind.version), default=None)
    return f"{text}; use {newest.api_version} {newest.kind.kind}" if newest else text


DEPRECATED = {
    ("", "v1", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
    ("", "v1", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}
SUBRESOURCE_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
TEXT = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
OTHER_ANSWERS = frozenset({"proxy", "log", "exec", "attach", "portforward"})
STREAMED = frozenset({"exec", "attach", "portforward"})  # pods are stand-ins: there is nothing to go into
SUCCESS: Mapping[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def proxy(call: Call) -> Proxy:
    """Return what a proxied request asks for. Raises: Problem."""
    target = split_target(call.name)
    if target is None:
        raise bad_request(f'invalid service request "{call.name}"')
    scheme, name, port = target
    return Proxy(call.namespace, name, port, scheme, "/" + call.path.rest)
