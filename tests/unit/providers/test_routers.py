"""Every router: what is written reads back, twice equals once, foreign fields stay, others' objects are None."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from volary.providers.routers import ROUTERS, Istio, Split
from volary.providers.routers.istio import HttpRoute, definitions, destination_rule

REAL = Path(__file__).parents[4] / "shared" / "real"
SPLIT = Split("app", "app-primary", "app-canary")


def istio_route(*weights: int) -> dict[str, Any]:
    hosts = ("app-primary", "app-canary")
    route = [
        {"destination": {"host": host}, "weight": weight, "headers": {"response": {"add": {"x": host}}}}
        for host, weight in zip(hosts, weights, strict=True)
    ]
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": "app", "namespace": "test", "annotations": {"team": "a"}},
        "spec": {
            "hosts": ["app"],
            "exportTo": ["."],
            "http": [
                {"match": [{"uri": {"prefix": "/other"}}], "route": [{"destination": {"host": "other"}}]},
                {"timeout": "3s", "route": route},
            ],
        },
    }


ROUTES = {"istio": istio_route}


@pytest.mark.parametrize("name", sorted(ROUTERS))
@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
def test_a_weight_reads_back_and_twice_equals_once(name: str, percent: int) -> None:
    router, current = ROUTERS[name](), ROUTES[name](60, 40)
    before = copy.deepcopy(current)
    once = router.with_weight(current, SPLIT, percent)
    assert router.weight(once, SPLIT) == percent
    assert router.with_weight(once, SPLIT, percent) == once
    assert current == before, "objects that came in are shared"


@pytest.mark.parametrize("name", sorted(ROUTERS))
def test_foreign_fields_are_kept(name: str) -> None:
    router, current = ROUTERS[name](), ROUTES[name](60, 40)
    there_and_back = router.with_weight(router.with_weight(current, SPLIT, 7), SPLIT, 40)
    assert there_and_back == current


@pytest.mark.parametrize("name", sorted(ROUTERS))
def test_what_does_not_split_between_the_two_is_not_ours(name: str) -> None:
    router, current = ROUTERS[name](), ROUTES[name](60, 40)
    assert router.weight(current, Split("app", "other", "another")) is None
    assert router.weight({"spec": {}}, SPLIT) is None
    assert router.weight({}, SPLIT) is None
    assert router.weight(ROUTES[name](0, 0), SPLIT) is None, "neither side gets anything"


def test_routes_that_disagree_are_not_read() -> None:
    one, other = istio_route(60, 40), istio_route(50, 50)
    one["spec"]["http"] += other["spec"]["http"]
    assert Istio().weight(one, SPLIT) is None


@pytest.mark.parametrize(
    ("route", "gateways", "hosts", "named"),
    [
        (HttpRoute(80), ["mesh"], ["app"], False),
        (HttpRoute(80, hosts=("app.example.com",)), ["mesh"], ["app.example.com", "app"], False),
        (HttpRoute(80, hosts=("*",)), ["mesh"], ["*"], False),
        (HttpRoute(80, hosts=("app",)), ["mesh"], ["app"], False),
        (HttpRoute(80, gateways=("public",), port_discovery=True), ["public"], ["app"], True),
        (HttpRoute(80, gateways=("mesh", "public"), port_discovery=True), ["mesh", "public"], ["app"], False),
        (HttpRoute(80, delegation=True), None, None, False),
        (HttpRoute(80, delegation=True, port_discovery=True), None, None, True),
    ],
)
def test_gateways_hosts_and_ports_are_flaggers(
    route: HttpRoute, gateways: list[str] | None, hosts: list[str] | None, named: bool
) -> None:
    spec = Istio().spec(route, SPLIT, 10)
    assert (spec.get("gateways"), spec.get("hosts")) == (gateways, hosts)
    [rule] = spec["http"]
    assert [entry["weight"] for entry in rule["route"]] == [90, 10]
    assert [("port" in entry["destination"]) for entry in rule["route"]] == [named, named]


def test_only_what_is_set_is_written() -> None:
    [rule] = Istio().spec(HttpRoute(80, timeout="3s", retries={"attempts": 2}), SPLIT, 0)["http"]
    assert sorted(rule) == ["retries", "route", "timeout"]
    assert destination_rule("app-canary", None) == {"host": "app-canary"}
    assert destination_rule("app-canary", {"tls": {"mode": "DISABLE"}})["trafficPolicy"] == {"tls": {"mode": "DISABLE"}}


@pytest.mark.skipif(
    not REAL.is_dir(), reason=f"{REAL} is not there: Istio's own definitions are compared only where it is"
)
def test_definitions_have_istios_names_and_fields() -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (REAL / "crds/istio.yaml").read_text()
    theirs = {document["metadata"]["name"]: document for document in yaml.load_all(text, loader) if document}
    for ours in definitions():
        other = theirs[ours["metadata"]["name"]]
        [version] = ours["spec"]["versions"]
        [same] = [entry for entry in other["spec"]["versions"] if entry["name"] == version["name"]]
        assert ours["spec"]["names"] == other["spec"]["names"]
        mine, yours = (entry["schema"]["openAPIV3Schema"]["properties"]["spec"] for entry in (version, same))
        assert sorted(mine["properties"]) == sorted(yours["properties"])
        for field, schema in mine["properties"].items():
            assert schema["type"] == yours["properties"][field]["type"], field
        columns = [(column["name"], column["jsonPath"]) for column in version["additionalPrinterColumns"]]
        assert columns == [(column["name"], column["jsonPath"]) for column in same["additionalPrinterColumns"]]
