"""Create, read, replace, patch and delete, as a client sees them."""

from __future__ import annotations

import pytest

from tests.unit.embedded.api.server import JSON, JSON_PATCH, MERGE, STRATEGIC, Asked, config_map, deployment


@pytest.fixture
def server() -> Asked:
    return Asked()


def test_a_new_object_has_no_version_yet(server: Asked) -> None:
    server.post("configmaps", config_map("one", resourceVersion="9"), status=500)


def test_owners_named_twice_are_kept_once_and_the_client_is_told(server: Asked) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "own", "uid": "u"}
    response = server.raw("POST", "configmaps", config_map("one", ownerReferences=[owner, dict(owner)]), JSON)
    assert server.get("configmaps/one")["metadata"]["ownerReferences"] == [owner]
    assert "duplicate UID(s) observed: u" in response.headers["warning"]


def test_a_new_object_gets_what_only_the_server_sets(server: Asked) -> None:
    made = server.post("configmaps", config_map("one", uid="mine", resourceVersion="0"))
    assert made["metadata"]["uid"] == "00000000-0000-4000-8000-000000000002"
    assert made["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert made["metadata"]["namespace"] == "default"
    assert server.get("configmaps/one") == made


def test_a_second_object_of_a_name_already_exists(server: Asked) -> None:
    server.post("configmaps", config_map("one"))
    refused = server.post("configmaps", config_map("one"), 409)
    assert refused["reason"] == "AlreadyExists"
    assert refused["message"] == 'configmaps "one" already exists'
    assert refused["details"] == {"name": "one", "kind": "configmaps"}


def test_generate_name_ends_in_five_letters(server: Asked) -> None:
    made = server.post("configmaps", {"metadata": {"generateName": "x-"}})
    assert made["metadata"]["name"].startswith("x-")
    assert len(made["metadata"]["name"]) == 7


def test_a_stale_version_is_a_conflict(server: Asked) -> None:
    old = server.post("configmaps", config_map("one"))
    new = server.put("configmaps/one", {**old, "data": {"b": "2"}})
    assert int(new["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])
    refused = server.put("configmaps/one", {**old, "data": {"c": "3"}}, 409)
    assert refused["reason"] == "Conflict"
    assert refused["message"].startswith(
        'Operation cannot be fulfilled on configmaps "one": the object has been modified'
    )


def test_an_update_that_changes_nothing_is_not_written(server: Asked) -> None:
    old = server.post("configmaps", config_map("one"))
    server.later(5)
    assert server.put("configmaps/one", old) == old
    assert server.patch("configmaps/one", {"data": {"a": "1"}}) == old


def test_a_dry_run_shows_but_does_not_write(server: Asked) -> None:
    shown = server.post("configmaps?dryRun=All", config_map("one"))
    assert shown["metadata"]["uid"]
    server.get("configmaps/one", 404)
    server.post("configmaps", config_map("one"))
    assert server.patch("configmaps/one?dryRun=All", {"data": {"a": "9"}})["data"] == {"a": "9"}
    assert server.get("configmaps/one")["data"] == {"a": "1"}
    server.delete("configmaps/one?dryRun=All")
    server.get("configmaps/one")


PATCHES = [
    (MERGE, {"data": {"a": None, "b": "2"}}, {"b": "2"}),
    (STRATEGIC, {"data": {"a": None, "b": "2"}}, {"b": "2"}),
    (JSON_PATCH, [{"op": "add", "path": "/data/b", "value": "2"}], {"a": "1", "b": "2"}),
]


@pytest.mark.parametrize(("kind", "patch", "data"), PATCHES)
def test_each_patch_changes_the_object(server: Asked, kind: str, patch: object, data: object) -> None:
    server.post("configmaps", config_map("one"))
    assert server.patch("configmaps/one", patch, kind)["data"] == data


def test_a_json_patch_that_does_not_fit_is_refused(server: Asked) -> None:
    server.post("configmaps", config_map("one"))
    refused = server.patch("configmaps/one", [{"op": "test", "path": "/data/a", "value": "9"}], JSON_PATCH, 422)
    assert refused["reason"] == "Invalid"


def test_a_patch_type_that_nobody_knows_is_refused(server: Asked) -> None:
    server.post("configmaps", config_map("one"))
    refused = server.patch("configmaps/one", {}, "text/plain", 415)
    assert refused["message"] == "415: Unsupported Media Type"


def test_deleting_answers_a_status_with_the_uid(server: Asked) -> None:
    made = server.post("configmaps", config_map("one"))
    gone = server.delete("configmaps/one")
    assert gone["status"] == "Success"
    assert gone["details"] == {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert server.delete("configmaps/one", status=404)["message"] == 'configmaps "one" not found'


def test_generation_counts_changes_of_the_spec_only(server: Asked) -> None:
    assert server.post("deployments", deployment("web"))["metadata"]["generation"] == 1
    assert server.patch("deployments/web", {"spec": {"replicas": 2}})["metadata"]["generation"] == 2
    labelled = server.patch("deployments/web", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 2
    status = server.patch("deployments/web/status", {"status": {"replicas": 1}, "spec": {"replicas": 7}})
    assert status["metadata"]["generation"] == 2
    assert status["spec"]["replicas"] == 2
    assert status["status"] == {"replicas": 1}


def test_the_main_resource_cannot_write_the_status(server: Asked) -> None:
    body = deployment("web") | {"status": {"replicas": 3}}
    assert server.post("deployments", body)["status"] == {}
    assert server.patch("deployments/web", {"status": {"replicas": 3}})["status"] == {}


def test_paths_that_nobody_serves_are_not_found(server: Asked) -> None:
    assert server.get("/api/v1/nothings", 404)["message"] == "the server could not find the requested resource"
    answer = server.raw("GET", "/apis/nobody.example/v1/things")
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    server.post("configmaps", config_map("one"))
    server.get("configmaps/one/status", 404)
    server.ask("POST", "configmaps/one", {}, status=405)
    assert server.ask("POST", "/api/v1/namespaces/default/bindings", {}, status=501)["reason"] == "NotImplemented"


def test_nothing_is_made_in_a_namespace_that_is_not_there(server: Asked) -> None:
    refused = server.post("/api/v1/namespaces/nowhere/configmaps", config_map("one"), 404)
    assert refused["message"] == 'namespaces "nowhere" not found'
