"""What becomes of the fields of a VirtualService, one row each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.embedded.mesh.fakes import service, split, virtual_service
from volary.embedded.mesh.translate import Translation, World, translate

PRIMARY, CANARY = "test_podinfo-primary_9898", "test_podinfo-canary_9898"
SERVICES = [service(name, 9898) for name in ("podinfo", "podinfo-primary", "podinfo-canary")]
HALF = split(podinfo_primary=50, podinfo_canary=50)
TO_PRIMARY = split(podinfo_primary=100)


def translated(*http: dict[str, Any]) -> tuple[list[dict[str, Any]], tuple[str, ...], Translation]:
    """Return the routes of host podinfo, the gaps of its VirtualService, and everything."""
    found = translate(World(services=SERVICES, virtual_services=[virtual_service(*http)]))
    (host,) = [host for host in found.routes["virtual_hosts"] if host["name"] == "podinfo.test"]
    return host["routes"], found.gaps.get(("VirtualService", "test", "podinfo"), ()), found


def mirrored(share: int) -> dict[str, Any]:
    return {"cluster": CANARY, "runtime_fraction": {"default_value": {"numerator": share, "denominator": "MILLION"}}}


def weights(route: dict[str, Any]) -> dict[str, int]:
    return {one["name"]: one["weight"] for one in route["route"]["weighted_clusters"]["clusters"]}


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (split(podinfo_primary=90, podinfo_canary=10), {PRIMARY: 90, CANARY: 10}),
        (split(podinfo_primary=100, podinfo_canary=0), {PRIMARY: 100}),
        (split(podinfo_primary=3, podinfo_canary=1), {PRIMARY: 3, CANARY: 1}),
        (split(podinfo_canary=0), {CANARY: 1}),  # a lone destination gets everything, whatever its weight
        ({"route": [{"destination": {"host": "podinfo-primary.test.svc.cluster.local"}}]}, {PRIMARY: 1}),
        ({"route": [{"destination": {"host": "podinfo-primary", "port": {"number": 9898}}}]}, {PRIMARY: 1}),
    ],
)
def test_weights(route: dict[str, Any], expected: dict[str, int]) -> None:
    routes, gaps, _ = translated(route)
    assert [weights(one) for one in routes] == [expected]
    assert gaps == ()


@pytest.mark.parametrize("http", [split(podinfo_primary=0, podinfo_canary=0), {"route": []}, {"name": "nothing"}])
def test_a_route_without_a_share_is_answered_with_503_and_never_published_with_a_sum_of_0(http: dict[str, Any]) -> None:
    routes, gaps, _ = translated(http)
    assert routes[0]["direct_response"]["status"] == 503
    assert "503" in gaps[0]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"uri": {"exact": "/a"}}, {"path": "/a"}),
        ({"uri": {"prefix": "/a"}, "ignoreUriCase": True}, {"prefix": "/a", "case_sensitive": False}),
        ({"uri": {"regex": "/a.*"}}, {"safe_regex": {"regex": "/a.*"}}),
        ({"method": {"exact": "GET"}}, [{"name": ":method", "string_match": {"exact": "GET"}}]),
        ({"authority": {"prefix": "app."}}, [{"name": ":authority", "string_match": {"prefix": "app."}}]),
        (
            {"headers": {"Cookie": {"regex": "^(.*?;)?(canary=always)(;.*)?$"}}},
            [{"name": "cookie", "string_match": {"safe_regex": {"regex": "^(.*?;)?(canary=always)(;.*)?$"}}}],
        ),
        ({"headers": {"x-user": {}}}, [{"name": "x-user", "present_match": True}]),
        (
            {"withoutHeaders": {"x-user": {"exact": "a"}}},
            [{"name": "x-user", "invert_match": True, "string_match": {"exact": "a"}}],
        ),
        ({"gateways": ["mesh", "istio-system/public"], "name": "all"}, {"prefix": "/"}),
        ({"port": 9898}, {"prefix": "/"}),
    ],
)
def test_matches(match: dict[str, Any], expected: Any) -> None:
    routes, gaps, _ = translated({**HALF, "match": [match]})
    wanted = {"prefix": "/", "headers": expected} if isinstance(expected, list) else expected
    assert [one["match"] for one in routes] == [wanted]
    assert gaps == ()


def test_query_parameters_are_matched() -> None:
    routes, _, _ = translated({**HALF, "match": [{"queryParams": {"canary": {"exact": "1"}, "any": {}}}]})
    wanted = [{"name": "canary", "string_match": {"exact": "1"}}, {"name": "any", "present_match": True}]
    assert routes[0]["match"]["query_parameters"] == wanted


@pytest.mark.parametrize(
    ("match", "gap"),
    [
        ({"sourceLabels": {"app": "a"}}, "spec.http[0].match[0].sourceLabels: is not known"),
        ({"sourceNamespace": "a"}, "spec.http[0].match[0].sourceNamespace: is not known"),
        ({"headers": {"x": {"contains": "a"}}}, "spec.http[0].match[0].headers.x.contains"),
        ({"uri": {"suffix": "a"}}, "spec.http[0].match[0].uri.suffix"),
        ({"port": 80}, ""),
    ],
)
def test_a_match_that_cannot_be_checked_sends_nothing(match: dict[str, Any], gap: str) -> None:
    routes, gaps, _ = translated({**split(podinfo_canary=100), "match": [match]}, TO_PRIMARY)
    assert [weights(one) for one in routes] == [{PRIMARY: 1}]
    assert (gaps[0] if gaps else "").startswith(gap)


def test_entries_keep_their_order_and_each_match_is_a_route() -> None:
    cookies = [{"headers": {"cookie": {"exact": "a"}}}, {"headers": {"cookie": {"exact": "b"}}}]
    routes, _, _ = translated({**split(podinfo_canary=100), "match": cookies}, TO_PRIMARY)
    assert [list(weights(one)) for one in routes] == [[CANARY], [CANARY], [PRIMARY]]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, {"timeout": "0s"}),
        ({"timeout": "15s"}, {"timeout": "15s"}),
        ({"timeout": "1m30.5s"}, {"timeout": "90.5s"}),
        ({"rewrite": {"uri": "/"}}, {"prefix_rewrite": "/"}),
        ({"rewrite": {"authority": "a.example.com"}}, {"host_rewrite_literal": "a.example.com"}),
        (
            {"rewrite": {"uriRegexRewrite": {"match": "^/v1", "rewrite": "/v2"}}},
            {"regex_rewrite": {"pattern": {"regex": "^/v1"}, "substitution": "/v2"}},
        ),
        ({"headers": {"request": {"set": {"host": "b.example.com"}}}}, {"host_rewrite_literal": "b.example.com"}),
        ({"mirror": {"host": "podinfo-canary"}}, {"request_mirror_policies": [mirrored(1_000_000)]}),
        (
            {"mirror": {"host": "podinfo-canary"}, "mirrorPercentage": {"value": 2.5}},
            {"request_mirror_policies": [mirrored(25_000)]},
        ),
        (
            {"mirrors": [{"destination": {"host": "podinfo-canary"}, "percentage": {"value": 1}}]},
            {"request_mirror_policies": [mirrored(10_000)]},
        ),
    ],
)
def test_actions(extra: dict[str, Any], expected: dict[str, Any]) -> None:
    routes, gaps, _ = translated({**TO_PRIMARY, **extra})
    assert {name: routes[0]["route"].get(name) for name in expected} == expected
    assert gaps == ()


def test_a_prefix_that_is_rewritten_to_the_root_leaves_no_double_slash() -> None:
    http = {**TO_PRIMARY, "match": [{"uri": {"prefix": "/api"}}], "rewrite": {"uri": "/"}}
    routes, _, _ = translated(http)
    assert routes[0]["route"]["regex_rewrite"] == {"pattern": {"regex": "^/api/?"}, "substitution": "/"}


@pytest.mark.parametrize(
    ("retries", "on", "count"),
    [
        (None, "connect-failure,refused-stream,reset-before-request", 2),
        ({"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error,connect-failure,503"}, None, 3),
        ({"attempts": 0}, "", 0),
    ],
)
def test_retries_are_safe_unless_the_object_asks_for_more(retries: Any, on: str | None, count: int) -> None:
    routes, gaps, _ = translated({**TO_PRIMARY, **({"retries": retries} if retries else {})})
    policy = routes[0]["route"].get("retry_policy", {})
    more = "connect-failure,refused-stream,reset-before-request,gateway-error,retriable-status-codes"
    assert policy.get("retry_on", "") == (more if on is None else on)
    assert policy.get("num_retries", 0) == count
    assert policy.get("retriable_status_codes", [503]) == [503]
    assert gaps == ()


def test_faults_are_injected_before_the_route() -> None:
    fault = {
        "abort": {"httpStatus": 503, "percentage": {"value": 12.5}},
        "delay": {"fixedDelay": "250ms", "percentage": {"value": 100}},
    }
    routes, gaps, _ = translated({**TO_PRIMARY, "fault": fault})
    config = routes[0]["typed_per_filter_config"]["envoy.filters.http.fault"]
    assert config["abort"] == {"http_status": 503, "percentage": {"numerator": 125_000, "denominator": "MILLION"}}
    assert config["delay"]["fixed_delay"] == "0.25s"
    assert gaps == ()


def test_headers_of_route_and_destination_are_changed_and_are_plain_text() -> None:
    cookie = {"response": {"add": {"Set-Cookie": "flagger=abc; Max-Age=60"}}}
    http = {
        "headers": {"request": {"set": {"x-rate": "100%"}, "remove": ["x-old"]}},
        "route": [{"destination": {"host": "podinfo-canary"}, "weight": 1, "headers": cookie}],
    }
    (route,), gaps, _ = translated(http)
    assert route["request_headers_to_add"][0]["header"] == {"key": "x-rate", "value": "100%%"}
    assert route["request_headers_to_add"][0]["append_action"] == "OVERWRITE_IF_EXISTS_OR_ADD"
    assert route["request_headers_to_remove"] == ["x-old"]
    (destination,) = route["route"]["weighted_clusters"]["clusters"]
    assert destination["response_headers_to_add"][0]["header"]["value"] == "flagger=abc; Max-Age=60"
    assert gaps == ()


def test_a_redirect_needs_no_destination() -> None:
    (route,), gaps, _ = translated({"redirect": {"uri": "/new", "authority": "b.example.com", "redirectCode": 302}})
    assert route["redirect"] == {"path_redirect": "/new", "host_redirect": "b.example.com", "response_code": "FOUND"}
    assert gaps == ()


@pytest.mark.parametrize(
    ("extra", "gap"),
    [
        ({"corsPolicy": {"allowOrigins": [{"exact": "*"}]}}, "spec.http[0].corsPolicy"),
        ({"delegate": {"name": "other"}}, "spec.http[0].delegate"),
        ({"timeout": "soon"}, 'spec.http[0].timeout: "soon" is not a duration such as 15s'),
        ({"retries": {"attempts": 1, "retryRemoteLocalities": True}}, "spec.http[0].retries.retryRemoteLocalities"),
        (
            {"headers": {"request": {"set": {":path": "/"}}}},
            "spec.http[0].headers.request.set.:path: Envoy lets nobody",
        ),
        ({"fault": {"abort": {"grpcStatus": "UNAVAILABLE"}}}, "spec.http[0].fault.abort.grpcStatus"),
    ],
)
def test_a_field_without_effect_is_reported(extra: dict[str, Any], gap: str) -> None:
    _, gaps, _ = translated({**TO_PRIMARY, **extra})
    assert [line[: len(gap)] for line in gaps] == [gap]


def test_a_destination_that_is_not_there_gets_a_cluster_that_answers_503() -> None:
    routes, gaps, found = translated(split(podinfo_primary=50, podinfo_gone=50))
    assert weights(routes[0]) == {PRIMARY: 50, "test_podinfo-gone_9898": 50}
    assert found.endpoints["test_podinfo-gone_9898"]["endpoints"] == []
    assert gaps == (
        "spec.http[0].route[1].destination.host: there is no Service podinfo-gone in namespace test; "
        "its share is answered with 503",
    )
