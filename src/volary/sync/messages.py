"""The sentences of a Kustomization's conditions and events. They are an interface: people and tools read them. Pure.

Source: Flux kustomize-controller, messages of Ready and Healthy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from volary.health import Verdict
from volary.sync.durations import format_duration
from volary.sync.spec import ObjectId

MOST_NAMED = 10  # objects in one sentence; a thousand names help nobody


def progressing(revision: str) -> str:
    return f"Reconciling revision {revision}"


def applied(revision: str) -> str:
    return f"Applied revision: {revision}"


def health_wait(revision: str, timeout: timedelta) -> str:
    return f"Running health checks for revision {revision} with a timeout of {format_duration(timeout)}"


def health_passed(took: timedelta) -> str:
    return f"Health check passed in {format_duration(took)}"


def waiting_for(sentences: Sequence[str]) -> str:
    return f"waiting for: [{named(sentences)}]"


def timed_out(health: Sequence[tuple[ObjectId, Verdict]]) -> str:
    return f"timeout {waiting_for([described(entry, verdict) for entry, verdict in health])}"


def failed_early(broken: Sequence[tuple[ObjectId, Verdict]]) -> str:
    sentences = [described(entry, verdict) for entry, verdict in broken]
    return f"failed early due to stalled resources: [{named(sentences)}]"


def described(entry: ObjectId, verdict: Verdict) -> str:
    why = f": {verdict.message}" if verdict.message else ""
    return f"{entry} status: '{verdict.status}'{why}"


def empty_rendering(path: str, revision: str, count: int) -> str:
    return (
        f"spec.path {path or './'} has no objects at revision {revision}, but {count} are applied; nothing is deleted. "
        "Bring the manifests back, or delete the Kustomization to delete what it applied"
    )


def named(sentences: Sequence[str]) -> str:
    more = len(sentences) - MOST_NAMED
    return ", ".join(sentences[:MOST_NAMED]) + (f", and {more} more" if more > 0 else "")
