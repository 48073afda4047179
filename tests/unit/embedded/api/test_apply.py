"""Server-side apply: who owns what, what is pruned, who is told of a conflict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.definition import widgets
from tests.unit.embedded.api.server import Asked, config_map, deployment
from volary.embedded.api.apply.field_sets import difference, intersection, paths, union
from volary.embedded.api.apply.managers import Managers
from volary.embedded.api.apply.ownership import View, Writer, applied, updated
from volary.embedded.api.apply.typed import compare, field_set
from volary.embedded.api.schema import Node

Moves = list[tuple[str, bool, dict[str, Any]]]
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
WIDGET = Node(
    {
        "type": "object",
        "properties": {
            "metadata": {
                "type": "object",
                "properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}},
            },
            "spec": {
                "type": "object",
                "properties": {
                    "image": {"type": "string"},
                    "size": {"type": "integer"},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "list": {"type": "array", "items": {"type": "integer"}},
                    "steps": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "weight": {"type": "integer"}},
                        },
                    },
                    "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            },
        },
    },
    {},
)
NAMES = st.sampled_from(["a", "b", "c", "d"])
STEP = st.fixed_dictionaries({"name": NAMES}, optional={"weight": st.integers(0, 3)})
SPEC = st.fixed_dictionaries(
    {},
    optional={
        "image": NAMES,
        "size": st.integers(0, 3),
        "tags": st.lists(NAMES, unique=True, max_size=3, min_size=1),
        "list": st.lists(st.integers(0, 3), max_size=3, min_size=1),
        "steps": st.lists(STEP, unique_by=lambda step: step["name"], max_size=3, min_size=1),
        "raw": st.dictionaries(NAMES, st.integers(0, 2), min_size=1, max_size=2),
    },
)
# An empty map where fields were owned ends as null, on a real server too; that is no part of these laws.
CONFIG: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"metadata": st.just({})}, optional={"spec": SPEC.filter(bool)}
)
MOVES = st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.booleans(), CONFIG), min_size=1, max_size=6)


def writer(manager: str, now: str = "1") -> Writer:
    return Writer(manager, "example.com/v1", "", now)


def views(version: str) -> View:
    return View(WIDGET)


def play(moves: Moves) -> tuple[Any, Managers]:
    """Apply or put each configuration in turn, by force."""
    live: Any = {"metadata": {}}
    managers: Managers = {}
    for manager, by_apply, config in moves:
        if by_apply:
            live, managers, _ = applied(live, config, views, managers, writer(manager), force=True)
        else:
            managers = updated(live, config, views, managers, writer(manager))
            live = config
    return live, managers


@given(MOVES, CONFIG)
def test_applying_twice_is_applying_once(moves: Moves, config: dict[str, Any]) -> None:
    live, managers = play(moves)
    once, owners, _ = applied(live, config, views, managers, writer("one"), force=True)
    assert applied(once, config, views, owners, writer("one", "2"), force=False) == (once, owners, False)


@given(MOVES, CONFIG)
def test_what_was_applied_is_there_and_owned(moves: Moves, config: dict[str, Any]) -> None:
    live, managers = play(moves)
    after, owners, _ = applied(live, config, views, managers, writer("one"), force=True)
    assert not compare(after, applied(after, config, views, {}, writer("one"), True)[0], WIDGET).modified
    wanted = difference(field_set(config, WIDGET), {"f:metadata": {}})
    mine = [owned.fields for who, owned in owners.items() if who.manager == "one" and who.operation == "Apply"]
    assert set(paths(wanted)) == set(paths(mine[0] if mine else {}))


@given(MOVES)
def test_an_update_owns_each_field_that_it_changed_alone(moves: Moves) -> None:
    live, managers = play(moves)
    new = {"metadata": {}, "spec": {"size": 9, "image": "z"}}
    after = updated(live, new, views, managers, writer("late"))
    changed: dict[str, Any] = {"f:spec": {"f:size": {}, "f:image": {}}}
    for who, owned in after.items():
        shared = intersection(owned.fields, changed)
        assert bool(shared) is (who.manager == "late")
        assert not set(paths(owned.fields)) - set(paths(field_set(new, WIDGET))) - {("f:spec",)}


@given(CONFIG, CONFIG)
def test_sets_of_fields_obey_the_laws_of_sets(one: dict[str, Any], other: dict[str, Any]) -> None:
    left, right = field_set(one, WIDGET), field_set(other, WIDGET)
    ours, theirs = set(paths(left)), set(paths(right))
    assert set(paths(union(left, right))) == ours | theirs
    assert set(paths(intersection(left, right))) == ours & theirs
    assert set(paths(difference(left, right))) == ours - theirs


@pytest.fixture
def server() -> Asked:
    return Asked()


def owners(obj: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(it["manager"], it["operation"], it.get("subresource", "")) for it in obj["metadata"]["managedFields"]]


def test_a_field_of_another_manager_is_a_conflict(server: Asked) -> None:
    server.apply("configmaps/one", config_map("one", {"a": "1"}), "m1", status=201)
    refused = server.apply("configmaps/one", config_map("one", {"a": "2"}), "m2", status=409)
    assert refused["reason"] == "Conflict"
    assert refused["message"] == 'Apply failed with 1 conflict: conflict with "m1": .data.a'
    assert refused["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": ".data.a"}
    ]
    forced = server.apply("configmaps/one", config_map("one", {"a": "2"}), "m2", force=True, status=200)
    assert forced["data"] == {"a": "2"}
    assert owners(forced) == [("m2", "Apply", "")]


def test_what_is_no_longer_applied_goes_unless_others_own_it(server: Asked) -> None:
    server.apply("configmaps/one", config_map("one", {"a": "1", "b": "1", "c": "1"}), "m1")
    server.apply("configmaps/one", config_map("one", {"b": "1"}), "m2")
    assert server.apply("configmaps/one", config_map("one", {"c": "1"}), "m1")["data"] == {"b": "1", "c": "1"}


def test_replicas_that_an_autoscaler_scales_can_be_given_up(server: Asked) -> None:
    server.apply("deployments/web", deployment("web", 2), "git")
    server.patch("deployments/web/scale?fieldManager=hpa", {"spec": {"replicas": 5}})
    refused = server.apply("deployments/web", deployment("web", 2), "git", status=409)
    assert refused["details"]["causes"][0]["message"] == 'conflict with "hpa" with subresource "scale" using apps/v1'
    without = deployment("web")
    del without["spec"]["replicas"]
    assert server.apply("deployments/web", without, "git", status=200)["spec"]["replicas"] == 5


def test_status_has_owners_of_its_own(server: Asked) -> None:
    server.apply("deployments/web", deployment("web"), "git")
    server.patch("deployments/web/status?fieldManager=ctl", {"status": {"replicas": 1}})
    assert owners(server.get("deployments/web")) == [("git", "Apply", ""), ("ctl", "Update", "status")]


def test_applying_without_a_manager_is_refused(server: Asked) -> None:
    refused = server.ask("PATCH", "configmaps/one", config_map("one"), "application/apply-patch+yaml", 422)
    assert "fieldManager: Required value: is required for apply patch" in refused["message"]


def test_kubectl_takes_over_from_its_own_client_side_apply(server: Asked) -> None:
    note = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"a":"1"}}'
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": note}
    server.post("configmaps?fieldManager=kubectl-client-side-apply", config_map("one", annotations=annotations))
    taken = server.apply("configmaps/one", config_map("one", {"a": "2"}), "kubectl", status=200)
    assert taken["data"] == {"a": "2"}


def test_an_unknown_field_is_not_applied(server: Asked) -> None:
    body = config_map("one") | {"nope": 1}
    refused = server.apply("configmaps/one", body, status=500)
    assert refused["message"].endswith(".nope: field not declared in schema")


def test_a_quantity_is_stored_in_the_servers_one_form_and_applying_it_again_changes_nothing() -> None:
    server = Asked()
    wanted = deployment("web")
    wanted["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "2000m", "memory": "1024Mi"}}
    first = server.apply("deployments/web", wanted, "git")
    assert first["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "2", "memory": "1Gi"}
    again = server.apply("deployments/web", wanted, "git")
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


WIDGETS = "/apis/fuzz.example.com/v1/namespaces/default/widgets/one"


def widget(version: str = "v1", **parts: Any) -> dict[str, Any]:
    return {"apiVersion": f"fuzz.example.com/{version}", "kind": "Widget", "metadata": {"name": "one"}} | parts


@pytest.fixture
def custom(server: Asked) -> Asked:
    server.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgets("fuzz.example.com"))
    return server


def fields_of(obj: dict[str, Any], manager: str) -> Any:
    return next(it["fieldsV1"] for it in obj["metadata"]["managedFields"] if it["manager"] == manager)


def test_each_manager_owns_what_its_version_sees(custom: Asked) -> None:
    custom.apply(WIDGETS, widget(spec={"whole": {"k": "a"}}), "new", status=201)
    old = WIDGETS.replace("v1/", "v1beta1/", 1)
    shared = custom.apply(old, widget("v1beta1", spec={"whole": {"k": "a"}}), "old", status=200)
    assert fields_of(shared, "new") == {"f:spec": {"f:whole": {}}}
    assert fields_of(shared, "old") == {"f:spec": {"f:whole": {"f:k": {}}}}
    changed = custom.patch(f"{WIDGETS}?fieldManager=ed", {"spec": {"whole": {"k": "b"}}})
    assert [name for name, *_ in owners(changed)] == ["ed"]


def test_a_scale_takes_the_replicas_from_whoever_owned_them(custom: Asked) -> None:
    custom.apply(WIDGETS, widget(spec={"image": "a"}), "git", status=201)
    custom.patch(f"{WIDGETS}?fieldManager=ed", {"spec": {"replicas": 1}})
    custom.patch(f"{WIDGETS}/scale?fieldManager=hpa", {"spec": {"replicas": 3}})
    scaled = custom.get(WIDGETS)
    assert owners(scaled)[1:] == [("hpa", "Update", "scale")]
    assert "time" not in scaled["metadata"]["managedFields"][1]


def test_a_scale_that_changes_nothing_leaves_the_owner_with_an_entry_for_the_replicas(custom: Asked) -> None:
    custom.apply(WIDGETS, widget(spec={"image": "a"}), "git", status=201)
    custom.patch(f"{WIDGETS}?fieldManager=ed", {"spec": {"replicas": 1, "flag": True}})
    custom.patch(f"{WIDGETS}/scale?fieldManager=hpa", {"spec": {"replicas": 1}})
    assert owners(custom.get(WIDGETS))[1:] == [("ed", "Update", ""), ("ed", "Update", "")]


def test_eleven_updaters_are_folded_into_ten(custom: Asked) -> None:
    custom.apply(WIDGETS, widget(spec={"image": "a"}), "git", status=201)
    for number in range(11):
        custom.later(1)
        custom.patch(f"{WIDGETS}?fieldManager=u{number}", {"spec": {"labels": {f"l{number}": "x"}}})
    names = [name for name, operation, _ in owners(custom.get(WIDGETS)) if operation == "Update"]
    assert names == ["ancient-changes", *(f"u{number}" for number in range(2, 11))]


@pytest.mark.parametrize("sent", [[{}], []])
def test_managers_are_reset_by_an_empty_entry_and_of_built_in_kinds_by_an_empty_list(server: Asked, sent: Any) -> None:
    server.apply("configmaps/one", config_map("one"), "git", status=201)
    reset = server.patch("configmaps/one?fieldManager=ed", {"metadata": {"managedFields": sent}})
    assert "managedFields" not in reset["metadata"]
    again = server.apply("configmaps/one", config_map("one"), "git", status=200)
    assert [name for name, *_ in owners(again)] == ["git", "before-first-apply"]


def test_an_apply_of_a_custom_scale_may_change_nothing(custom: Asked) -> None:
    custom.apply(WIDGETS, widget(spec={"replicas": 1}), "git", status=201)
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "one"}, "spec": {"replicas": 3}}
    assert custom.apply(f"{WIDGETS}/scale", scale, "hpa", status=409)["reason"] == "Conflict"
    refused = custom.apply(f"{WIDGETS}/scale", scale, "hpa", force=True, status=500)
    assert refused["message"].startswith("failed to convert new object (/one; autoscaling/v1, Kind=Scale)")
    custom.apply(f"{WIDGETS}/scale", {**scale, "spec": {"replicas": 1}}, "hpa", status=200)


def version_of(answer: Any) -> str:
    return str(answer["metadata"]["resourceVersion"])


def test_what_an_apply_leaves_empty_is_written_once_more(custom: Asked) -> None:
    config = widget(spec={"image": "a"}) | {"metadata": {"name": "one", "labels": {}}}
    versions = [version_of(custom.apply(WIDGETS, config, "git", status=status)) for status in (201, 200, 200)]
    assert len(set(versions)) == 3
    tidied = custom.patch(f"{WIDGETS}?fieldManager=ed", {})
    assert version_of(tidied) != versions[-1]
    assert version_of(custom.patch(WIDGETS, {})) == version_of(tidied)


@pytest.mark.parametrize("subresource", ["", "/scale"])
def test_a_put_writes_once_more_what_an_apply_left_empty(custom: Asked, subresource: str) -> None:
    config = widget(spec={"replicas": 1}) | {"metadata": {"name": "one", "labels": {}}}
    left = custom.apply(WIDGETS, config, "git", status=201)
    tidied = custom.put(WIDGETS + subresource, custom.get(WIDGETS + subresource))
    assert version_of(tidied) != version_of(left)
    again = custom.put(WIDGETS + subresource, custom.get(WIDGETS + subresource))
    assert version_of(again) == version_of(tidied)


def test_a_set_of_fields_that_a_client_sends_is_kept_in_its_one_form(server: Asked) -> None:
    fields: dict[str, Any] = {".": {}, "f:data": {".": {}, "f:a": {".": {}}, "f:b": {}}}
    entry = {"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    obj = config_map("one", {"a": "1", "c": "2"})
    obj["metadata"]["managedFields"] = [entry]
    made = server.post("configmaps", obj)
    assert [it["fieldsV1"] for it in made["metadata"]["managedFields"]] == [
        {"f:data": {"f:b": {}}},
        {"f:data": {".": {}, "f:a": {}, "f:c": {}}},
    ]


def test_a_status_that_is_put_back_takes_the_managers_along_where_it_was_of_another_type(custom: Asked) -> None:
    custom.apply(WIDGETS, widget(spec={"image": "a"}), "git", status=201)
    kept = custom.patch(f"{WIDGETS}?fieldManager=ed", {"status": {}})
    assert owners(kept) == [("git", "Apply", "")]
    spoilt = custom.patch(f"{WIDGETS}?fieldManager=ed", {"status": 1.5})
    assert "managedFields" not in spoilt["metadata"]
    assert "status" not in spoilt


def test_nulls_of_an_apply_are_refused_where_a_scale_reads_and_taken_away_for_a_status(custom: Asked) -> None:
    refused = custom.apply(WIDGETS, widget(spec={"replicas": None}), "git", status=422)
    assert {it["field"] for it in refused["details"]["causes"]} == {".spec.replicas", "spec.replicas"}
    assert "<nil> is of the type <nil>, expected int64" in refused["message"]
    custom.apply(WIDGETS, widget(spec={"image": "a"}), "git", status=201)
    bare = {key: it for key, it in widget().items() if key != "spec"} | {"status": None}
    taken = custom.apply(f"{WIDGETS}/status", bare, "ed", status=200)
    assert ("ed", "Apply", "status") in owners(taken)


def test_null_items_and_names_are_what_go_reads_them_as(server: Asked) -> None:
    web = deployment("web")
    web["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": None}, {"name": "b"}]
    made = server.post("deployments?fieldManager=ed", web)
    assert made["spec"]["template"]["spec"]["imagePullSecrets"] == [{}, {"name": "b"}]
    assert [name for name, *_ in owners(made)] == ["ed"]
