"""How an act ended, and where everything is: read from the API at that moment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from volary.demo.acts import Act
from volary.demo.judge import Ending
from volary.demo.stage import Stage
from volary.demo.story import Observation
from volary.demo.world import APP, HUB, HUB_NAMESPACE, MEMBERS, World
from volary.kube.objects import condition, dig

WHY_SECONDS = 30.0  # it imports all of Volary, on a machine that may be busy


async def read_ending(act: Act, in_time: bool, seen: Sequence[Observation], stage: Stage) -> Ending:
    """Return what the judge needs to know of an act."""
    why = await why_sentence(stage) if act.number > 3 else ""
    return ending_of(act, in_time, seen, Look(stage.world, stage.project.commits, stage.templates, why))


@dataclass(frozen=True, slots=True)
class Look:
    """The world at the end of an act."""

    world: World
    commits: Mapping[int, str]  # release -> commit
    templates: Mapping[tuple[str, str], bytes]  # (cluster, image) -> the target's pod template
    why: str  # the sentence of `volary why`


def ending_of(act: Act, in_time: bool, seen: Sequence[Observation], at: Look) -> Ending:
    """Return what the judge needs to know of an act, from a look at its end."""
    rollout = at.world.rollout() or {}
    releases = {commit: number for number, commit in at.commits.items()}
    members = dig(rollout, "status", "members") or ()
    ahead = condition(rollout, "GitAhead") or {}
    return Ending(
        number=act.number,
        in_time=in_time,
        seen=seen,
        run_phase=at.world.run_phase(at.commits[act.about]),
        phases={name: at.world.canary_phase(name) for name in MEMBERS},
        proven={entry["name"]: releases.get(entry.get("proven") or "", 0) for entry in members},
        bad=frozenset(releases.get(entry["commit"], 0) for entry in dig(rollout, "status", "bad") or ()),
        git_ahead=str(ahead.get("reason") or "") if ahead.get("status") == "True" else "",
        templates_equal=same_templates(at.templates),
        why=at.why,
    )


def same_templates(templates: Mapping[tuple[str, str], bytes]) -> bool:
    """Was each image that both members had there with the same pod template, byte for byte?"""
    west, east = ({image: t for (name, image), t in templates.items() if name == member} for member in MEMBERS)
    both = west.keys() & east.keys()
    return bool(both) and all(west[image] == east[image] for image in sorted(both))


async def why_sentence(stage: Stage) -> str:
    """Return what `volary why podinfo` prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "volary",
        "why",
        APP,
        "--namespace",
        HUB_NAMESPACE,
        "--kubeconfig",
        str(stage.kubeconfig),
        "--context",
        HUB,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(WHY_SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return "it did not answer"
    return out.decode(errors="replace").strip()


def revisions(stage: Stage) -> dict[str, str]:
    """Return for each member which release and commit it runs, as its FleetRollout has proven it."""
    releases = {commit: number for number, commit in stage.project.commits.items()}
    found = {}
    for entry in dig(stage.world.rollout(), "status", "members") or ():
        commit = str(entry.get("proven") or "")
        number = releases.get(commit)
        found[entry["name"]] = f"version {number} ({commit[:7]})" if number else commit[:7] or "unknown"
    return found
