"""The five acts: what the demo does at the start of each (a push, or nothing), and how it sees that one has ended.

Each act begins where the one before ended. What must have happened in between is the judge's business (`judge`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from volary.demo.world import APP, MEMBERS, World
from volary.kube.objects import condition, dig

ENDED = ("Succeeded", "Failed", "RolledBack", "RollbackIncomplete", "Aborted")


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `release` is pushed at its start; None: the act goes on with what the one before pushed."""

    number: int
    title: str
    release: int | None
    about: int  # the release that the act is about
    ended: Callable[[World, str], bool]  # (world, commit of `about`) -> over, well or badly
    intervals: int  # the most analysis intervals that it may take, beside `seconds`
    seconds: float  # the most that it may take beside its intervals
    flows_on: bool = False  # the next act begins in the same moment, in mid-run


def installed(world: World, commit: str) -> bool:
    """Both canaries are initialized, and the fleet knows both members at version 1."""
    known = {entry.get("name"): entry.get("proven") for entry in dig(world.rollout(), "status", "members") or ()}
    return all(
        world.canary_phase(name) == "Initialized" and idle(world, name) and known.get(name) == commit
        for name in MEMBERS
    )


def idle(world: World, cluster: str) -> bool:
    """The target of the canary is scaled down and its pods are gone."""
    target = world.deployments(cluster).get(APP, "test")
    return dig(target, "spec", "replicas") == 0 and not dig(target, "status", "replicas")


def first_is_verified(world: World, commit: str) -> bool:
    """West is proven at the commit, or the run ended otherwise."""
    return world.member_of_run(commit, MEMBERS[0]).get("phase") == "Verified" or over(world, commit)


def over(world: World, commit: str) -> bool:
    return world.run_phase(commit) in ENDED


def settled(world: World, commit: str) -> bool:
    """The run is over, the FleetRollout has taken note, and the canaries' pods are gone."""
    rollout = world.rollout()
    noted = dig(rollout, "status", "activeRun") in (None, "")
    ahead = condition(rollout, "GitAhead") if rollout else None
    if world.run_phase(commit) == "Succeeded":
        noted = noted and dig(rollout, "status", "current", "commit") == commit
    else:
        noted = noted and ahead is not None and ahead.get("status") == "True"
    return over(world, commit) and noted and all(idle(world, name) for name in MEMBERS)


ACTS = (
    Act(1, "Version 1 is installed", None, 1, installed, 0, 60.0),
    Act(2, "Version 2 goes to west", 2, 2, first_is_verified, 12, 40.0, flows_on=True),
    Act(3, "Version 2 goes to east", None, 2, settled, 12, 40.0),
    Act(4, "Version 3 fails in west and never reaches east", 3, 3, settled, 12, 40.0),
    Act(5, "Version 4 passes in west, fails in east, and is taken back everywhere", 4, 4, settled, 32, 80.0),
)


class Project(Protocol):
    """Where releases are pushed."""

    commits: dict[int, str]  # release -> commit

    async def release(self, number: int) -> str: ...


async def play(act: Act, world: World, project: Project, interval_seconds: float) -> bool:
    """Start an act and wait for its end; return False when it took longer than it may."""
    if act.release is not None:
        await project.release(act.release)
    commit = project.commits[act.about]
    limit = act.seconds + act.intervals * interval_seconds
    return await world.until(lambda: act.ended(world, commit), limit)
