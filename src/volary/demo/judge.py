"""Did every act end exactly as the story says? Pure: observations in, one sentence for each difference out.

The texts of the lines come from the canary's own `messages`, so that this file cannot drift away from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from volary.canary import messages
from volary.demo.story import Observation
from volary.demo.world import APP, MEMBERS, NAMESPACE

WEST, EAST = MEMBERS
TARGET, PRIMARY = f"{APP}.{NAMESPACE}", f"{APP}-primary.{NAMESPACE}"
STEPS = (10, 20, 30, 40, 50)
SIGMAS = 4.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How an act ended, read from the API at that moment."""

    number: int
    in_time: bool
    seen: Sequence[Observation]  # what was seen during the act
    run_phase: str  # of the run that the act is about; "" before there was one
    phases: dict[str, str]  # cluster -> phase of its canary
    proven: dict[str, int]  # cluster -> release that is proven there; 0: none that we know
    bad: frozenset[int]  # releases that are remembered as bad
    git_ahead: str  # reason of the condition GitAhead, "" where it is not True
    templates_equal: bool  # the target's pod template is the same, byte for byte, in both members
    why: str  # the sentence of `volary why podinfo`


def eleven_lines() -> list[str]:
    """Return the lines of a good release, in order."""
    lines = [
        messages.new_revision(TARGET),
        messages.starting(TARGET),
        messages.pre_rollout_passed("acceptance-test"),
        *(messages.advance(TARGET, weight) for weight in STEPS),
        messages.copying(TARGET, PRIMARY),
        messages.routing_to_primary(),
        messages.promoted(TARGET),
    ]
    return [line.message for line in lines]


def judge(ending: Ending) -> list[str]:
    """Return one sentence for each difference between an act and the story; none: it went as it should."""
    found = [] if ending.in_time else ["it did not end in time"]
    found += CHECKS[ending.number](ending)
    return [f"act {ending.number}: {sentence}" for sentence in found]


def act_1(ending: Ending) -> list[str]:
    found = expect_phases(ending, dict.fromkeys(MEMBERS, "Initialized"))
    return found + expect_proven(ending, dict.fromkeys(MEMBERS, 1))


def act_2(ending: Ending) -> list[str]:
    found = expect_good_release(ending, WEST) + expect_untouched(ending, EAST)
    return found + expect_nothing_lost(ending) + expect_shares(ending, WEST)


def act_3(ending: Ending) -> list[str]:
    found = expect_good_release(ending, EAST) + expect_run(ending, "Succeeded")
    found += expect_proven(ending, dict.fromkeys(MEMBERS, 2))
    return found + expect_nothing_lost(ending) + expect_shares(ending, EAST)


def act_4(ending: Ending) -> list[str]:
    found = expect_rollback(ending, WEST) + expect_untouched(ending, EAST) + expect_run(ending, "RolledBack")
    found += expect_proven(ending, dict.fromkeys(MEMBERS, 2)) + expect_bad(ending, {3})
    return found + expect_nothing_lost(ending) + expect_reason(ending, "99%")


def act_5(ending: Ending) -> list[str]:
    found = expect_promotions(ending, WEST, 2) + expect_rollback(ending, EAST) + expect_run(ending, "RolledBack")
    found += expect_proven(ending, dict.fromkeys(MEMBERS, 2)) + expect_bad(ending, {3, 4})
    if not ending.templates_equal:
        found.append("version 4 was not the same in west and east, byte for byte")
    return found + expect_nothing_lost(ending) + expect_reason(ending, "99%")


CHECKS = {1: act_1, 2: act_2, 3: act_3, 4: act_4, 5: act_5}


def canary_events(seen: Iterable[Observation], cluster: str, kind: str = "") -> list[str]:
    """Return the messages of the Canary's events in a cluster, in order."""
    return [
        str(event.details["message"])
        for event in seen
        if event.type == "event"
        and event.cluster == cluster
        and str(event.details["about"]).startswith("Canary/")
        and (not kind or event.details["kind"] == kind)
    ]


def expect_good_release(ending: Ending, cluster: str) -> list[str]:
    """The eleven lines, in order, and nothing of type Normal between them."""
    got, wanted = canary_events(ending.seen, cluster, "Normal"), eleven_lines()
    if got == wanted:
        return []
    for number, (line, should) in enumerate(zip(got, wanted), 1):
        if line != should:
            return [f'{cluster}: line {number} was "{line}", not "{should}"']
    return [f"{cluster}: {len(got)} lines were seen, not {len(wanted)}"]


def expect_promotions(ending: Ending, cluster: str, count: int) -> list[str]:
    """Went through its canary and was promoted `count` times."""
    got = canary_events(ending.seen, cluster).count(messages.promoted(TARGET).message)
    return [] if got == count else [f"{cluster} completed {got} promotions, not {count}"]


def expect_rollback(ending: Ending, cluster: str) -> list[str]:
    """The canary failed at the second step or before, and went back."""
    found = []
    if messages.failed(TARGET).message not in canary_events(ending.seen, cluster):
        found.append(f"the canary in {cluster} did not fail")
    highest = max((int(w.details["canary"]) for w in weights_of(ending.seen, cluster)), default=0)
    if cluster == WEST and ending.number == 4 and highest not in STEPS[:2]:
        found.append(f"{cluster} noticed at {highest} %, not at {STEPS[0]} or {STEPS[1]} %")
    return found


def weights_of(seen: Iterable[Observation], cluster: str) -> list[Observation]:
    return [one for one in seen if one.type == "weight" and one.cluster == cluster]


def expect_untouched(ending: Ending, cluster: str) -> list[str]:
    """Not one write by Volary, by the audit log of the cluster."""
    writes = [one for one in ending.seen if one.type == "write" and one.cluster == cluster]
    if not writes:
        return []
    first = writes[0].details
    return [f"{cluster} got {len(writes)} writes, the first: {first['verb']} {first['resource']} {first['name']}"]


def expect_nothing_lost(ending: Ending) -> list[str]:
    lost = sum(int(one.details["lost"]) for one in ending.seen if one.type == "traffic")
    return [f"{lost} requests were lost"] if lost else []


def expect_run(ending: Ending, phase: str) -> list[str]:
    return [] if ending.run_phase == phase else [f"the run ended {ending.run_phase or 'not at all'}, not {phase}"]


def expect_phases(ending: Ending, wanted: dict[str, str]) -> list[str]:
    return [
        f"the canary in {name} is {ending.phases.get(name) or 'not there'}, not {phase}"
        for name, phase in wanted.items()
        if ending.phases.get(name) != phase
    ]


def expect_proven(ending: Ending, wanted: dict[str, int]) -> list[str]:
    return [
        f"{name} is proven at {version(ending.proven.get(name, 0))}, not {version(release)}"
        for name, release in wanted.items()
        if ending.proven.get(name, 0) != release
    ]


def version(release: int) -> str:
    return f"version {release}" if release else "nothing that we know"


def expect_bad(ending: Ending, wanted: set[int]) -> list[str]:
    found = []
    if ending.bad != wanted:
        found.append(f"remembered as bad are {sorted(ending.bad)}, not {sorted(wanted)}")
    if ending.git_ahead != "RevisionMarkedBad":
        found.append(f"GitAhead says {ending.git_ahead or 'nothing'}, not RevisionMarkedBad")
    return found


def expect_reason(ending: Ending, limit: str) -> list[str]:
    """The sentence of `volary why` names the metric's limit."""
    return [] if limit in ending.why else [f'`volary why podinfo` does not name the limit {limit}: "{ending.why}"']


def expect_shares(ending: Ending, cluster: str) -> list[str]:
    """Between two changes of weight the pods of both sides answered in the proportion asked for."""
    found = []
    for weight, primary, canary in shares(ending.seen, cluster):
        total = primary + canary
        expected = total * weight / 100
        allowed = SIGMAS * math.sqrt(max(total * weight * (100 - weight), 0)) / 100
        # With 0 or 100 % any answer of the other side is one that was on its way when the weight changed.
        if total and 0 < weight < 100 and abs(canary - expected) > allowed + 1:
            found.append(f"{cluster}: at {weight} % the canary answered {canary} of {total}")
    return found


def shares(seen: Iterable[Observation], cluster: str) -> list[tuple[int, int, int]]:
    """Return (weight asked for, answers by primary, answers by canary) for each step.

    A report of the load covers a short time; those in which the weight changed belong to no step and are left out.
    """
    steps: list[tuple[int, int, int]] = []
    weight, fresh = 0, True
    for one in seen:
        if one.cluster != cluster:
            continue
        if one.type == "weight":
            weight, fresh = int(one.details["canary"]), True
            steps.append((weight, 0, 0))
        elif one.type == "traffic" and steps:
            if not fresh:
                _, primary, canary = steps[-1]
                steps[-1] = (weight, primary + int(one.details["primary"]), canary + int(one.details["canary"]))
            fresh = False
    return steps
