"""Who takes part, and what each should be pinned to while no run says otherwise. Pure.

first pin   while nothing is known to be good everywhere: what the member has observed; after that: `current`
newcomer    joined later; brought to `current` when no run is active, in the order of the stages
current     the last commit proven in all members
"""

from __future__ import annotations

from msgspec.structs import replace

from volary.fleet.budget import is_bad
from volary.fleet.facts import Look, RolloutFacts, RunView
from volary.fleet.keeping import pin_for, put_back
from volary.fleet.names import short
from volary.fleet.plan import Announcement, Pin, Plan
from volary.fleet.progress import Bad, Current, MemberStatus, RolloutStatus
from volary.fleet.proof import Finding, Question, Standing, examine
from volary.fleet.stages import assign
from volary.fleet.turns import refused

MOST_BAD = 50


def mark_bad(facts: RolloutFacts) -> Plan | None:
    """Mark the commit of a run that failed or was taken back; its way back waits for this."""
    active, status = facts.active, facts.status
    if active is None or not is_bad(active.run, active.status) or status.is_bad(active.run.commit):
        return None
    entry = Bad(active.run.commit, active.name, facts.now)
    status = replace(status, bad=(*status.bad, entry)[-MOST_BAD:])
    if status.current is not None and status.current.commit == active.run.commit:
        status = replace(status, current=before(active) or status.current)
    words = f"{active.run.short} is marked bad"
    return Plan(
        words, (Announcement(words, warning=True, reason="RevisionMarkedBad", step=active.name),), rollout=status
    )


def before(active: RunView) -> Current | None:
    """Return what was good everywhere before this run, where that was one commit."""
    commits = sorted({entry.previous for entry in active.status.clusters if entry.previous})
    return Current(commits[0]) if len(commits) == 1 else None


def adopt(facts: RolloutFacts) -> Plan | None:
    """Write down that a run is active and that its commit has been dealt with; it dispatches nothing before."""
    active = facts.active
    if active is None or facts.status.active_run == active.name:
        return None
    status = replace(facts.status, active_run=active.name)
    if not active.decided_at or (facts.source and facts.source.commit == active.run.commit):
        status = replace(status, handled=active.run.commit)
    if active.decided_at:
        status = replace(status, retry=None)
    return Plan(f"run {active.name} is active", rollout=status)


def follow_run(facts: RolloutFacts) -> Plan | None:
    """Take over from the run that goes on, or has just ended, what it has pinned and proven."""
    view = next((run for run in facts.runs if run.name == facts.status.active_run), None)
    if view is None:
        if not facts.status.active_run:
            return None
        return Plan("the active run is gone", rollout=replace(facts.status, active_run=""))
    members = tuple(after_run(member, view, facts) for member in facts.status.members)
    status = replace(facts.status, members=members)
    if view.status.ended:
        status = close(facts, status, view)
    if status == facts.status:
        return None
    return Plan(
        f"members as run {view.name} left them" if view.status.ended else "members as in the run", rollout=status
    )


def after_run(member: MemberStatus, view: RunView, facts: RolloutFacts) -> MemberStatus:
    entry = view.status.cluster(member.name)
    if entry is None or entry.phase == "Left" or entry.uid != member.uid:
        return member
    if entry.dispatched_at is None:
        return replace(member, pinned=entry.pin) if entry.pin else member
    proven = view.run.commit if entry.phase == "Verified" else entry.previous or ""
    since = member.since if (member.pinned, member.proven) == (entry.pin, proven) else facts.now
    return replace(member, pinned=entry.pin, proven=proven, since=since, newcomer=False)


def close(facts: RolloutFacts, status: RolloutStatus, view: RunView) -> RolloutStatus:
    """Return the status after a run: `current` advances when all members proved the commit."""
    there = [entry for entry in view.status.clusters if entry.phase != "Left"]
    status = replace(status, active_run="", queued=None)
    if view.status.phase == "Succeeded" and all(entry.phase == "Verified" for entry in there):
        status = replace(status, current=Current(view.run.commit, view.name))
    return status


def note_members(facts: RolloutFacts) -> Plan | None:
    """Bring the list of members up to date: who joined, who left, who was built anew."""
    members, notes = [], []
    known = {member.name: member for member in facts.status.members}
    for name in sorted(facts.looks):
        look, member = facts.looks[name], known.get(name)
        late = facts.status.current is not None
        if member is None:
            member = MemberStatus(name, look.uid, since=facts.now, newcomer=late)
            notes.append(f"{name} takes part")
        elif look.uid and member.uid and look.uid != member.uid:
            member = MemberStatus(name, look.uid, since=facts.now, newcomer=late)
            notes.append(f"{name} was built anew: what was proven there is void")
        elif look.uid and not member.uid:
            member = replace(member, uid=look.uid)
        members.append(member)
    notes += [f"{name} takes no part any more; its pin is kept" for name in sorted(known.keys() - facts.looks.keys())]
    if tuple(members) == facts.status.members:
        return None
    announce = tuple(Announcement(text, reason="Members", step=str(facts.now)) for text in notes)
    return Plan("; ".join(notes) or "members", announce, rollout=replace(facts.status, members=tuple(members)))


def run_owns(facts: RolloutFacts, member: MemberStatus) -> bool:
    """Does the active run look after this member's pin?"""
    view = facts.active
    entry = view.status.cluster(member.name) if view else None
    if view is not None and not view.status.phase:
        return member.name in view.run.clusters
    return entry is not None and entry.phase != "Left" and entry.uid in ("", member.uid) and bool(entry.pin)


def first_pins(facts: RolloutFacts) -> Plan | None:
    """Write down what each member without a pin gets, before it is pinned."""
    members, notes = [], []
    for member in facts.status.members:
        commit = "" if member.pinned else first_commit(facts, member)
        if commit:
            notes.append(f"{member.name} is pinned to {short(commit)}")
            member = replace(member, pinned=commit, since=facts.now)
        members.append(member)
    if not notes:
        return None
    announce = tuple(Announcement(text, reason="Pinned", step=str(facts.now)) for text in notes)
    return Plan("; ".join(notes), announce, rollout=replace(facts.status, members=tuple(members)))


def first_commit(facts: RolloutFacts, member: MemberStatus) -> str:
    """Return the commit of a member's first pin, "" while it cannot be known."""
    look, status = facts.looks.get(member.name), facts.status
    if look is None or look.lost or look.repository is None or refused(look) or stranger(facts, look):
        return ""
    observed = look.repository.pin if look.repository.owner == facts.owner else look.repository.artifact
    source = facts.source.commit if facts.source else ""
    wanted = (status.current.commit, observed) if status.current else (observed or source,)
    active = facts.active.run.commit if facts.active else ""
    return next((commit for commit in wanted if commit not in ("", active) and not status.is_bad(commit)), "")


def stranger(facts: RolloutFacts, look: Look) -> bool:
    return look.repository is not None and look.repository.owner not in ("", facts.owner)


def asked(facts: RolloutFacts, member: MemberStatus) -> Finding | None:
    """Return what the member says about its pin; None where nobody need ask."""
    look = facts.looks.get(member.name)
    if look is None or look.lost or facts.spec is None or not member.pinned or member.proven == member.pinned:
        return None
    if run_owns(facts, member):
        return None
    return examine(look, Question(member.pinned, facts.spec.target, facts.owner, facts.now))


def look_closer_at_members(facts: RolloutFacts) -> Plan | None:
    names = []
    for member in facts.status.members:
        found = asked(facts, member)
        look = facts.looks.get(member.name)
        if look and found and found.standing is Standing.PROVEN and not (look.fresh or look.unreadable):
            names.append(member.name)
    return Plan(f"reading {', '.join(names)} themselves", look_closer=tuple(names)) if names else None


def note_proofs(facts: RolloutFacts) -> Plan | None:
    """Write down which members are proven at their pin, outside of runs."""
    members, notes = [], []
    for member in facts.status.members:
        found = asked(facts, member)
        if found and found.standing is Standing.PROVEN and facts.looks[member.name].fresh:
            notes.append(f"{member.name} is proven at {short(member.pinned)}")
            member = replace(member, proven=member.pinned, since=facts.now)
        members.append(member)
    if not notes:
        return None
    announce = tuple(Announcement(text, reason="Proven", step=str(facts.now)) for text in notes)
    return Plan("; ".join(notes), announce, rollout=replace(facts.status, members=tuple(members)))


def first_current(facts: RolloutFacts) -> Plan | None:
    """The first commit that is proven in all members is current: the installation is done."""
    members = facts.status.members
    if facts.status.current is not None or facts.active is not None or not members:
        return None
    commits = {member.proven for member in members}
    if len(commits) != 1 or not all(member.proven == member.pinned != "" for member in members):
        return None
    commit = members[0].proven
    words = f"{short(commit)} is proven in all {len(members)} clusters"
    return Plan(
        words, (Announcement(words, reason="Installed"),), rollout=replace(facts.status, current=Current(commit))
    )


def bring_newcomers(facts: RolloutFacts) -> Plan | None:
    """Let the next newcomer come to `current`, one at a time, in the order of the stages, while no run is active."""
    status = facts.status
    if status.current is None or facts.active is not None or facts.spec is None or status.is_bad(status.current.commit):
        return None
    wanted = status.current.commit
    order = assign(facts.spec, facts.looks).order
    for member in sorted(status.members, key=lambda m: order.index(m.name) if m.name in order else len(order)):
        look = facts.looks[member.name]
        if not member.newcomer or not member.pinned or look.lost or look.suspended:
            continue
        if member.pinned == wanted:
            found = asked(facts, member)
            if found and found.standing is Standing.MOVING:
                return None  # on its way; the next one waits
            continue
        words = f"{member.name} joined late and is brought to {short(wanted)}"
        members = tuple(
            replace(m, pinned=wanted, since=facts.now) if m.name == member.name else m for m in status.members
        )
        note = Announcement(words, reason="Newcomer", step=str(facts.now))
        return Plan(words, (note,), rollout=replace(status, members=members))
    return None


def keep_member_pins(facts: RolloutFacts) -> Plan | None:
    """Pin what is written down, and put back what is gone, wherever no run looks after it."""
    pins: list[Pin] = []
    notes: list[Announcement] = []
    for member in facts.status.members:
        look = facts.looks.get(member.name)
        if look is None or run_owns(facts, member):
            continue
        previous = member.proven if member.proven != member.pinned else ""
        pin = pin_for(look, facts.owner, member.pinned, previous, member.take_pin)
        if pin is not None:
            pins.append(pin)
            notes += put_back(look, pin, known=member.proven == member.pinned)
    if not pins:
        return None
    return Plan("; ".join(f"pin {p.cluster} to {short(p.commit)}" for p in pins), tuple(notes), actions=tuple(pins))
