"""The roles of the beginning are there when somebody looks, and cost nothing before."""

from __future__ import annotations

from tests.unit.embedded.api.server import Asked
from volary.embedded.api.auth.rbac import CLUSTER_ROLES
from volary.embedded.api.server import ApiServer

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def test_masters_who_never_look_do_not_pay_for_them() -> None:
    server = Asked()
    server.get("/api/v1/namespaces/default")
    assert CLUSTER_ROLES not in server.api.core.store.resources()
    assert len(server.get(ROLES)["items"]) == 69
    assert CLUSTER_ROLES in server.api.core.store.resources()


def test_they_are_ordinary_objects_from_then_on() -> None:
    server = Asked()
    view = server.get(f"{ROLES}/view")
    assert view["metadata"]["resourceVersion"] == "1"
    changed = server.patch(f"{ROLES}/view", {"metadata": {"labels": {"mine": "yes"}}})
    assert int(changed["metadata"]["resourceVersion"]) > 1
    assert changed["rules"] == view["rules"]
    server.delete(f"{ROLES}/edit")
    names = {it["metadata"]["name"] for it in server.get(ROLES)["items"]}
    assert "edit" not in names
    assert {"view", "admin", "cluster-admin"} <= names


def test_a_change_in_one_cluster_is_none_in_another() -> None:
    one, other = Asked(), Asked()
    one.patch(f"{ROLES}/view", {"rules": []})
    assert other.get(f"{ROLES}/view")["rules"]
    assert not one.get(f"{ROLES}/view")["rules"]


def test_a_clone_has_them_as_they_were() -> None:
    server = Asked()
    core = server.api.core
    early = ApiServer("test", core.now, core.rng, core.new_id, core.store.clone())
    server.patch(f"{ROLES}/view", {"rules": []})
    server.delete(f"{ROLES}/edit")
    late = ApiServer("test", core.now, core.rng, core.new_id, core.store.clone())
    assert early.local.get(CLUSTER_ROLES, "", "edit") is not None
    assert late.local.get(CLUSTER_ROLES, "", "edit") is None
    assert not (late.local.get(CLUSTER_ROLES, "", "view") or {})["rules"]


def test_a_watch_from_the_beginning_shows_them() -> None:
    server = Asked()
    seen = server.watch(f"{ROLES}?watch=true&resourceVersion=0")
    assert ("ADDED", "cluster-admin") in seen.take()


def test_ids_are_those_of_the_cluster_s_name() -> None:
    one, other = Asked().get(f"{ROLES}/view"), Asked().get(f"{ROLES}/view")
    assert one["metadata"]["uid"] == other["metadata"]["uid"]
