"""What to do about a Kustomization: facts in, one plan out. Pure.

Rules are asked in order and the first that answers wins. The order is a promise: the inventory names an object before
it is first written; nothing is deleted before everything else is written; an empty or failed rendering deletes
nothing; a newer revision is looked at before an older one's health is waited for.
Source: Flux kustomize-controller, order of one reconcile, conditions and reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from volary.health import FAILED
from volary.kube.decoding import BadField
from volary.kube.objects import deleting, metadata
from volary.sync import messages, reports
from volary.sync.conditions import FALSE, HEALTHY, READY, RECONCILING, TRUE, UNKNOWN
from volary.sync.facts import Facts, Failure
from volary.sync.order import in_delete_order
from volary.sync.plan import Build, Plan, Prune, SetFinalizer, Write
from volary.sync.spec import Condition, Kustomization, find
from volary.sync.wire import FINALIZER

Rule = Callable[[Facts, Kustomization, datetime], Plan | None]


def decide(facts: Facts, now: datetime) -> Plan:
    """Return the next move; safe to ask at any time, any number of times."""
    if deleting(facts.obj):
        return let_go(facts, now)
    if isinstance(facts.spec, BadField):
        return reports.stalled(facts, "InvalidSpec", str(facts.spec), now)
    for rule in RULES:
        plan = rule(facts, facts.spec, now)
        if plan is not None:
            return plan
    return Plan("nothing to do")


def let_go(facts: Facts, now: datetime) -> Plan:
    """Delete what we made, if asked to, and let the Kustomization go."""
    if FINALIZER not in (metadata(facts.obj).get("finalizers") or ()):
        return Plan("being deleted by others")
    left = [entry for entry in facts.status.inventory if entry not in facts.gone]
    if not left or not prunes_at_its_end(facts.spec):
        return Plan("letting go", SetFinalizer(False))
    return Plan("deleting what was applied", Prune(tuple(in_delete_order(left))), look_again_at=now)


def prunes_at_its_end(spec: Kustomization | BadField) -> bool:
    """Does deleting the Kustomization delete its objects? Never a suspended one, or one that we cannot read."""
    if isinstance(spec, BadField) or spec.suspend or spec.deletion_policy == "Orphan":
        return False
    return spec.prune if spec.deletion_policy == "MirrorPrune" else True


def suspended(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    return Plan("suspended") if spec.suspend else None


def be_known(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """Before anything is made, see to it that it can be taken away again."""
    if FINALIZER not in (metadata(facts.obj).get("finalizers") or ()):
        return Plan("setting the finalizer", SetFinalizer(True), look_again_at=now)
    return None


def need_source(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    if facts.source_trouble:
        return reports.not_ready(facts, "ArtifactFailed", facts.source_trouble, now)
    return None


def need_dependencies(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """Wait for what this one depends on; its change wakes us, so nothing is polled."""
    if facts.dependency and not rests(facts):
        return reports.not_ready(facts, "DependencyNotReady", facts.dependency, now)
    return None


def give_up_for_now(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """Report a failed attempt, and wait until it may be tried again."""
    failure = facts.failure
    if failure is None:
        return None
    again = failure.at + spec.retry_interval if failure.may_pass else None
    if not reports.is_reported(facts, failure):
        return replace(reports.attempt_failed(facts, failure), look_again_at=again or None)
    if again is None or now < again:
        return Plan(failure.message, look_again_at=again)
    return None


def build(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    if facts.rendering is None:
        return Plan(f"building {facts.about.revision}", Build(), look_again_at=now)
    return None


def refuse_emptiness(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """A path that has become empty is a mistake until a person says otherwise: nothing is deleted for it."""
    assert facts.rendering is not None
    if facts.rendering.objects or not facts.status.inventory:
        return None
    message = messages.empty_rendering(spec.path, facts.about.revision, len(facts.status.inventory))
    failure = Failure(facts.about, "BuildFailed", message, now, facts.began or now)
    ready = find(facts.status.conditions, READY)
    if ready is not None and ready.message == message and facts.status.attempted == facts.about.revision:
        return Plan(message)
    return reports.attempt_failed(facts, failure)


def note_before_writing(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """Write down what is about to be made, so that a crash or an error in the middle leaves nothing unknown."""
    assert facts.rendering is not None
    intended = facts.rendering.inventory
    known = facts.status.inventory
    if all(known.get(entry) == version for entry, version in intended.items()):
        return None
    status = replace(facts.status, inventory={**known, **intended})
    message = messages.progressing(facts.about.revision)
    return Plan("noting what will be applied", status=reports.working(facts, status, message, now), look_again_at=now)


def write(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """Write one stage. Where a good state is at stake all of it is rehearsed first."""
    if facts.unusable:
        return wait_for_stage(facts, spec, now)
    if not facts.unwritten:
        return None
    if facts.held_until is not None and now < facts.held_until and rests(facts):
        return Plan("others change what Git says again and again", look_again_at=facts.held_until)
    return Plan(
        f"applying {len(facts.unwritten)} objects",
        Write(facts.unwritten, rehearse=bool(facts.status.applied) and len(facts.unwritten) > 1),
        look_again_at=now,
    )


def wait_for_stage(facts: Facts, spec: Kustomization, now: datetime) -> Plan:
    """Wait until what the next stage stands on can be used."""
    deadline = (facts.began or now) + spec.timeout
    message = messages.waiting_for(facts.unusable)
    if now >= deadline:
        return reports.not_ready(facts, "ReconciliationFailed", f"timeout {message}", now)
    return Plan(message, look_again_at=deadline)


def prune(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """Delete what Git has no longer. Without `prune` it is kept, yet leaves the inventory, as with Flux."""
    assert facts.rendering is not None
    wanted = facts.rendering.inventory
    left = [entry for entry in facts.status.inventory if entry not in wanted and entry not in facts.gone]
    if not left or not spec.prune:
        return None
    return Plan(f"pruning {len(left)} objects", Prune(tuple(in_delete_order(left))), look_again_at=now)


def wait_for_health(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    """Wait until everything is Current; once it was, at this revision, later changes are its own business."""
    if rests(facts) or not facts.health:
        return None
    healthy = find(facts.status.conditions, HEALTHY)
    if healthy is None or healthy.since is None or not is_about_this_wait(facts, healthy):
        return reports.waiting_for_health(facts, spec, now)
    if healthy.status == FALSE:
        return Plan(healthy.message)  # reported; what mends itself wakes us
    since = healthy.since
    broken = [(entry, verdict) for entry, verdict in facts.health if verdict.status == FAILED]
    if broken:
        return reports.unhealthy(facts, messages.failed_early(broken), since, now)
    if now >= since + spec.timeout:
        return reports.unhealthy(facts, messages.timed_out(facts.health), since, now)
    return Plan(messages.health_wait(facts.about.revision, spec.timeout), look_again_at=since + spec.timeout)


def is_about_this_wait(facts: Facts, healthy: Condition) -> bool:
    """Was this wait begun, or ended badly, for this very revision, spec and wish?"""
    same = healthy.generation == facts.about.generation and facts.status.attempted == facts.about.revision
    return same and (
        healthy.status == UNKNOWN or (healthy.status == FALSE and facts.status.handled == facts.about.token)
    )


def finish(facts: Facts, spec: Kustomization, now: datetime) -> Plan | None:
    assert facts.rendering is not None
    checked = spec.wait or bool(spec.health_checks)
    if rests(facts) and facts.status.inventory == facts.rendering.inventory:
        return Plan(f"at rest at {facts.about.revision}")
    return reports.succeeded(facts, facts.rendering, checked, now)


def rests(facts: Facts) -> bool:
    """Is this very revision, of this very spec, applied and said so?"""
    ready = find(facts.status.conditions, READY)
    return (
        facts.status.applied == facts.status.attempted == facts.about.revision
        and facts.status.observed_generation == facts.about.generation
        and facts.status.handled == facts.about.token
        and ready is not None
        and ready.status == TRUE
        and find(facts.status.conditions, RECONCILING) is None
    )


RULES: tuple[Rule, ...] = (
    suspended,
    be_known,
    need_source,
    need_dependencies,
    give_up_for_now,
    build,
    refuse_emptiness,
    note_before_writing,
    write,
    prune,
    wait_for_health,
    finish,
)
