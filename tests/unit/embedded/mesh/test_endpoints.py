from __future__ import annotations

import pytest

from tests.unit.embedded.mesh.fakes import FakeLocal, FakePods, endpoint_slice, service
from volary.embedded.mesh.endpoints import AddressBook, find_endpoints
from volary.embedded.services import ServiceAddresses

A, B = ("127.1.0.1", 9898), ("127.1.0.2", 40001)
WHERE = {("test", "a"): {9898: A, 9999: ("127.1.0.1", 9999)}, ("test", "b"): {9898: B}}
BOOK = AddressBook(lambda namespace, pod: WHERE.get((namespace, pod), {}))
SLICES, PODS = "discovery.k8s.io/endpointslices", "/pods"


def test_endpoints_are_where_the_pods_really_listen() -> None:
    found = find_endpoints([service("podinfo", 80)], [endpoint_slice("podinfo", "b", "a")], BOOK)
    assert found == {"test_podinfo_80": (A, B)}


@pytest.mark.parametrize("conditions", [{"ready": False}, {"ready": True, "terminating": True}])
def test_an_endpoint_that_is_not_ready_or_on_its_way_out_is_left_out(conditions: dict[str, bool]) -> None:
    one = endpoint_slice("podinfo", "a", "b")
    one["endpoints"][0]["conditions"] = conditions
    assert find_endpoints([service("podinfo", 80)], [one], BOOK) == {"test_podinfo_80": (B,)}


def test_a_pod_without_a_process_and_a_service_without_slices_have_no_endpoints() -> None:
    services = [service("podinfo", 80), service("other", 80)]
    found = find_endpoints(services, [endpoint_slice("podinfo", "c")], BOOK)
    assert found == {"test_podinfo_80": (), "test_other_80": ()}


def test_each_port_of_a_service_follows_the_slice_port_of_its_name() -> None:
    one = endpoint_slice("podinfo", "a", "b")
    one["ports"] = [{"name": "p80", "port": 9898}, {"name": "p9999", "port": 9999}]
    found = find_endpoints([service("podinfo", 80, 9999)], [one], BOOK)
    assert found == {"test_podinfo_80": (A, B), "test_podinfo_9999": (("127.1.0.1", 9999),)}


class Cluster:
    def __init__(self) -> None:
        self.local, self.pods = FakeLocal(), FakePods()
        self.pods.addresses = {key: dict(ports) for key, ports in WHERE.items()}
        self.services = ServiceAddresses(self.local, self.pods)
        for name in ("a", "b"):
            self.local.put(PODS, {"metadata": {"name": name, "namespace": "test"}})
        self.local.put("/services", service("podinfo", 80))
        self.local.put(SLICES, endpoint_slice("podinfo", "a", "b"))


def test_endpoints_of_a_service_take_turns() -> None:
    cluster = Cluster()
    assert {cluster.services.resolve("test", "podinfo", "80") for _ in range(2)} == {A, B}


@pytest.mark.parametrize("port", ["80", "http", ""])
def test_a_port_is_named_by_number_or_name_or_not_at_all(port: str) -> None:
    assert Cluster().services.resolve("test", "podinfo", port) in (A, B)


@pytest.mark.parametrize(("service_name", "port"), [("podinfo", "81"), ("podinfo", "grpc"), ("gone", "80")])
def test_what_is_not_there_resolves_to_nothing(service_name: str, port: str) -> None:
    assert Cluster().services.resolve("test", service_name, port) is None


def test_a_pod_that_is_asked_to_stop_is_no_longer_resolved() -> None:
    cluster = Cluster()
    meta = {"name": "a", "namespace": "test", "deletionTimestamp": "2026-11-24T10:00:00Z"}
    cluster.local.put(PODS, {"metadata": meta})
    assert {cluster.services.resolve("test", "podinfo", "80") for _ in range(4)} == {B}


def test_a_server_of_this_process_is_an_ordinary_service() -> None:
    cluster = Cluster()
    for port in (4001, 4002):  # the second time it is there already
        cluster.services.publish("istio-system", "prometheus", 9090, "10.1.255.2", ("127.0.0.1", port))
    assert cluster.services.resolve("istio-system", "prometheus", "9090") == ("127.0.0.1", 4002)
    (made,) = cluster.local.items(SLICES, "istio-system")
    assert made["endpoints"][0]["addresses"] == ["10.1.255.2"], "the API refuses loopback addresses"
    assert "selector" not in cluster.local.items("/services", "istio-system")[0]["spec"]
    assert cluster.local.get("/namespaces", "", "istio-system") is not None
