"""The rules for GitRepositories: a healthy base, each row says only what differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from volary.kube.decoding import BadField
from volary.sources import Checkout, Ref, Revision
from volary.sources.memory import memory_tree
from volary.sync.source_decide import Asked, Facts, Fetch, Poll, Resolve, decide
from volary.sync.spec import GitRepository, GitRepositoryStatus, find

T0 = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
A, B = Revision("a" * 40, "main"), Revision("b" * 40, "main")
SPEC = GitRepository("https://git/x", timedelta(minutes=1), timedelta(minutes=1), Ref(branch="main"))
ASKED = Asked(1, "", "none")
OBJ = {"apiVersion": "v1", "kind": "GitRepository", "metadata": {"name": "x", "namespace": "y", "generation": 1}}
TREE = memory_tree({"a.yaml": "a: 1"})
POLL = Poll(ASKED, T0, A, checkout=Checkout(A, TREE, "first"))


def at_rest() -> Facts:
    """Return the facts after a first revision was stored."""
    plan = decide(Facts(OBJ, SPEC, GitRepositoryStatus(), ASKED, poll=POLL), T0)
    assert plan.status is not None
    return Facts(OBJ, SPEC, plan.status, ASKED, poll=POLL)


def rest(**changes: Any) -> Facts:
    return replace(at_rest(), **changes)


PINNED = replace(SPEC, ref=Ref(branch="main", commit=A.commit))
FAILED = Poll(ASKED, T0, None, "GitOperationFailed", "cannot reach it", failures=1)
LATER = T0 + timedelta(seconds=59)
DUE = T0 + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("facts", "now", "because"),
    [
        (rest(), LATER, f"up to date at {A}"),
        (rest(), DUE, "asking the repository"),
        (rest(spec=replace(SPEC, suspend=True)), DUE, "suspended"),
        (rest(poll=None), LATER, "asking the repository"),
        (rest(asked=replace(ASKED, generation=2)), LATER, "asking the repository"),
        (rest(asked=replace(ASKED, token="now")), LATER, "asking the repository"),
        (rest(asked=replace(ASKED, credentials="new")), LATER, "asking the repository"),
        (rest(poll=replace(POLL, revision=B)), LATER, f"fetching {B}"),
        (rest(poll=replace(POLL, revision=B, checkout=Checkout(B, TREE))), LATER, f"stored {B}"),
        (rest(spec=PINNED), DUE, f"up to date at {A}"),
        (rest(spec=PINNED, poll=None), DUE, f"up to date at {A}"),
        (rest(spec=replace(SPEC, ref=Ref(commit=B.commit)), poll=None), LATER, "asking the repository"),
        (rest(secret_missing=True), LATER, 'there is no Secret "" in the namespace of GitRepository y/x'),
        (rest(poll=FAILED), T0, "cannot reach it"),
        (rest(poll=FAILED), T0 + timedelta(seconds=1), "asking the repository"),
        (rest(poll=replace(FAILED, failures=4)), T0 + timedelta(seconds=7), "cannot reach it"),
        (rest(poll=replace(FAILED, failures=40)), DUE, "asking the repository"),
        (rest(poll=replace(FAILED, lasting=True)), DUE + timedelta(days=1), "cannot reach it"),
        (rest(spec=BadField("spec.url", "spec.url is missing")), LATER, "spec.url is missing"),
    ],
)
def test_decide(facts: Facts, now: datetime, because: str) -> None:
    assert decide(facts, now).because == because


def test_a_first_revision_is_asked_for_fetched_and_stored() -> None:
    facts = Facts(OBJ, SPEC, GitRepositoryStatus(), ASKED)
    assert decide(facts, T0).action == Resolve()
    facts = replace(facts, poll=Poll(ASKED, T0, A))
    assert decide(facts, T0).action == Fetch(A)
    plan = decide(replace(facts, poll=POLL), T0)
    assert plan.status is not None
    assert plan.status.artifact is not None
    assert plan.status.artifact.revision == A
    assert [(line.reason, line.message) for line in plan.announce] == [
        ("NewArtifact", "stored artifact for commit 'first'")
    ]


def test_nothing_is_written_at_rest_and_the_next_look_is_in_an_interval() -> None:
    plan = decide(at_rest(), LATER)
    assert (plan.status, plan.action, plan.announce, plan.look_again_at) == (None, None, (), DUE)


def test_a_failure_keeps_the_artifact_and_is_said_once() -> None:
    plan = decide(rest(poll=FAILED), T0)
    assert plan.status is not None
    assert plan.status.artifact == at_rest().status.artifact
    ready = find(plan.status.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "GitOperationFailed")
    again = decide(rest(poll=FAILED, status=plan.status), T0 + timedelta(seconds=0.5))
    assert (again.status, again.announce) == (None, ())


def test_two_commits_with_equal_contents_have_equal_digests() -> None:
    first, second = (decide(rest(poll=replace(POLL, revision=r, checkout=Checkout(r, TREE))), T0) for r in (B, B))
    assert first.status is not None
    assert second.status is not None
    assert first.status.artifact is not None
    assert second.status.artifact is not None
    assert first.status.artifact.digest == second.status.artifact.digest
