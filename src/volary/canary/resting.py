"""At rest: keep what is there as it should be, and notice a new revision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from volary.canary import messages
from volary.canary.facts import Facts
from volary.canary.hashes import is_ours
from volary.canary.phases import AT_REST
from volary.canary.plan import MakePrimary, Plan
from volary.canary.rules import in_phase, route
from volary.canary.spec import Phase


def note_what_is_promoted(facts: Facts, now: datetime) -> Plan | None:
    """The target is what the primary runs: write that down once, so that any other revision counts as new.

    So a status left by Flagger becomes ours without a run, and a revision that failed can be tried again after the
    promoted one was put back.
    """
    at = facts.progress
    if at.phase not in AT_REST or not facts.same:
        return None
    if facts.on_trial and is_ours(at.promoted):
        return None
    # What Flagger left after a failed promotion is not promoted, however alike the templates are.
    promoted = at.promoted if at.weight and is_ours(at.promoted) else facts.revision
    noted = replace(at, applied=facts.revision, promoted=promoted, tracked=facts.tracked)
    return Plan("the target is what the primary runs", progress=noted)


def repair_route(facts: Facts, now: datetime) -> Plan | None:
    """The route follows the status at rest too: all traffic on the primary, or where a failed promotion left it."""
    return route(facts) if facts.progress.phase in AT_REST else None


def remake_primary(facts: Facts, now: datetime) -> Plan | None:
    """A primary that was deleted is made again, but only from the revision that was promoted."""
    if facts.primary is not None or not in_phase(facts, *AT_REST, Phase.PROGRESSING, Phase.PROMOTING, Phase.FINALISING):
        return None
    at = facts.progress
    measured = at.phase in (Phase.PROMOTING, Phase.FINALISING) and facts.on_trial
    if measured or facts.revision == at.promoted or facts.spec.skip_analysis:
        return Plan("the primary is not there", actions=(MakePrimary(),))
    gone = messages.primary_missing(facts.names.primary, facts.names.target)
    return route(facts) or Plan("the primary is not there, and the target is not what it was", announce=(gone,))


def detect(facts: Facts, now: datetime) -> Plan | None:
    """A template or a configuration that is neither promoted nor the one last tried starts a run."""
    at = facts.progress
    if at.phase not in AT_REST:
        return None
    if facts.same or not changed(facts):
        return Plan("at rest")
    begun = replace(
        at,
        phase=Phase.PROGRESSING,
        applied=facts.revision,
        tracked=facts.tracked,
        weight=0,
        failed_checks=0,
    )
    return Plan("a new revision", announce=(messages.new_revision(facts.names.target),), progress=begun)


def changed(facts: Facts) -> bool:
    """Is the target another than the one last tried? Flagger's hash is the one of the target's ReplicaSet, if any."""
    if is_ours(facts.progress.applied) or not facts.progress.applied:
        return not facts.on_trial
    return facts.pod_hash != facts.progress.applied
