"""Two clusters that began as one: whatever is written in either, the other never sees it."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.embedded.api.server import Asked, Object, config_map, deployment
from tests.unit.embedded.api.test_custom_resources import CRDS, definition
from volary.embedded.api.restoring import clone
from volary.embedded.api.serving.faces import faces_of

NAMES = ("a", "b", "c")
Steps = list[tuple[str, str, str]]
steps = st.lists(
    st.tuples(st.sampled_from(["set", "apply", "label", "delete"]), st.sampled_from(NAMES), st.sampled_from("xyz")),
    max_size=12,
)


class Other(Asked):
    """A clone of another server under test."""

    def __init__(self, source: Asked) -> None:
        self.time = datetime(2026, 1, 2, tzinfo=UTC)
        self.api = clone(source.api, "other", lambda: self.time, random.Random(2), lambda: str(uuid.uuid4()))


def held(server: Asked) -> dict[str, Object]:
    entries = server.api.core.store.items("/configmaps")
    return {entry.key[1]: msgspec.json.decode(entry.raw) for entry in entries}


def play(server: Asked, played: Steps) -> None:
    for verb, name, word in played:
        there = name in held(server)
        if verb == "delete" and there:
            server.delete(f"configmaps/{name}")
        elif verb == "set" and not there:
            server.post("configmaps", config_map(name, {"word": word}))
        elif verb == "apply":
            server.apply(f"configmaps/{name}", config_map(name, {"word": word}), manager=word, force=True)
        elif verb == "label" and there:
            server.patch(f"configmaps/{name}", {"metadata": {"labels": {"word": word}}})


@given(before=steps, here=steps, there=steps)
@settings(max_examples=60, deadline=None)
def test_a_write_in_one_is_never_seen_in_the_other(before: Steps, here: Steps, there: Steps) -> None:
    alone, source = Asked(), Asked()
    play(alone, before)
    play(source, before)
    other = Other(source)
    began, version = held(source), source.api.core.store.version
    assert held(other) == began
    watches = [server.watch(f"configmaps?watch=1&resourceVersion={version}") for server in (source, other)]
    play(source, here)
    assert held(other) == began
    assert watches[1].events == []
    play(other, there)
    play(alone, here)
    assert held(source) == held(alone)  # as if there had never been a clone
    for server, watch in zip((source, other), watches):
        assert len(watch.events) == server.api.core.store.version - version  # its own writes, all of them


def test_a_clone_has_the_kinds_of_its_source_and_makes_its_own() -> None:
    source = Asked()
    source.post(CRDS, definition())
    other = Other(source)
    other.get("widgets")
    other.delete(f"{CRDS}/widgets.example.com")
    assert other.raw("GET", "widgets").status == 404
    assert source.get("widgets")["items"] == []
    assert "example.com" in source.raw("GET", "/apis").body.decode()
    assert "example.com" not in other.raw("GET", "/apis").body.decode()


def test_a_watch_from_before_the_clone_must_list_again() -> None:
    source = Asked()
    source.post("configmaps", config_map("one"))
    version = source.api.core.store.version
    source.post("configmaps", config_map("two"))
    other = Other(source)
    assert other.watch(f"configmaps?watch=1&resourceVersion={version}").events[0]["object"]["code"] == 410
    assert source.watch(f"configmaps?watch=1&resourceVersion={version}").take() == [("ADDED", "two")]


def test_an_object_keeps_its_identity_and_both_go_on_from_its_version() -> None:
    source = Asked()
    made = source.post("deployments", deployment("web"))
    other = Other(source)
    assert other.get("deployments/web") == made
    one = source.patch("deployments/web", {"spec": {"replicas": 2}})
    two = other.patch("deployments/web", {"spec": {"replicas": 3}})
    assert one["metadata"]["resourceVersion"] == two["metadata"]["resourceVersion"]
    assert one["metadata"]["uid"] == two["metadata"]["uid"]
    assert (source.get("deployments/web")["spec"]["replicas"], two["spec"]["replicas"]) == (2, 3)


def test_documents_are_made_once_for_all_who_serve_the_same() -> None:
    one, two = Asked(), Asked()
    assert faces_of(one.api.core.catalog) is faces_of(two.api.core.catalog)
    one.post(CRDS, definition())
    assert faces_of(one.api.core.catalog) is not faces_of(two.api.core.catalog)
    before = faces_of(one.api.core.catalog)
    other = Other(one)
    assert faces_of(other.api.core.catalog) is before
    other.delete(f"{CRDS}/widgets.example.com")
    assert faces_of(other.api.core.catalog) is faces_of(two.api.core.catalog)
    assert faces_of(one.api.core.catalog) is before
