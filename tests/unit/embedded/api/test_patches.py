"""The three plain patches, by themselves."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.api.catalog import builtin_types
from volary.embedded.api.patch.json_patch import PatchFailed, json_patch
from volary.embedded.api.patch.merge_patch import merge_patch
from volary.embedded.api.patch.strategic import PatchRefused, strategic_merge

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)

# Source: RFC 6902, appendix A, and RFC 7386, appendix A.
OPERATIONS = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
    ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
    ({"a": [1, 2]}, [{"op": "copy", "from": "/a/0", "path": "/a/-"}], {"a": [1, 2, 1]}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
]
FAILING: list[tuple[Any, Any]] = [
    ({"a": 1}, [{"op": "remove", "path": "/b"}]),
    ({"a": [1]}, [{"op": "add", "path": "/a/5", "value": 1}]),
    ({"a": [1]}, [{"op": "add", "path": "/a/x", "value": 1}]),
    ({"a": [1]}, [{"op": "replace", "path": "/a/-", "value": 1}]),
    ({"a": [1]}, [{"op": "remove", "path": "/a/-2"}]),
    ({"a": None}, [{"op": "add", "path": "/a/b", "value": 1}]),
    ({"a": 1}, [{"op": "add", "path": "/b/c", "value": 1}]),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": True}]),
    ({"a": {}}, [{"op": "move", "from": "/a", "path": "/a/b"}]),
    ({"a": 1}, [{"op": "add", "path": "", "value": {}}]),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": 1.0}]),
    ({"a": 1}, [{"op": "jump", "path": "/b"}]),
    ({"a": 1}, [None]),
]
# Where the server's library is looser than the RFC.
LOOSE: list[tuple[Any, Any, Any]] = [
    ({"a": 1}, [{"op": "add", "path": "/b"}], {"a": 1, "b": None}),
    ({"a": 1}, [{"op": "replace", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
    ({"a": 1}, [{"op": "copy", "from": "/b", "path": "/c"}], {"a": 1, "c": None}),
    ({"a": 1}, [{"op": "test", "path": "/b", "value": None}], {"a": 1}),
    ({"a": [1, 2]}, [{"op": "add", "path": "/a/-1", "value": 3}], {"a": [1, 2, 3]}),
    ({"a": [1, 2]}, [{"op": "remove", "path": "/a/-1"}], {"a": [1]}),
    ({"a": [1]}, [{"op": "add", "path": "/a/01", "value": 2}], {"a": [1, 2]}),
]
MERGES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ({}, {"a": [{"b": None}, None]}, {"a": [{}, None]}),
    ({"a": [1]}, {"a": [{"b": None}]}, {"a": [{}]}),
    ({"a": {"b": 1}}, {"a": [{"b": None}]}, {"a": [{"b": None}]}),
]


@pytest.mark.parametrize(("document", "operations", "expected"), OPERATIONS)
def test_json_patch_does_what_its_operations_say(document: Any, operations: Any, expected: Any) -> None:
    before = copy.deepcopy(document)
    assert json_patch(document, operations) == expected
    assert document == before


@pytest.mark.parametrize(("document", "operations"), FAILING)
def test_json_patch_that_does_not_fit_fails(document: Any, operations: Any) -> None:
    with pytest.raises(PatchFailed):
        json_patch(document, operations)


@pytest.mark.parametrize(("document", "operations", "expected"), LOOSE)
def test_json_patch_is_as_loose_as_the_servers_library(document: Any, operations: Any, expected: Any) -> None:
    assert json_patch(document, operations) == expected


@given(VALUES, st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
def test_replacing_the_whole_document_gives_that_document(document: Any, other: Any) -> None:
    assert json_patch(document, [{"op": "replace", "path": "", "value": other}]) == other


def test_maps_that_a_patch_looks_into_come_out_sorted() -> None:
    document = {"b": {"z": 1, "y": 2}, "a": {"z": 1, "y": 2}}
    patched = json_patch(document, [{"op": "add", "path": "/a/x", "value": 3}])
    assert [*patched] == ["a", "b"]
    assert [*patched["a"]] == ["x", "y", "z"]
    assert [*patched["b"]] == ["z", "y"]


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), st.text(max_size=3), VALUES)
def test_adding_then_removing_a_new_key_changes_nothing(document: dict[str, Any], key: str, value: Any) -> None:
    document.pop(key, None)
    path = "/" + key.replace("~", "~0").replace("/", "~1")
    added = [{"op": "add", "path": path, "value": value}, {"op": "test", "path": path, "value": value}]
    assert json_patch(document, [*added, {"op": "remove", "path": path}]) == document


@pytest.mark.parametrize(("document", "patch", "expected"), MERGES)
def test_merge_patch(document: Any, patch: Any, expected: Any) -> None:
    assert merge_patch(document, patch) == expected


@given(VALUES, VALUES)
def test_merging_twice_is_merging_once(document: Any, patch: Any) -> None:
    once = merge_patch(document, _listless(patch))
    assert merge_patch(once, _listless(patch)) == once


def _listless(value: Any) -> Any:
    """Return a patch without lists: in a list nulls go or stay, as it takes the place of nothing or of a map."""
    if isinstance(value, dict):
        return {key: _listless(it) for key, it in value.items()}
    return len(value) if isinstance(value, list) else value


POD = builtin_types()["", "v1", "pods"].node
TWO = [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]
STRATEGIC: list[tuple[Any, Any]] = [
    ({"containers": [{"name": "b", "image": "2"}]}, [TWO[0], {"name": "b", "image": "2"}]),
    ({"containers": [{"name": "c", "image": "1"}]}, [{"name": "c", "image": "1"}, *TWO]),
    ({"containers": [{"name": "a", "$patch": "delete"}]}, TWO[1:]),
    ({"containers": [{"$patch": "replace"}, {"name": "z"}]}, [{"name": "z"}]),
    ({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}, TWO[::-1]),
]


@pytest.mark.parametrize(("patch", "expected"), STRATEGIC)
def test_strategic_merge_of_a_list_with_a_key(patch: Any, expected: Any) -> None:
    before = {"spec": {"containers": copy.deepcopy(TWO)}}
    assert strategic_merge(before, {"spec": patch}, POD)[0]["spec"]["containers"] == expected
    assert before == {"spec": {"containers": TWO}}


def test_strategic_merge_of_a_set_of_primitives() -> None:
    before = {"metadata": {"finalizers": ["a/a", "b/b"]}}
    added = strategic_merge(before, {"metadata": {"finalizers": ["c/c"]}}, POD)[0]
    assert sorted(added["metadata"]["finalizers"]) == ["a/a", "b/b", "c/c"]
    gone = strategic_merge(before, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/a"]}}, POD)[0]
    assert gone["metadata"]["finalizers"] == ["b/b"]


def test_retained_keys_are_all_that_is_left() -> None:
    before = {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}
    patch = {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}]}}
    after, left = strategic_merge(before, patch, POD)
    assert left["spec"]["volumes"] == [{"name": "v", "secret": {"secretName": "s"}}]
    assert after["spec"]["volumes"] == [{"name": "v", "secret": {"secretName": "s"}}]


def test_an_item_without_its_key_is_refused() -> None:
    with pytest.raises(PatchRefused, match="does not contain declared merge key: name"):
        strategic_merge({"spec": {"containers": TWO}}, {"spec": {"containers": [{"image": "2"}]}}, POD)


REFUSED: list[tuple[Any, int, str]] = [
    ({"$patch": "merge"}, 500, "unknown patch type: merge in map: map[$patch:merge]"),
    ({"containers": [{"name": "a", "$patch": "merge"}]}, 500, "merging lists cannot yet be specified in the patch"),
    ({"$retainKeys": ["volumes"], "containers": []}, 400, "invalid patch format of retainKeys"),
    ({"$retainKeys": "volumes"}, 400, "invalid patch format of retainKeys"),
    ({"$setElementOrder": []}, 400, "invalid patch format of setElementOrder list"),
    ({"containers": [["a"], "b"]}, 500, "list element types are not identical"),
    ({"$setElementOrder/containers": [{"name": "z"}], "containers": [{"name": "a"}]}, 500, "The order in patch list"),
]


@pytest.mark.parametrize(("spec", "code", "text"), REFUSED)
def test_a_strategic_patch_that_says_something_impossible_is_refused(spec: Any, code: int, text: str) -> None:
    with pytest.raises(PatchRefused) as refused:
        strategic_merge({"spec": {"containers": TWO}}, {"spec": spec}, POD)
    assert str(refused.value).startswith(text)
    assert refused.value.code == code


def test_directives_in_what_is_new_vanish_and_in_what_replaces_stay() -> None:
    before = {"spec": {"containers": [{"name": "a", "args": ["x"]}]}}
    patch = {
        "volumes": [{"$patch": "delete", "name": "v"}, {"name": "w", "x": None}],
        "containers": [{"name": "b", "y": None}],
    }
    after = strategic_merge(before, {"spec": patch}, POD)[0]["spec"]
    assert after["volumes"] == [{"name": "w"}]
    assert after["containers"] == [{"name": "b", "y": None}, {"name": "a", "args": ["x"]}]
