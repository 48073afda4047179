"""Turns what the watches, the audit logs and the loads report into observations. Invents nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from volary.demo.story import Story
from volary.demo.world import APP, HUB, MEMBERS, World
from volary.embedded.audit import field_manager_of
from volary.kube.objects import Object, dig, name_of, parse_time, version_of
from volary.runtime.clock import Clock

WRITES = ("create", "update", "patch", "delete", "deletecollection")


def observe_world(world: World, story: Story) -> None:
    """Listen to everything that the demo watches through the API."""
    for name, place in world.places.items():
        place.events.listen(partial(event_seen, story, name))
    for name in MEMBERS:
        world.canaries(name).listen(partial(phase_seen, story, name))
        world.routes(name).listen(partial(weight_seen, story, name))
    world.runs.listen(partial(run_seen, story))


def event_seen(story: Story, cluster: str, old: Object | None, new: Object | None) -> None:
    """An Event about a Canary, a FleetRollout or a run; a higher count is another line."""
    if new is None or dig(new, "involvedObject", "kind") not in ("Canary", "FleetRollout", "FleetRolloutRun"):
        return
    if old is not None and old.get("count") == new.get("count"):
        return
    story.tell(
        cluster,
        "event",
        message=new.get("message", ""),
        kind=new.get("type", ""),
        about=f"{dig(new, 'involvedObject', 'kind')}/{dig(new, 'involvedObject', 'name')}",
        component=dig(new, "source", "component") or "",
    )


def phase_seen(story: Story, cluster: str, old: Object | None, new: Object | None) -> None:
    """The phase of the Canary, when it or its counters change."""
    if new is None:
        return
    keys = ("phase", "canaryWeight", "failedChecks")
    before, after = ([dig(obj, "status", key) for key in keys] for obj in (old, new))
    if before != after:
        story.tell(cluster, "phase", phase=after[0] or "", weight=after[1] or 0, failed_checks=after[2] or 0)


def weight_seen(story: Story, cluster: str, old: Object | None, new: Object | None) -> None:
    """The weights in the VirtualService, when they change."""
    if new is None or name_of(new) != APP:
        return
    after = weights(new)
    if after != (weights(old) if old else None):
        story.tell(cluster, "weight", primary=after[0], canary=after[1], version=version_of(new))


def weights(route: Object) -> tuple[int, int]:
    """Return the percentages of primary and canary in a VirtualService; a destination without one counts 0."""
    primary = canary = 0
    for destination in dig(route, "spec", "http", 0, "route") or ():
        host = str(dig(destination, "destination", "host") or "")
        if host.split(".")[0].endswith("-canary"):
            canary += int(destination.get("weight") or 0)
        else:
            primary += int(destination.get("weight") or 0)
    return primary, canary


def run_seen(story: Story, old: Object | None, new: Object | None) -> None:
    """The run's verdict when its phase changes, and what it waits for when that changes."""
    if new is None:
        return
    if dig(old, "status", "phase") != dig(new, "status", "phase"):
        story.tell(
            HUB,
            "verdict",
            run=name_of(new),
            phase=dig(new, "status", "phase") or "",
            summary=dig(new, "status", "summary") or "",
        )
    hold = dig(new, "status", "hold")
    if hold and dig(old, "status", "hold", "reason") != hold.get("reason"):
        story.tell(
            HUB,
            "hold",
            run=name_of(new),
            reason=hold.get("reason") or "",
            message=hold.get("message") or "",
            unblock=hold.get("unblock") or "",
        )


def write_seen(story: Story, clock: Clock, cluster: str, line: bytes) -> None:
    """A line of an audit log: tell of it if it is a write by Volary that was carried out (Leases aside)."""
    try:
        entry = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return
    if entry.get("verb") not in WRITES or dig(entry, "objectRef", "resource") == "leases":
        return
    agent = str(entry.get("userAgent") or "")
    if not agent.startswith("volary"):
        return
    received = parse_time(str(entry["requestReceivedTimestamp"]))
    story.tell(
        cluster,
        "write",
        ago=max(0.0, (clock.now() - received).total_seconds()),
        verb=entry["verb"],
        resource="/".join(part for part in reference(entry, "resource", "subresource") if part),
        name="/".join(part for part in reference(entry, "namespace", "name") if part),
        manager=field_manager_of(entry),
        code=dig(entry, "responseStatus", "code") or 0,
    )


def reference(entry: Mapping[str, Any], *keys: str) -> Iterable[str]:
    return [str(dig(entry, "objectRef", key) or "") for key in keys]
