"""What starts a run: the hub's commit of this moment, or a person's retry. Pure."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from volary.fleet.budget import TAKEN_BACK
from volary.fleet.facts import RolloutFacts, RunView
from volary.fleet.names import BY, REASON, RETRY, TAKE_PIN, short
from volary.fleet.plan import Announcement, CreateRun, Plan, RemoveAnnotations
from volary.fleet.progress import Decision, Retry, RolloutStatus
from volary.fleet.proof import pin_trouble
from volary.fleet.spec import Rollout, Run, State
from volary.fleet.stages import assign, resolve

MOST_DECISIONS = 50
LONG = 12  # digits in a run's name where two commits share the first seven


def remember_commit(facts: RolloutFacts) -> Plan | None:
    """At the creation the hub's commit of that moment counts as dealt with: creating a FleetRollout moves nothing."""
    if facts.status.handled or facts.source is None or not facts.source.commit:
        return None
    status = replace(facts.status, handled=facts.source.commit)
    return Plan(f"{short(facts.source.commit)} is where Git stands at the beginning", rollout=status)


def take_retry(facts: RolloutFacts) -> Plan | None:
    """Write a retry down, with who and why, and clear the mark; then remove the annotation."""
    wanted, status = facts.annotations.get(RETRY), facts.status
    if wanted is None:
        return None
    commit = full_commit(facts, wanted)
    if not commit:
        note = Announcement(f"retry: no run or mark of {wanted} is known", warning=True, reason="Refused")
        return Plan("retry of a stranger", (note,), actions=(RemoveAnnotations((RETRY, BY, REASON)),))
    if status.retry is not None:
        if status.retry.commit == commit:
            return Plan("the retry is written down", actions=(RemoveAnnotations((RETRY, BY, REASON)),))
        return None  # one after the other
    by, why = facts.annotations.get(BY, ""), facts.annotations.get(REASON, "")
    status = replace(
        status,
        retry=Retry(commit, facts.now, by, why),
        bad=tuple(entry for entry in status.bad if entry.commit != commit),
        decisions=remembered(status, Decision(facts.now, by, f"retry {commit}", why)),
    )
    words = f"{short(commit)} will be tried again, asked for by {by or 'somebody'}: {why or 'no reason given'}"
    return Plan(words, (Announcement(words, reason="Retry", step=str(facts.now)),), rollout=status)


def remembered(status: RolloutStatus, decision: Decision) -> tuple[Decision, ...]:
    return (*status.decisions, decision)[-MOST_DECISIONS:]


def full_commit(facts: RolloutFacts, wanted: str) -> str:
    """Return the commit that `wanted` begins, among those we know; "" asks for the hub's own."""
    source = facts.source.commit if facts.source else ""
    known = [source, *(entry.commit for entry in facts.status.bad), *(view.run.commit for view in facts.runs)]
    if wanted in ("", "true"):
        return source
    return next(
        (commit for commit in known if commit and commit.startswith(wanted)), wanted if len(wanted) == 40 else ""
    )


def take_member_pin(facts: RolloutFacts) -> Plan | None:
    """Write down that a foreign pin may be overwritten while no run is active; drop the word once it is done."""
    name, status = facts.annotations.get(TAKE_PIN), facts.status
    member = status.member(name) if name is not None else None
    if name is not None and (member is None or member.take_pin):
        words = f"take-pin {name} is written down" if member else f"take-pin: {name} takes no part"
        notes = () if member else (Announcement(words, warning=True, reason="Refused"),)
        return Plan(words, notes, actions=(RemoveAnnotations((TAKE_PIN, BY, REASON)),))
    if member is not None:
        word = Decision(facts.now, facts.annotations.get(BY, ""), f"take-pin {name}", facts.annotations.get(REASON, ""))
        changed = with_take_pin(status, member.name, True)
        words = f"{name}: a foreign pin will be overwritten, asked for by {word.by or 'somebody'}"
        status = replace(changed, decisions=remembered(status, word))
        return Plan(words, (Announcement(words, reason="TakePin"),), rollout=status)
    for entry in status.members:
        look = facts.looks.get(entry.name)
        there = look.repository if look and not look.lost else None
        if entry.take_pin and there and there.pin == entry.pinned and not pin_trouble(there, facts.owner):
            return Plan(f"{entry.name} is pinned by us again", rollout=with_take_pin(status, entry.name, False))
    return None


def with_take_pin(status: RolloutStatus, name: str, value: bool) -> RolloutStatus:
    members = tuple(replace(m, take_pin=value) if m.name == name else m for m in status.members)
    return replace(status, members=members)


def obstacle(facts: RolloutFacts) -> tuple[str, str]:
    """Return (Ready's reason, sentence) for what forbids any run, or two empty texts."""
    if facts.spec is None:
        return "InvalidSpec", facts.problem
    source, ref = facts.source, facts.spec.source
    if source is None:
        return "SourceNotFound", f"there is no GitRepository {ref} in the hub; spec.source.gitRepositoryRef names it"
    assignment = assign(facts.spec, facts.looks)
    if assignment.reason:
        return assignment.reason, assignment.message
    for name in sorted(facts.looks):
        there = facts.looks[name].repository
        if there is not None and there.owner not in ("", facts.owner):
            message = f"cluster {name}: GitRepository {facts.spec.target.repository} is pinned by FleetRollout"
            return "InvalidSpec", f"{message} {there.owner}; allowed: one FleetRollout for each GitRepository"
    if not source.commit or source.ready.status == "False":
        why = source.ready.message or "it has no artifact yet"
        return "SourceNotReady", f"GitRepository {ref} in the hub: {'suspended' if source.suspended else why}"
    return "", ""


def start_retry(facts: RolloutFacts) -> Plan | None:
    """Make the run that a person asked for once more."""
    wish = facts.status.retry
    if wish is None or facts.active is not None or facts.spec is None or facts.spec.suspend or obstacle(facts)[0]:
        return None
    return make(facts, facts.spec, wish.commit, str(wish.at.isoformat()))


def start_run(facts: RolloutFacts) -> Plan | None:
    """Make the run of the hub's commit, when it is due."""
    if facts.spec is None or facts.active is not None or facts.spec.suspend or obstacle(facts)[0]:
        return None
    if facts.newest is not None and word_waits(facts.newest):
        return None
    assert facts.source is not None
    commit = facts.source.commit
    if commit == facts.status.handled or facts.status.is_bad(commit):
        return None
    return make(facts, facts.spec, commit)


def word_waits(view: RunView) -> bool:
    """Has a person asked to take the newest run back, and it has not begun yet?"""
    back = view.status.rollback
    return view.run.state is State.ROLLBACK and (back is None or back.reason != TAKEN_BACK)


def make(facts: RolloutFacts, spec: Rollout, commit: str, decided_at: str = "") -> Plan:
    stages = resolve(assign(spec, facts.looks))
    branch = facts.source.branch if facts.source else ""
    run = Run(commit, branch, spec.target, stages, spec.on_failure, spec.rollback, State.RUN)
    number = 1 + max((view.number for view in facts.runs), default=0)
    name = run_name(facts.name, commit, facts.runs)
    return Plan(f"run {name} is due", actions=(CreateRun(name, number, run, decided_at),))


def run_name(rollout: str, commit: str, runs: tuple[RunView, ...]) -> str:
    """Return the FleetRollout's name and seven digits; twelve where another commit has those; -2, -3, … for a retry."""
    shared = any(view.run.commit != commit and short(view.run.commit) == short(commit) for view in runs)
    base = f"{rollout}-{commit[:LONG] if shared else short(commit)}"
    return next_name(base, {view.name for view in runs})


def next_name(base: str, taken: Collection[str]) -> str:
    """Return `base`, or the one after the highest number there is: no name of a run that was cleaned up comes again."""
    tails = [name.removeprefix(f"{base}-") for name in taken if name != base and name.startswith(f"{base}-")]
    numbers = [int(tail) for tail in tails if tail.isdigit()] + ([1] if base in taken else [])
    return f"{base}-{max(numbers) + 1}" if numbers else base
