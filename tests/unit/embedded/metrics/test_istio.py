from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.embedded.mesh.fakes import service
from volary.embedded.metrics.istio import BUCKETS, REMEMBER_MS, Destination, Translator
from volary.embedded.metrics.promql.evaluate import Labels
from volary.embedded.metrics.workloads import Workloads, destinations

CANARY = Destination("test", "podinfo-canary", "podinfo")
CLUSTER = "test_podinfo-canary_9898"
TEXT = f"""# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{{envoy_response_code="200",envoy_cluster_name="{CLUSTER}"}} 90
envoy_cluster_upstream_rq{{envoy_response_code="503",envoy_cluster_name="{CLUSTER}"}} 10
envoy_cluster_upstream_rq{{envoy_response_code="200",envoy_cluster_name="nobody"}} 7
# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{CLUSTER}",le="0.5"}} 60
envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{CLUSTER}",le="+Inf"}} 100
envoy_cluster_upstream_rq_time_sum{{envoy_cluster_name="{CLUSTER}"}} 250.5
envoy_cluster_upstream_rq_time_count{{envoy_cluster_name="{CLUSTER}"}} 100
"""


def short(series: dict[Labels, float]) -> dict[str, float]:
    """Return the values by the last part of the name and the code or bound."""
    found = {}
    for labels, value in series.items():
        have = dict(labels)
        name = have["__name__"].removeprefix("istio_request").removeprefix("_duration_milliseconds")
        found[" ".join(filter(None, (name, have.get("response_code"), have.get("le"))))] = value
    return found


def envoy(code: str, value: float) -> str:
    return f'envoy_cluster_upstream_rq{{envoy_response_code="{code}",envoy_cluster_name="{CLUSTER}"}} {value}\n'


def test_envoys_counters_get_istios_names() -> None:
    series = Translator().translate(TEXT, {CLUSTER: CANARY}, 0)
    found = short(series)
    assert (found["s_total 200"], found["s_total 503"], found["s_total 500"]) == (90, 10, 0)
    assert (found["_bucket 0.5"], found["_bucket +Inf"], found["_sum"], found["_count"]) == (60, 100, 250.5, 100)
    (labels,) = [dict(one) for one in series if ("response_code", "503") in one]
    assert labels == {
        "__name__": "istio_requests_total",
        "reporter": "destination",
        "destination_workload": "podinfo",
        "destination_workload_namespace": "test",
        "destination_service": "podinfo-canary.test.svc.cluster.local",
        "destination_service_name": "podinfo-canary",
        "destination_service_namespace": "test",
        "request_protocol": "http",
        "connection_security_policy": "none",
        "response_code": "503",
    }


def test_a_cluster_has_zeros_from_its_first_moment() -> None:
    found = short(Translator().translate("", {CLUSTER: CANARY}, 0))
    wanted = {"s_total 200", "s_total 500", "_sum", "_count", *(f"_bucket {bound}" for bound in BUCKETS)}
    assert found == dict.fromkeys(wanted, 0.0)


def test_counters_go_on_where_envoy_or_the_cluster_began_anew() -> None:
    translator, there = Translator(), {CLUSTER: CANARY}
    totals = []
    for text, clusters in (
        (envoy("200", 5), there),
        (envoy("200", 2), there),  # Envoy restarted
        ("", {}),  # the Service is gone
        ("", there),
        (envoy("200", 9), there),
    ):
        totals.append(short(translator.translate(text, clusters, 0))["s_total 200"])
    assert totals == [5, 7, 7, 7, 16]


def test_what_is_gone_for_long_is_forgotten() -> None:
    translator = Translator()
    translator.translate(envoy("200", 5), {CLUSTER: CANARY}, 0)
    assert translator.translate("", {}, REMEMBER_MS)
    assert translator.translate("", {}, REMEMBER_MS + 1) == {}


def test_ports_of_one_service_count_together() -> None:
    other = envoy("200", 2).replace("_9898", "_9999")
    both = {CLUSTER: CANARY, "test_podinfo-canary_9999": CANARY}
    assert short(Translator().translate(envoy("200", 3) + other, both, 0))["s_total 200"] == 5


@given(st.lists(st.integers(0, 1000) | st.none(), max_size=20))
def test_no_counter_ever_goes_back(values: list[int | None]) -> None:
    translator, last = Translator(), 0.0
    for value in values:
        text = "" if value is None else envoy("200", value)
        now = short(translator.translate(text, {CLUSTER: CANARY} if value != 3 else {}, 0)).get("s_total 200", last)
        assert now >= last
        last = now


def deployment(name: str, app: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": app}}}
    return {"metadata": {"name": name, "namespace": "test"}, "spec": {"template": template}}


def pod(name: str, app: str, replica_set: str) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": replica_set, "controller": True}
    return {"metadata": {"name": name, "namespace": "test", "labels": {"app": app}, "ownerReferences": [owner]}}


def replica_set(name: str, of: str) -> dict[str, Any]:
    owner = {"kind": "Deployment", "name": of, "controller": True}
    return {"metadata": {"name": name, "namespace": "test", "ownerReferences": [owner]}}


def test_a_service_counts_for_the_deployment_it_selects_even_without_pods() -> None:
    services = [
        service("podinfo", 9898, selector={"app": "podinfo-primary"}),
        service("podinfo-primary", 9898, selector={"app": "podinfo-primary"}),
        service("podinfo-canary", 9898, 9797, selector={"app": "podinfo"}),
        service("elsewhere", 80, namespace="other", selector={"app": "podinfo"}),
    ]
    deployments = [deployment("podinfo", "podinfo"), deployment("podinfo-primary", "podinfo-primary")]
    found = destinations(services, Workloads(deployments, [], []))
    assert {name: one.workload for name, one in found.items()} == {
        "test_podinfo_9898": "podinfo-primary",
        "test_podinfo-primary_9898": "podinfo-primary",
        "test_podinfo-canary_9898": "podinfo",
        "test_podinfo-canary_9797": "podinfo",
        "other_elsewhere_80": "unknown",
    }


def test_of_several_deployments_the_one_with_most_pods_counts() -> None:
    deployments = [deployment("a", "shared"), deployment("b", "shared")]
    owners = [replica_set("a-1", "a"), replica_set("b-1", "b")]
    pods = [pod("p1", "shared", "a-1"), pod("p2", "shared", "b-1"), pod("p3", "shared", "b-1")]
    shared = service("shared", 80)
    assert Workloads(deployments, owners, pods).behind(shared) == "b"
    assert Workloads(deployments, owners, []).behind(shared) == "a"
    assert Workloads([], owners, pods[:1]).behind(shared) == "a"
