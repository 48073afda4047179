"""What is kept is there again; what cannot be kept is refused; a file in use or of the future is left alone."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.unit.embedded.api.server import config_map, deployment
from tests.unit.embedded.api.test_custom_resources import CRDS, definition
from tests.unit.embedded.keeping.kept import Kept
from tests.unit.embedded.many.test_clones import Steps, play, steps
from volary.embedded.keeping.journal import Journal, Unusable

WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"


def again(server: Kept, folder: Path) -> Kept:
    """Return a server that begins where this one ended."""
    server.journal.close()
    return Kept(folder)


def test_a_server_begins_with_the_objects_the_version_and_the_kinds_of_before(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.post(CRDS, definition())
    server.post(WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
                          "spec": {"image": "a:1"}})  # fmt: skip
    server.apply("deployments/web", deployment("web"))
    server.post("configmaps", config_map("gone"))
    server.delete("configmaps/gone")
    before, version = server.held(), server.api.core.store.version
    server = again(server, tmp_path)
    assert server.held() == before
    assert server.api.core.store.version == version
    assert server.get(f"{WIDGETS}/w")["spec"]["image"] == "a:1"
    assert not server.journal.notes


def test_objects_look_as_their_definition_says_now(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.post(CRDS, definition())
    server.post(WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
                          "spec": {"image": "a:1", "note": "gone soon"}})  # fmt: skip
    newer = server.get(f"{CRDS}/widgets.example.com")
    properties = newer["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del properties["note"]
    properties["mode"]["default"] = "Slow"
    server.put(f"{CRDS}/widgets.example.com", newer)
    before = server.get(f"{WIDGETS}/w")
    assert before["spec"] == {"image": "a:1", "replicas": 1, "mode": "Slow"}
    assert again(server, tmp_path).get(f"{WIDGETS}/w") == before


def test_a_field_keeps_its_owner(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.apply("deployments/web", deployment("web", replicas=2), manager="m1")
    server = again(server, tmp_path)
    refused = server.apply("deployments/web", deployment("web", replicas=3), manager="m2", status=409)
    assert refused["details"]["causes"][0]["field"] == ".spec.replicas"


def test_a_watch_goes_on_from_the_last_version_and_no_older_one(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.post("configmaps", config_map("one"))
    server.post("configmaps", config_map("two"))
    version = server.api.core.store.version
    server = again(server, tmp_path)
    last = server.watch(f"configmaps?watch=1&resourceVersion={version}")
    older = server.watch(f"configmaps?watch=1&resourceVersion={version - 1}")
    other = server.watch(f"/api/v1/secrets?watch=1&resourceVersion={version - 1}")
    server.post("configmaps", config_map("three"))
    assert last.take() == [("ADDED", "three")]
    assert [it["object"]["code"] for it in (*older.events, *other.events)] == [410, 410]


@given(played=steps)
@settings(max_examples=40, deadline=None)
def test_whatever_was_written_is_there_again(played: Steps, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("kept")
    server = Kept(folder)
    play(server, played)
    before, version = server.held(), server.api.core.store.version
    server = again(server, folder)
    assert (server.held(), server.api.core.store.version) == (before, version)
    server.apply("configmaps/a", config_map("a", {"word": "last"}), manager="last", force=True)  # and it goes on
    assert server.api.core.store.version == version + 1
    server.journal.close()


def test_the_version_of_a_removal_is_not_given_out_twice(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.post("configmaps", config_map("one"))
    server.delete("configmaps/one")
    version = server.api.core.store.version
    server = again(again(server, tmp_path), tmp_path)
    assert server.api.core.store.version == version
    assert server.post("configmaps", config_map("one"))["metadata"]["resourceVersion"] == str(version + 1)


def test_a_role_that_is_there_from_the_beginning_keeps_its_change_and_comes_back_when_deleted(tmp_path: Path) -> None:
    server, roles = Kept(tmp_path), "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    server.patch(f"{roles}/view", {"metadata": {"labels": {"mine": "yes"}}})
    server.delete(f"{roles}/edit")
    version = server.api.core.store.version
    server = again(server, tmp_path)
    assert server.get(f"{roles}/view")["metadata"]["labels"]["mine"] == "yes"
    assert server.get(f"{roles}/edit")["metadata"]["resourceVersion"] == "1"  # as an API server mends its roles
    assert server.api.core.store.version == version


def test_what_was_only_waiting_to_be_taken_away_goes_at_the_start(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.post("configmaps", config_map("held", finalizers=["example.com/hold"]))
    server.delete("configmaps/held")
    entry = server.api.core.store.get("/configmaps", "default", "held")
    assert entry
    meta = {key: value for key, value in entry.obj["metadata"].items() if key != "finalizers"}
    server.api.core.store.put("/configmaps", {**entry.obj, "metadata": meta})  # and here the process ended
    server = again(server, tmp_path)
    server.get("configmaps/held", status=404)
    assert server.journal.notes == []


def test_a_file_in_use_is_refused_in_one_sentence(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    with pytest.raises(Unusable, match=r"journal\.db is in use by another process; end that one"):
        Journal(server.journal.path)


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.journal.close()
    with sqlite3.connect(server.journal.path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Unusable, match="newer version of this program"):
        Journal(server.journal.path)


def test_a_file_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"apiVersion: v1\n" * 100)
    with pytest.raises(Unusable, match=r"journal\.db is damaged \(file is not a database\)"):
        Journal(path)


def test_a_folder_in_the_place_of_the_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.db-wal").mkdir()
    with pytest.raises(Unusable, match=r"journal\.db cannot be opened: Is a directory"):
        Journal(tmp_path / "journal.db")


@contextmanager
def few_pages(journal: Journal) -> Iterator[None]:
    """Let the file grow no more, as SQLite sees a full disk."""
    execute = journal._db.execute
    execute(f"PRAGMA max_page_count = {execute('PRAGMA page_count').fetchone()[0] + 1}")
    yield
    execute("PRAGMA max_page_count = 1000000")


@contextmanager
def small_files(journal: Journal) -> Iterator[None]:
    """Let the system refuse to make any file of this process larger."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize("full", [few_pages, small_files])
def test_a_full_disk_refuses_writes_and_goes_on_serving_reads(tmp_path: Path, full: object) -> None:
    assert callable(full)
    server = Kept(tmp_path)
    server.post("configmaps", config_map("early"))
    watch = server.watch("configmaps?watch=1&resourceVersion=0")
    watch.take()
    with full(server.journal):
        refused = [server.raw("POST", "configmaps", config_map(f"n{i}", {"a": "x" * 40_000})) for i in range(9)]
        text = refused[-1].body.decode()
        assert refused[-1].status == 500
        assert "etcdserver: mvcc: database space exceeded" in text
        assert "reads go on" in text
        during, version = server.held(), server.api.core.store.version
        assert server.get("configmaps/early")["data"] == {"a": "1"}
        assert server.raw("DELETE", "configmaps/n8").status == 404  # what was refused is not there
    made = [f"n{i}" for i, answer in enumerate(refused) if answer.status == 201]
    assert watch.take() == [("ADDED", name) for name in made]  # nobody saw what was refused
    assert (server.held(), server.api.core.store.version) == (during, version)
    server.post("configmaps", config_map("late"))
    after = server.held()
    assert again(server, tmp_path).held() == after


def test_a_write_over_a_row_that_is_gone_is_refused_and_not_only_remembered(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    server.post("configmaps", config_map("one"))
    server.journal._db.execute("DELETE FROM objects WHERE name = 'one'")
    refused = server.raw("PUT", "configmaps/one", config_map("one", {"a": "2"}))
    assert refused.status == 500
    assert "the object's row is gone" in refused.body.decode()
    assert server.get("configmaps/one")["data"] == {"a": "1"}
