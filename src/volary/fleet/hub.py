"""What both controllers share: the hub's clients and caches, its clock, and the hands that write into members."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from volary.fleet.clocks import ServerClock
from volary.fleet.members import Members
from volary.fleet.names import MANAGER, PINNED_BY, PREVIOUS
from volary.fleet.observe import Observer
from volary.fleet.plan import Announcement, Pin, Release
from volary.fleet.progress import RolloutStatus, RunStatus
from volary.fleet.spec import Ref
from volary.fleet.wire import status_json
from volary.kube.client import Client
from volary.kube.errors import Conflict, KubeError
from volary.kube.objects import NewObject, Object, Resource, uid_of, version_of
from volary.kube.resources import GIT_REPOSITORIES, NAMESPACES
from volary.runtime.cluster import Cluster
from volary.runtime.errors import Stalled, TryAgain
from volary.runtime.events import NORMAL, WARNING, Line

STORE_SECONDS = 10.0  # how long a pass waits for its own last write to come back
NOT_LEADING = timedelta(seconds=5)


class Hub:
    """The hub as the fleet's controllers use it."""

    def __init__(self, cluster: Cluster, members: Members, is_leader: Callable[[], bool]) -> None:
        self.cluster = cluster
        self.members = members
        self.is_leader = is_leader
        self.client = agent(cluster.client)
        self.clock = ServerClock(cluster.clock, self.client, cluster.client)
        self._writers: dict[str, tuple[Cluster, Client]] = {}

    def must_lead(self) -> None:
        """Leave the work to the leader. Raises: TryAgain."""
        if not self.is_leader():
            raise TryAgain("another process leads", after=NOT_LEADING)

    def local(self, moment: datetime | None) -> datetime | None:
        """Return a moment of the hub's clock on this computer's."""
        return None if moment is None else moment + (self.cluster.clock.now() - self.clock.now())

    async def learn_uid(self, observer: Observer) -> None:
        """Find out, once, which cluster the hub is: a member may be the same one."""
        if not observer.hub_uid:
            namespace = await self.client.get(NAMESPACES, "kube-system")
            observer.hub_uid = uid_of(namespace) if namespace else "none"

    async def announce(self, about: Object, notes: Iterable[Announcement]) -> None:
        for note in notes:
            line = Line(note.message, WARNING if note.warning else NORMAL, note.reason)
            await self.cluster.events.write(about, line, MANAGER, note.step)

    async def write_status(self, resource: Resource, obj: Object, status: RolloutStatus | RunStatus) -> NewObject:
        """Replace the status, if the object is still as it was looked at. Raises: Conflict."""
        self.must_lead()
        return await self.client.update_status(resource, {**obj, "status": status_json(status)}, MANAGER)

    async def stalled(self, obj: Object, why: Stalled) -> None:
        """Say what only a person can mend. The next look is minutes away, so this is no stream."""
        note = Announcement(str(why), warning=True, reason=why.reason)
        await self.announce(obj, [note])

    # -- members

    def writer(self, name: str) -> Client:
        """Return a client that members know as ours. Raises: TryAgain."""
        member = self.members.get(name)
        if member is None or member.cluster is None:
            raise TryAgain(f"cluster {name} has no way to it")
        known, client = self._writers.get(name, (None, None))
        if known is not member.cluster or client is None:
            client = agent(member.cluster.client)
            self._writers[name] = (member.cluster, client)
        return client

    async def write_pins(self, actions: Iterable[Pin | Release], target: Ref, owner: str, observer: Observer) -> None:
        """Write into several members at once; one that does not answer keeps nobody waiting. Raises: TryAgain."""
        troubles: list[str] = []

        async def one(action: Pin | Release) -> None:
            try:
                await self.write_pin(action, target, owner, observer)
            except Conflict as error:
                if not error.managers:
                    troubles.append(f"{action.cluster}: changed meanwhile")
                else:
                    observer.refused(action.cluster, target, action.version, error.managers[0][0] or "another manager")
                    troubles.append(f"{action.cluster}: {error}")
            except KubeError as error:
                troubles.append(f"{action.cluster}: {error}")
            except (TryAgain, Stalled) as why:
                troubles.append(f"{action.cluster}: {why}")

        async with asyncio.TaskGroup() as group:
            for action in actions:
                group.create_task(one(action))
        if troubles:
            raise TryAgain("; ".join(sorted(troubles)))

    async def write_pin(self, action: Pin | Release, target: Ref, owner: str, observer: Observer) -> None:
        """Apply the three fields that are ours, or none of them. Raises: KubeError, TryAgain."""
        self.must_lead()
        body: NewObject = {
            "apiVersion": GIT_REPOSITORIES.api_version,
            "kind": GIT_REPOSITORIES.kind,
            "metadata": {"namespace": target.namespace, "name": target.name, "resourceVersion": action.version},
        }
        force = False
        if isinstance(action, Pin):
            notes = {PINNED_BY: owner} | ({PREVIOUS: action.previous} if action.previous else {})
            body["metadata"]["annotations"] = notes
            body["spec"] = {"ref": {"commit": action.commit}}
            force = action.force
        await self.writer(action.cluster).apply(GIT_REPOSITORIES, body, MANAGER, force=force)


def agent(client: Client) -> Client:
    """Return a client of the same server that says who we are."""
    return Client(client.transport, MANAGER, client.timeout_seconds)


async def remove_annotations(client: Client, resource: Resource, obj: Object, names: Iterable[str]) -> None:
    """Remove annotations from the object as it was looked at. Raises: Conflict."""
    metadata = {"annotations": dict.fromkeys(names), "resourceVersion": version_of(obj)}
    namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
    await client.patch(resource, name, {"metadata": metadata}, namespace, manager=MANAGER)
