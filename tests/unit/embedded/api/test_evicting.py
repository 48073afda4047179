"""Eviction asks the pod's disruption budget, and says in the server's words why not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.embedded.api.server import MERGE, Asked

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
STATUS = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.fixture
def server() -> Asked:
    """A server with two healthy pods."""
    asked = Asked()
    for name in ("one", "two"):
        containers = [{"name": "c", "image": "i"}]
        asked.post("pods", {"metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"containers": containers}})
        asked.ask("PATCH", f"pods/{name}/status", STATUS, MERGE, 200)
    return asked


def budget(server: Asked, name: str = "b", **spec: Any) -> None:
    selector = {"matchLabels": {"app": "x"}}
    server.post(BUDGETS, {"metadata": {"name": name}, "spec": {"selector": selector, **spec}})


def evict(server: Asked, name: str, status: int, **options: Any) -> dict[str, Any]:
    body = {"metadata": {"name": name}, **({"deleteOptions": options} if options else {})}
    return server.post(f"pods/{name}/eviction", body, status)


def gone(server: Asked, name: str) -> bool:
    found = server.ask("GET", f"pods/{name}")
    return found.get("code") == 404 or bool(found["metadata"].get("deletionTimestamp"))


def test_a_pod_without_a_budget_goes(server: Asked) -> None:
    evict(server, "one", 201)
    assert gone(server, "one")


def test_a_budget_with_nothing_to_give_refuses(server: Asked) -> None:
    budget(server, minAvailable=2)
    refused = evict(server, "one", 429)
    assert refused["reason"] == "TooManyRequests"
    assert refused["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    cause = refused["details"]["causes"][0]
    assert cause["reason"] == "DisruptionBudget"
    assert cause["message"] == "The disruption budget b needs 2 healthy pods and has 2 currently"
    assert not gone(server, "one")


def test_a_budget_that_has_some_lets_one_go(server: Asked) -> None:
    budget(server, minAvailable=1)
    evict(server, "one", 201)
    assert gone(server, "one")
    evict(server, "two", 429)


def test_a_share_is_of_what_the_controller_was_asked_for(server: Asked) -> None:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 4, "selector": {"matchLabels": {"app": "x"}}, "template": template}
    made = server.post("/apis/apps/v1/namespaces/default/replicasets", {"metadata": {"name": "r"}, "spec": spec})
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": made["metadata"]["uid"]}
    for name in ("one", "two"):
        owned = {"metadata": {"ownerReferences": [{**owner, "controller": True}]}}
        server.ask("PATCH", f"pods/{name}", owned, MERGE, 200)
    budget(server, maxUnavailable="50%")
    cause = evict(server, "one", 429)["details"]["causes"][0]
    assert cause["message"] == "The disruption budget b needs 2 healthy pods and has 2 currently"


def test_two_budgets_for_one_pod_are_an_error(server: Asked) -> None:
    budget(server, "a", minAvailable=1)
    budget(server, "b", minAvailable=1)
    assert "more than one PodDisruptionBudget" in evict(server, "one", 500)["message"]


def test_a_dry_run_evicts_nothing(server: Asked) -> None:
    evict(server, "one", 201, dryRun=["All"])
    assert not gone(server, "one")


def test_a_pod_of_another_uid_stays(server: Asked) -> None:
    evict(server, "one", 409, preconditions={"uid": "another"})
    assert not gone(server, "one")


def test_the_names_must_agree(server: Asked) -> None:
    refused = server.post("pods/one/eviction", {"metadata": {"name": "two"}}, 400)
    assert refused["message"] == "name in URL does not match name in Eviction object"
