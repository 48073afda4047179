"""The load on one cluster: a process of its own, from the moment the cluster's Canary is Initialized; and its reports.

Load is open-loop, 200 requests/s. West's users ask for `/`; three in ten of east's ask for `/beta`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from volary.demo.children import Children
from volary.demo.story import Story
from volary.demo.world import APP, NAMESPACE

RATE = 200
PATHS = {"west": ("/=1",), "east": ("/=7", "/beta=3")}
HOST = f"{APP}.{NAMESPACE}"


async def start_load(children: Children, cluster: str, gateway: str) -> asyncio.subprocess.Process:
    """Start the load on a cluster's gateway (HOST:PORT)."""
    arguments = [f"--path={path}" for path in PATHS[cluster]]
    return await children.start(
        f"load-{cluster}",
        "volary.embedded.load",
        f"--target={gateway}",
        f"--host={HOST}",
        f"--rate={RATE}",
        *arguments,
    )


async def follow(process: asyncio.subprocess.Process, cluster: str, story: Story) -> Mapping[str, Any]:
    """Tell the story of each report until the load ends; return its last totals."""
    assert process.stdout is not None
    total: Mapping[str, Any] = {}
    while line := await process.stdout.readline():
        report = msgspec.json.decode(line)
        total = report["total"]
        tell(story, cluster, report)
    return total


def disagreements(cluster: str, total: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each pod that counted other than the load: an answer that one of them never saw."""
    by_load = {pod: sum(codes.values()) for pod, codes in (total.get("pods") or {}).items()}
    by_pods = total.get("served") or {}
    return [
        f"{cluster}: the load counted {by_load.get(pod, 0)} answers by {pod}, the pod itself {by_pods.get(pod, 0)}"
        for pod in sorted(by_load.keys() | by_pods.keys())
        if by_load.get(pod, 0) != by_pods.get(pod, 0)
    ]


def tell(story: Story, cluster: str, report: Mapping[str, Any]) -> None:
    """Sort a report's answers by side and tell them."""
    sides = {"primary": [0, 0], "canary": [0, 0]}  # side -> [answered, failed]
    for pod, codes in (report.get("pods") or {}).items():
        answered = sum(codes.values())
        failed = sum(count for code, count in codes.items() if int(code) >= 500)
        side = sides["primary" if pod.startswith(f"{APP}-primary-") else "canary"]
        side[0] += answered
        side[1] += failed
    story.tell(
        cluster,
        "traffic",
        ok=report["ok"],
        failed=report["failed"],
        lost=report["lost"],
        lost_why=report.get("lost_why") or {},
        primary=sides["primary"][0],
        primary_failed=sides["primary"][1],
        canary=sides["canary"][0],
        canary_failed=sides["canary"][1],
    )
