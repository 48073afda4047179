"""A server can be an older minor of Kubernetes: what came later is not there, neither served nor taken."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import count

import msgspec
import pytest

from tests.unit.embedded.api.server import Asked, Object
from volary.cli.kube import RELEASES
from volary.embedded.api.catalog import Catalog
from volary.embedded.api.releases import NEWEST, OLDEST, UnknownRelease, kinds_in, minor_of
from volary.embedded.api.server import ApiServer
from volary.kube.transport import Request, Response

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def server(version: str) -> ApiServer:
    ids = count(1)
    return ApiServer("old", lambda: MOMENT, random.Random(1), lambda: f"uid-{next(ids)}", catalog=Catalog.of(version))


def read(api: ApiServer, path: str, **headers: str) -> Response:
    answer = api.handle(Request("GET", path, {}, headers, b""))
    assert isinstance(answer, Response)
    return answer


def document(api: ApiServer, path: str) -> Object:
    found: Object = msgspec.json.decode(read(api, path).body)
    return found


@pytest.mark.parametrize("minor", range(OLDEST, NEWEST + 1))
def test_the_version_is_the_one_asked_for(minor: int) -> None:
    found = document(server(f"1.{minor}"), "/version")
    assert (found["major"], found["minor"]) == ("1", str(minor))
    assert found["gitVersion"].startswith(f"v1.{minor}.")
    assert ("emulationMinor" in found) == (minor >= 33)


def test_kinds_that_came_later_are_not_served() -> None:
    old, new = server("1.31"), server("1.34")
    assert read(old, "/apis/resource.k8s.io/v1").status == 404
    assert read(new, "/apis/resource.k8s.io/v1").status == 200
    assert read(old, "/apis/networking.k8s.io/v1/servicecidrs").status == 404
    assert read(new, "/apis/networking.k8s.io/v1/servicecidrs").status == 200
    assert len(kinds_in(31)) < len(kinds_in(36))


def test_fields_that_came_later_are_unknown() -> None:
    container = {"name": "a", "image": "a:1"}
    pod = {"metadata": {"name": "p"}, "spec": {"hostnameOverride": "other", "containers": [container]}}
    asked = Asked()
    for version, kept in (("1.33", False), ("1.34", True)):
        asked.api = server(version)
        asked.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        answer = asked.raw("POST", "pods", pod)
        assert ("hostnameOverride" in msgspec.json.decode(answer.body)["spec"]) is kept
        assert ('unknown field \\"spec.hostnameOverride\\"' in answer.headers.get("warning", "")) is not kept


def test_documents_describe_only_what_there_was() -> None:
    name = "io.k8s.api.core.v1.PodSpec"
    for version, there in (("1.31", False), ("1.36", True)):
        for path, place in (("/openapi/v2", ("definitions",)), ("/openapi/v3/api/v1", ("components", "schemas"))):
            found = document(server(version), path)
            for step in place:
                found = found[step]
            assert ("schedulingGroup" in found[name]["properties"]) is there


def test_a_version_that_cannot_be_is_refused() -> None:
    assert minor_of("v1.35.2") == 35
    for text in ("1.30", "1.37", "2.31", "1", "x", ""):
        with pytest.raises(UnknownRelease):
            minor_of(text)


def test_the_command_offers_all_releases() -> None:
    assert [minor_of(it) for it in RELEASES] == list(range(OLDEST, NEWEST + 1))


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3/api/v1"])
def test_who_has_a_document_does_not_get_it_twice(path: str) -> None:
    api = server("")
    first = read(api, path)
    again = read(api, path, **{"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert read(api, path, **{"if-none-match": '"other"'}).status == 200


def test_discovery_in_one_has_a_tag() -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    api = server("")
    first = read(api, "/apis", accept=accept)
    again = read(api, "/apis", accept=accept, **{"if-none-match": first.headers["etag"]})
    assert (again.status, again.headers["etag"]) == (304, first.headers["etag"])
    assert "etag" not in read(api, "/apis").headers


def test_a_hash_of_yesterday_leads_to_the_one_of_today() -> None:
    api = server("")
    wanted = document(api, "/openapi/v3")["paths"]["api/v1"]["serverRelativeURL"]
    path, _, known = wanted.partition("?hash=")
    asked = api.handle(Request("GET", path, {"hash": "OLD"}, {}, b""))
    assert isinstance(asked, Response)
    assert (asked.status, asked.headers["location"]) == (301, wanted)
    fine = api.handle(Request("GET", path, {"hash": known}, {}, b""))
    assert isinstance(fine, Response)
    assert (fine.status, fine.headers["cache-control"]) == (200, "public, immutable")
