"""Health by check, and what is counted, in the words that tools know from the real server."""

from __future__ import annotations

import re

import pytest

from tests.unit.embedded.front.wire import Wire, get, post, run
from tests.unit.embedded.server.parts import FakeApi, FakeWatch
from volary.embedded.front.health import Health
from volary.kube.transport import Request, Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"


def test_well_is_ok_and_verbose_names_the_checks() -> None:
    health = Health({})
    assert health.answer("/livez", {}).body == b"ok"
    verbose = health.answer("/readyz", {"verbose": ""}).body.decode()
    assert verbose.startswith("[+]ping ok\n[+]log ok\n[+]etcd ok\n")
    assert verbose.endswith("[+]shutdown ok\nreadyz check passed\n")
    assert "shutdown" not in health.answer("/livez", {"verbose": "1"}).body.decode()


def test_what_is_not_well_is_named_without_its_reason() -> None:
    health = Health({"etcd": lambda: False})
    answer = health.answer("/livez", {})
    assert answer.status == 500
    assert b"[-]etcd failed: reason withheld\n" in answer.body
    assert answer.body.endswith(b"livez check failed\n")
    assert health.answer("/livez", {"exclude": "etcd"}).status == 200
    assert b"[+]etcd excluded: ok\n" in health.answer("/livez", {"exclude": "etcd", "verbose": ""}).body
    assert health.answer("/livez/etcd", {}).status == 500
    assert health.answer("/livez/ping", {}).status == 200


def test_a_check_that_is_not_there_cannot_be_left_out() -> None:
    body = Health({}).answer("/livez", {"exclude": "nope", "verbose": ""}).body.decode()
    assert 'warn: some health checks cannot be excluded: no matches for "nope"\n' in body


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/livez", True), ("/readyz/shutdown", True), ("/healthz/ping", True),
        ("/livez/poststarthook/rbac/bootstrap-roles", True),
        ("/livez/shutdown", False), ("/livez/nope", False), ("/live", False), ("/api/livez", False),
    ],
)  # fmt: skip
def test_paths(path: str, known: bool) -> None:
    assert Health({}).has(path) == known


def test_a_server_that_stops_is_not_ready() -> None:
    health = Health({})
    health.stopping = True
    assert (health.answer("/readyz", {}).status, health.answer("/livez", {}).status) == (500, 200)


def test_who_may_not_ask_is_told_so_by_the_api() -> None:
    class Strict(FakeApi):
        def handle(self, request: Request, user: object) -> Response:
            return Response(403, JSON, b"no")

    async def test() -> None:
        wire = Wire(Strict())
        wire.send(get("/metrics"), get("/livez/ping"))
        assert wire.statuses() == [403, 403]

    run(test())


def figures(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def requests(verb: str, code: int, **labels: str) -> str:
    found = {"component": "apiserver", "dry_run": "", "group": "", "resource": "", "scope": "", "subresource": ""}
    found |= {"verb": verb, "version": "", **labels}
    pairs = ",".join(f'{name}="{value}"' for name, value in sorted(found.items()))
    return f'apiserver_request_total{{code="{code}",{pairs}}}'


def test_requests_are_counted_by_verb_code_and_resource() -> None:
    async def test() -> None:
        item = "/apis/apps/v1/namespaces/a/deployments/b"
        wire = Wire(FakeApi({PODS: Response(200, JSON, b"{}"), "/watch": FakeWatch()}))
        apply = post(f"{item}?dryRun=All", b"{}", b"Content-Type: application/apply-patch+yaml\r\n")
        wire.send(get(PODS) * 3, get(item), apply.replace(b"POST", b"PATCH", 1), get("/livez"), get("/made/up"))
        wire.send(get("/metrics"))
        found = figures(wire.said().rpartition(b"\r\n\r\n")[2].decode())
        assert found[requests("LIST", 200, resource="pods", scope="cluster", version="v1")] == 3
        of_apps = {"group": "apps", "resource": "deployments", "scope": "resource", "version": "v1"}
        assert found[requests("GET", 404, **of_apps)] == 1
        assert found[requests("APPLY", 404, dry_run="All", **of_apps)] == 1
        assert found[requests("GET", 200, subresource="/livez")] == 1
        assert found[requests("GET", 404)] == 1

    run(test())


def test_watches_are_counted_while_they_are_open_and_then_as_requests() -> None:
    async def test() -> None:
        watch = f"{PODS}?watch=true"
        wire = Wire(FakeApi({PODS: FakeWatch(timeout_seconds=5)}))
        wire.get(watch)
        other = Wire(FakeApi(), others={"west": wire.site})
        other.get("/clusters/west/metrics")
        body = other.said().decode()
        assert re.search(r'apiserver_longrunning_requests\{.*resource="pods".*verb="WATCH",version="v1"\} 1', body)
        await wire.seconds(7)
        other.get("/clusters/west/metrics")
        last = figures(other.said().rpartition(b"\r\n\r\n")[2].decode())
        assert last[requests("WATCH", 200, resource="pods", scope="cluster", version="v1")] == 1

    run(test())


def test_what_clients_make_up_does_not_fill_the_memory() -> None:
    async def test() -> None:
        wire = Wire(FakeApi())
        for number in range(5000):
            wire.get(f"/api/v1/made-up-{number}")
        assert len(wire.site.metrics._requests) < 4200
        wire.get("/metrics")
        assert b'verb="other"' in wire.said().rpartition(b"\r\n\r\n")[2]

    run(test())
