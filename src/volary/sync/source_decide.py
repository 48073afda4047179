"""What to do about a GitRepository: facts in, one plan out. Pure.

Rules are asked in order and the first that answers wins. At rest a branch costs one request to the Git server each
interval and none to the API server; a pinned commit costs neither.
Source: Flux source-controller, conditions, reasons and messages of GitRepository.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from volary.kube.decoding import BadField
from volary.kube.objects import Object, generation_of, key_of
from volary.runtime.errors import backoff
from volary.runtime.events import WARNING, Line
from volary.sources import Checkout, Revision, Tree
from volary.sync.conditions import (
    ARTIFACT_IN_STORAGE,
    FALSE,
    FETCH_FAILED,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    drop,
    put,
)
from volary.sync.spec import Artifact, Condition, Conditions, GitRepository, GitRepositoryStatus, find

FASTEST_RETRY = timedelta(seconds=1)
AT_ONCE = datetime.min.replace(tzinfo=UTC)
LONGEST_SUBJECT = 50  # characters of a commit's subject in an event


@dataclass(frozen=True, slots=True)
class Asked:
    """What a poll was about; another wish makes its answer void."""

    generation: int
    token: str  # requestedAt
    credentials: str  # digest of them


@dataclass(frozen=True, slots=True)
class Poll:
    """The last look at the repository. Kept in memory: after a restart one looks again."""

    asked: Asked
    at: datetime
    revision: Revision | None = None
    reason: str = ""  # why it failed, for the condition
    message: str = ""
    lasting: bool = False
    failures: int = 0  # in a row
    checkout: Checkout | None = None  # of `revision`, once it is here


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything `decide` may look at."""

    obj: Object
    spec: GitRepository | BadField
    status: GitRepositoryStatus
    asked: Asked
    secret_missing: bool = False
    poll: Poll | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Ask which commit the ref names now."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring a revision here."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class Plan:
    because: str
    action: Resolve | Fetch | None = None
    status: GitRepositoryStatus | None = None
    announce: tuple[Line, ...] = ()
    look_again_at: datetime | None = None


def decide(facts: Facts, now: datetime) -> Plan:
    """Return the next move; safe to ask at any time, any number of times."""
    if isinstance(facts.spec, BadField):
        return stalled(facts, "InvalidSpec", str(facts.spec), now)
    if facts.spec.suspend:
        return Plan("suspended")
    if facts.secret_missing:
        name = facts.spec.secret
        message = f'there is no Secret "{name}" in the namespace of GitRepository {key_of(facts.obj)}'
        return failed(facts, facts.spec, "AuthenticationFailed", message, now)
    due = next_poll(facts, facts.spec)
    if due is not None and due <= now:
        return Plan("asking the repository", Resolve(), look_again_at=now)
    poll = facts.poll
    if poll is not None and poll.message:
        if poll.lasting:
            return stalled(facts, poll.reason, poll.message, now)
        return failed(facts, facts.spec, poll.reason, poll.message, now, due)
    if poll is not None and poll.revision is not None and not is_stored(facts, poll.revision):
        if poll.checkout is None or poll.checkout.revision != poll.revision:
            return Plan(f"fetching {poll.revision}", Fetch(poll.revision), look_again_at=now)
        return stored(facts, poll.checkout, now, due)
    return up_to_date(facts, now, due)


def next_poll(facts: Facts, spec: GitRepository) -> datetime | None:
    """Return when to look at the repository; None: not before somebody changes something."""
    poll = facts.poll
    if poll is None or poll.asked != facts.asked:
        return None if poll is None and rests_at_pin(facts, spec) else AT_ONCE
    if poll.lasting:
        return None
    if poll.message:
        return poll.at + backoff(poll.failures, min(FASTEST_RETRY, spec.interval), spec.interval)
    if spec.ref.commit and poll.revision is not None:
        return None
    return poll.at + spec.interval


def rests_at_pin(facts: Facts, spec: GitRepository) -> bool:
    """Is a commit pinned, and here, and said so? Then there is nothing to ask, not even after a restart."""
    status = facts.status
    ready = find(status.conditions, READY)
    return bool(
        spec.ref.commit
        and status.artifact is not None
        and status.artifact.revision.commit == spec.ref.commit
        and status.observed_generation == generation_of(facts.obj)
        and status.handled == facts.asked.token
        and ready is not None
        and ready.status == TRUE
    )


def is_stored(facts: Facts, revision: Revision) -> bool:
    return facts.status.artifact is not None and facts.status.artifact.revision == revision


def stored(facts: Facts, checkout: Checkout, now: datetime, due: datetime | None) -> Plan:
    """Say that a new revision is here."""
    revision = checkout.revision
    digest = digest_of(checkout.tree)
    path = f"gitrepository/{key_of(facts.obj)}/{revision.commit}"
    # There is no tarball to download: whoever applies a revision reads it from the same cache, by its commit.
    artifact = Artifact(revision, digest, now, path, f"volary-internal://{path}")
    line = Line(f"stored artifact for commit '{checkout.subject[:LONGEST_SUBJECT]}'", reason="NewArtifact")
    status = healthy(facts, replace(facts.status, artifact=artifact), now)
    return Plan(f"stored {revision}", status=status, announce=(line,), look_again_at=due)


def up_to_date(facts: Facts, now: datetime, due: datetime | None) -> Plan:
    """Nothing new: write only what is not said yet."""
    if facts.status.artifact is None:
        return Plan("nothing fetched yet", look_again_at=due)
    status = healthy(facts, facts.status, now)
    if status == facts.status:
        return Plan(f"up to date at {facts.status.artifact.revision}", look_again_at=due)
    announce: tuple[Line, ...] = ()
    if find(facts.status.conditions, FETCH_FAILED):
        announce = (Line(ready_message(facts.status.artifact), reason="Succeeded"),)
    return Plan("observed", status=status, announce=announce, look_again_at=due)


def healthy(facts: Facts, status: GitRepositoryStatus, now: datetime) -> GitRepositoryStatus:
    """Return the status of a repository that answered, and whose revision is here."""
    assert status.artifact is not None
    generation = generation_of(facts.obj)
    message = ready_message(status.artifact)
    conditions = drop(status.conditions, FETCH_FAILED, RECONCILING, STALLED)
    for kind in (READY, ARTIFACT_IN_STORAGE):
        conditions = put(conditions, Condition(kind, TRUE, "Succeeded", message, generation=generation), now)
    return replace(status, observed_generation=generation, conditions=conditions, handled=facts.asked.token)


def ready_message(artifact: Artifact) -> str:
    return f"stored artifact for revision '{artifact.revision}'"


def failed(
    facts: Facts, spec: GitRepository, reason: str, message: str, now: datetime, due: datetime | None = None
) -> Plan:
    """Say that the repository does not answer; what was fetched before stays in use."""
    again = due or now + spec.interval
    conditions = troubled(facts, reason, message, now)
    retrying = Condition(RECONCILING, TRUE, "ProgressingWithRetry", message, generation=generation_of(facts.obj))
    status = replace(facts.status, conditions=put(drop(conditions, STALLED), retrying, now))
    return report(facts, status, reason, message, again)


def stalled(facts: Facts, reason: str, message: str, now: datetime) -> Plan:
    """Say what only a person can mend, and wait for it."""
    generation = generation_of(facts.obj)
    conditions = drop(troubled(facts, reason, message, now), RECONCILING)
    conditions = put(conditions, Condition(STALLED, TRUE, reason, message, generation=generation), now)
    status = replace(facts.status, observed_generation=generation, conditions=conditions, handled=facts.asked.token)
    return report(facts, status, reason, message, None)


def troubled(facts: Facts, reason: str, message: str, now: datetime) -> Conditions:
    generation = generation_of(facts.obj)
    conditions = facts.status.conditions
    for kind, value in ((READY, FALSE), (FETCH_FAILED, TRUE)):
        conditions = put(conditions, Condition(kind, value, reason, message, generation=generation), now)
    return conditions


def report(facts: Facts, status: GitRepositoryStatus, reason: str, message: str, again: datetime | None) -> Plan:
    """Write the status, with one Warning, unless it says the same already."""
    if status == facts.status:
        return Plan(message, look_again_at=again)
    return Plan(message, status=status, announce=(Line(message, WARNING, reason),), look_again_at=again)


def digest_of(tree: Tree) -> str:
    """Return a digest of all names and contents."""
    lines = "".join(f"{path}\0{entry.kind}\0{entry.blob}\n" for path, entry in sorted(tree.entries.items()))
    return f"sha256:{hashlib.sha256(lines.encode('utf-8', 'surrogateescape')).hexdigest()}"
