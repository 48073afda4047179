from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.embedded.mesh.fakes import service, split, virtual_service
from volary.embedded.mesh.translate import Translation, World, translate


def hosts(found: Translation) -> dict[str, dict[str, Any]]:
    return {host["name"]: host for host in found.routes["virtual_hosts"]}


def target(found: Translation, host: str) -> str:
    """Return the one cluster that requests to a host go to."""
    (route,) = hosts(found)[host]["routes"]
    action = route["route"]
    return str(action.get("cluster") or action["weighted_clusters"]["clusters"][0]["name"])


def test_every_service_is_reached_by_its_names() -> None:
    found = translate(World(services=[service("podinfo", 9898), service("podinfo", 80, namespace="other")]))
    assert hosts(found)["podinfo.test"]["domains"] == [
        "podinfo.test",
        "podinfo.test.svc",
        "podinfo.test.svc.cluster.local",
    ]
    assert target(found, "podinfo.test") == "test_podinfo_9898"
    assert target(found, "podinfo.other") == "other_podinfo_80"
    assert found.routes["ignore_port_in_host_matching"] is True


def test_ports_beyond_the_default_are_chosen_by_the_host_header() -> None:
    found = translate(World(services=[service("podinfo", 9999, 80, 9898)]))
    routes = hosts(found)["podinfo.test"]["routes"]
    suffixes = [[one["string_match"]["suffix"] for one in route["match"].get("headers", [])] for route in routes]
    assert suffixes == [[":9999"], [":9898"], []]
    assert [route["route"]["cluster"] for route in routes] == [
        "test_podinfo_9999",
        "test_podinfo_9898",
        "test_podinfo_80",
    ]


def test_a_destination_without_a_port_follows_the_port_that_was_asked_for() -> None:
    services = [service("podinfo", 80, 9999), service("podinfo-primary", 80, 9999)]
    found = translate(World(services=services, virtual_services=[virtual_service(split(podinfo_primary=100))]))
    routes = hosts(found)["podinfo.test"]["routes"]
    clusters = [route["route"]["weighted_clusters"]["clusters"][0]["name"] for route in routes]
    assert clusters == ["test_podinfo-primary_9999", "test_podinfo-primary_80"]
    assert found.gaps == {}


@pytest.mark.parametrize("name", ["podinfo", "podinfo.test", "podinfo.test.svc", "podinfo.test.svc.cluster.local"])
def test_a_virtual_service_takes_over_the_service_its_host_names(name: str) -> None:
    services = [service("podinfo", 9898), service("podinfo-canary", 9898)]
    routed = virtual_service(split(podinfo_canary=100), hosts=(name,))
    found = translate(World(services=services, virtual_services=[routed]))
    assert target(found, "podinfo.test") == "test_podinfo-canary_9898"
    assert list(hosts(found)) == ["podinfo.test", "podinfo-canary.test"] or len(hosts(found)) == 2


@pytest.mark.parametrize("name", ["app.example.com", "*.example.com", "*"])
def test_a_host_that_is_no_service_is_routed_too(name: str) -> None:
    routed = virtual_service(split(podinfo=100), hosts=("podinfo", name))
    found = translate(World(services=[service("podinfo", 9898)], virtual_services=[routed]))
    assert hosts(found)[name]["domains"] == [name]
    assert target(found, name) == "test_podinfo_9898"


def test_of_two_virtual_services_for_one_host_the_older_one_counts_and_the_other_is_told() -> None:
    older = virtual_service(split(podinfo_primary=100), name="z-older")
    newer = virtual_service(split(podinfo_canary=100), name="a-newer")
    newer["metadata"]["creationTimestamp"] = "2026-11-24T11:00:00Z"
    services = [service(name, 9898) for name in ("podinfo", "podinfo-primary", "podinfo-canary")]
    for order in ([older, newer], [newer, older]):
        found = translate(World(services=services, virtual_services=order))
        assert target(found, "podinfo.test") == "test_podinfo-primary_9898"
        told = ("spec.hosts[0]: podinfo.test is routed by the older VirtualService test/z-older",)
        assert found.gaps == {("VirtualService", "test", "a-newer"): told}


def test_clusters_have_no_limits_and_never_panic() -> None:
    found = translate(World(services=[service("podinfo", 9898)], endpoints={"test_podinfo_9898": (("127.0.0.1", 1),)}))
    cluster = found.clusters["test_podinfo_9898"]
    assert cluster["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}}
    assert cluster["circuit_breakers"]["thresholds"][0]["max_retries"] == 4_294_967_295
    assert cluster["lb_policy"] == "LEAST_REQUEST"
    (locality,) = found.endpoints["test_podinfo_9898"]["endpoints"]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 1}}
    assert locality["lb_endpoints"] == [{"endpoint": {"address": address}}]


def test_a_destination_rule_chooses_the_balancer_and_hears_what_is_not_applied() -> None:
    policy = {
        "loadBalancer": {"simple": "RANDOM"},
        "tls": {"mode": "ISTIO_MUTUAL"},
        "connectionPool": {"tcp": {"a": 1}},
    }
    rule = {"metadata": {"name": "podinfo", "namespace": "test"}, "spec": {"host": "podinfo", "trafficPolicy": policy}}
    found = translate(World(services=[service("podinfo", 9898)], destination_rules=[rule]))
    assert found.clusters["test_podinfo_9898"]["lb_policy"] == "RANDOM"
    told = ("spec.trafficPolicy.tls.mode", "spec.trafficPolicy.connectionPool")
    assert found.gaps == {("DestinationRule", "test", "podinfo"): told}


def test_the_same_objects_in_any_order_give_the_same_bytes() -> None:
    services = [service(name, 9898) for name in ("a", "b", "c")]
    routed = [virtual_service(split(a=1), name="x", hosts=("b",)), virtual_service(split(b=1), name="y", hosts=("c",))]
    one = translate(World(services=services, virtual_services=routed))
    other = translate(World(services=services[::-1], virtual_services=routed[::-1]))
    assert json.dumps([one.clusters, one.routes]) == json.dumps([other.clusters, other.routes])


SPELLED = """match route destination host port number weight uri exact regex headers request set timeout retries
    attempts mirror fault abort percentage value rewrite redirect hosts"""
WORDS = st.sampled_from(SPELLED.split())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.sampled_from(["", "podinfo", "15s", "/", "*"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(WORDS, ANYTHING, max_size=4), max_size=3))
def test_no_shape_of_a_virtual_service_breaks_the_translation(http: list[dict[str, Any]]) -> None:
    found = translate(World(services=[service("podinfo", 9898)], virtual_services=[virtual_service(*http)]))
    for host in found.routes["virtual_hosts"]:
        for route in host["routes"]:
            clusters = (route.get("route") or {}).get("weighted_clusters", {}).get("clusters", [{"weight": 1}])
            assert sum(cluster["weight"] for cluster in clusters) > 0
    assert set(found.endpoints) == set(found.clusters)
