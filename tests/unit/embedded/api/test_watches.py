"""Lists page by page and watches from any version, seen by a client that keeps its own copy."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.embedded.api.server import Asked, config_map
from volary.embedded.api import field_selectors, selectors
from volary.embedded.api.errors import Problem
from volary.embedded.api.store import RING, Store


@pytest.fixture
def server() -> Asked:
    return Asked()


def names(page: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in page["items"]]


def test_pages_are_of_one_moment(server: Asked) -> None:
    for name in "abcde":
        server.post("configmaps", config_map(name))
    first = server.get("configmaps?limit=2")
    assert names(first) == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 3
    server.post("configmaps", config_map("bb"))
    server.delete("configmaps/d")
    second = server.get("configmaps?limit=2&continue=" + first["metadata"]["continue"])
    assert names(second) == ["c", "d"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    last = server.get("configmaps?limit=2&continue=" + second["metadata"]["continue"])
    assert names(last) == ["e"]
    assert "continue" not in last["metadata"]


def test_a_token_that_nobody_knows(server: Asked) -> None:
    assert server.get("configmaps?limit=1&continue=AAAA", 400)["reason"] == "BadRequest"
    token = "eyJrZXkiOiJnb25lIiwic3RhcnQiOjF9"
    assert server.get(f"configmaps?limit=1&continue={token}", 410)["reason"] == "Expired"


def test_items_of_built_in_kinds_have_no_kind(server: Asked) -> None:
    server.post("configmaps", config_map("a"))
    assert "kind" not in server.get("configmaps")["items"][0]


def test_a_watch_tells_what_happens(server: Asked) -> None:
    server.post("configmaps", config_map("a"))
    seen = server.watch("configmaps?watch=true")
    assert seen.take() == [("ADDED", "a")]
    server.patch("configmaps/a", {"data": {"x": "y"}})
    server.post("configmaps", config_map("b"))
    server.delete("configmaps/a")
    assert seen.take() == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]
    seen.watcher.close()
    server.delete("configmaps/b")
    assert seen.take() == []


def test_a_selector_makes_changes_look_like_coming_and_going(server: Asked) -> None:
    server.post("configmaps", config_map("a"))
    seen = server.watch("configmaps?watch=true&labelSelector=on%3Dyes".replace("%3D", "="))
    assert seen.take() == []
    server.patch("configmaps/a", {"metadata": {"labels": {"on": "yes"}}})
    server.patch("configmaps/a", {"data": {"x": "y"}})
    gone = server.patch("configmaps/a", {"metadata": {"labels": {"on": "no"}}})
    assert seen.events[-1]["object"]["metadata"]["resourceVersion"] == gone["metadata"]["resourceVersion"]
    assert seen.take() == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_version_long_gone_is_expired(server: Asked) -> None:
    made = server.post("configmaps", config_map("a"))
    for count in range(RING + 1):
        server.api.local.update(
            "/configmaps", {**made, "data": {"n": str(count)}, "metadata": {"name": "a", "namespace": "default"}}, "m"
        )
    seen = server.watch(f"configmaps?watch=true&resourceVersion={made['metadata']['resourceVersion']}")
    assert seen.watcher.ended
    assert seen.events[0]["type"] == "ERROR"
    assert seen.events[0]["object"]["code"] == 410


def test_bookmarks_and_initial_events(server: Asked) -> None:
    server.post("configmaps", config_map("a"))
    query = "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    seen = server.watch(f"configmaps?{query}&timeoutSeconds=7")
    assert [it["type"] for it in seen.events] == ["ADDED", "BOOKMARK"]
    assert seen.events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert seen.watcher.timeout_seconds == 7
    mark = seen.watcher.bookmark()
    assert mark is not None
    version = server.get("configmaps")["metadata"]["resourceVersion"]
    assert msgspec.json.decode(mark)["object"]["metadata"]["resourceVersion"] == version
    assert server.watch("configmaps?watch=true").watcher.bookmark() is None


WRITES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "remove"])), max_size=20)


@given(WRITES, st.integers(0, 20))
def test_a_copy_that_resumes_anywhere_is_the_store(writes: list[tuple[str, str]], at: int) -> None:
    store = Store()
    copy: dict[str, str] = {}
    version = store.version
    for number, (name, what) in enumerate(writes):
        if what == "put":
            store.put("/things", {"metadata": {"name": name}, "n": number})
        elif store.get("/things", "", name):
            store.remove("/things", "", name)
        if number == at:
            copy = {entry.obj["metadata"]["name"]: entry.obj["n"] for entry in store.items("/things")}
            version = store.version
    for change in store.since("/things", version) or ():
        name = change.new.obj["metadata"]["name"]
        if change.type == "DELETED":
            del copy[name]
        else:
            assert (name in copy) is (change.type == "MODIFIED")
            copy[name] = change.new.obj["n"]
    assert copy == {entry.obj["metadata"]["name"]: entry.obj["n"] for entry in store.items("/things")}


CHOICES = [
    ("a=1", True),
    ("a==1,b!=1", True),
    ("a in (1, 2)", True),
    ("a notin (1,2)", False),
    ("a", True),
    ("!a", False),
    ("!c", True),
    ("b>1", True),
    ("b<2", False),
    ("c!=x", True),
    ("c notin (x)", True),
    ("example.com/k=v", True),
]


@pytest.mark.parametrize(("text", "expected"), CHOICES)
def test_label_selectors(text: str, expected: bool) -> None:
    assert selectors.matches(selectors.parse(text), {"a": "1", "b": "2", "example.com/k": "v"}) is expected


LABELS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]), max_size=2)


@given(LABELS, LABELS)
def test_an_object_selector_means_what_its_text_means(wanted: dict[str, str], labels: dict[str, str]) -> None:
    selector = {"matchLabels": wanted}
    assert selectors.object_matches(selector, labels) is all(labels.get(key) == value for key, value in wanted.items())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=!!", "unable to parse requirement: found '!', expected: identifier"),
        ("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        (",,", "found ',', expected: !, identifier, or 'end of string'"),
        ("x/y/z", 'unable to parse requirement: <nil>: Invalid value: "x/y/z": a valid label key must'),
        ("a=-", 'unable to parse requirement: values[0][a]: Invalid value: "-": a valid label must'),
    ],
)
def test_label_selectors_that_make_no_sense(text: str, words: str) -> None:
    with pytest.raises(Problem, match=re.escape(words)):
        selectors.parse(text)


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    for text, expected in (("metadata.name=p,status.phase!=Failed", True), ("spec.nodeName=", False)):
        assert field_selectors.matches(field_selectors.parse(text, "/pods"), pod) is expected
    with pytest.raises(Problem, match="field label not supported"):
        field_selectors.parse("spec.x=1", "/pods")
