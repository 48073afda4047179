"""Keeps the clusters of the fleet: Cluster objects and their kubeconfig Secrets in, open ways to members out.

    Cluster + Secret -> Link (connection, caches, features) -> Member (what the fleet's controllers see)
                                                            -> Cluster.status (written when it changes)

One task decides, after every change and whenever a silence becomes too long; links only report.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from volary.fleet import wire
from volary.fleet.cluster_status import GRACE, SILENCE, Contact, cluster_status, twins
from volary.fleet.link import Link, RunMember, Wish
from volary.fleet.members import Member
from volary.fleet.names import MANAGER
from volary.fleet.progress import ClusterStatus
from volary.fleet.wire import ClusterSpec, SecretRefWire
from volary.kube.client import Client
from volary.kube.decoding import BadField
from volary.kube.errors import KubeError
from volary.kube.keeping import PACKED
from volary.kube.kubeconfig_file import BadKubeconfig
from volary.kube.objects import Object, deleting, dig, generation_of, labels_of, metadata, name_of
from volary.kube.resources import CLUSTERS, SECRETS
from volary.runtime.cluster import Cluster

log = logging.getLogger(__name__)

KEYS = ("value", "value.yaml")  # Flux's
SHORTEST_WAIT = 1.0  # seconds
SETTLE_SECONDS = 10.0  # so long after a start a member that says nothing is not called unreachable yet
Connect = Callable[[str, bytes, str], Cluster]


@dataclass(slots=True)
class Slot:
    """One Cluster object and its link, if it has one."""

    obj: Object
    spec: ClusterSpec | None = None
    problem: str = ""
    link: Link | None = None
    task: asyncio.Task[None] | None = None


class Membership:
    """`Members` from the hub's Cluster objects."""

    def __init__(self, hub: Cluster, connect: Connect, run_member: RunMember) -> None:
        self.hub = hub
        self.connect = connect
        self.run_member = run_member
        self.client = Client(hub.client.transport, MANAGER, hub.client.timeout_seconds)
        self.clusters = hub.informers.get(CLUSTERS)
        self._slots: dict[str, Slot] = {}
        self._members: dict[str, Member] = {}
        self._listeners: list[Callable[[str], None]] = []
        self.settled = asyncio.Event()  # each member has been tried, or had its time: what is said of them is true
        self._secrets: set[str] = set()  # namespaces that we listen to
        self._wake = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    # -- Members

    def all(self) -> list[Member]:
        return [self._members[name] for name in sorted(self._members)]

    def get(self, name: str) -> Member | None:
        return self._members.get(name)

    def listen(self, changed: Callable[[str], None]) -> None:
        self._listeners.append(changed)

    # -- keeping it true

    async def run(self) -> None:
        """Keep the members until cancelled; the hub's informers run elsewhere."""
        self.clusters.listen(self._changed)
        await self.clusters.synced.wait()
        asyncio.get_running_loop().call_later(SETTLE_SECONDS, self.settled.set)
        async with asyncio.TaskGroup() as group:
            self._group = group
            while True:
                self._wake.clear()
                again = await self._pass()
                try:
                    async with asyncio.timeout(again):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    def _changed(self, old: Object | None, new: Object | None) -> None:
        self._wake.set()

    async def _pass(self) -> float | None:
        """Bring links, members and statuses up to date; return after how many seconds to look again."""
        objects = {name_of(obj): obj for obj in self.clusters.items() if not deleting(obj)}
        for name in sorted(self._slots.keys() - objects.keys()):
            await self._drop(name)
        for name in sorted(objects):
            slot = self._slots.setdefault(name, Slot(objects[name]))
            slot.obj = objects[name]
            await self._connect_slot(name, slot)
        self._allow()
        troubled = False
        for name, slot in sorted(self._slots.items()):
            troubled |= not await self._report(name, slot)
        if all(self._contact(name, slot) for name, slot in self._slots.items()):
            self.settled.set()
        return self._look_again(troubled)

    async def _connect_slot(self, name: str, slot: Slot) -> None:
        """Give the slot the link that its object and its Secret ask for."""
        try:
            slot.spec = wire.cluster(slot.obj)
            wish = Wish(self._kubeconfig(slot.spec), slot.spec.metrics_server, slot.spec.features)
        except (BadField, Unusable) as error:
            slot.problem = str(error)
            await self._end(slot)
            return
        if slot.link is not None and slot.link.wish == wish and not slot.link.rebuilt:
            return
        await self._end(slot)
        try:
            cluster = self.connect(name, wish.kubeconfig, wish.metrics_server)
        except BadKubeconfig as error:
            slot.problem = str(error)
            return
        slot.problem = ""
        slot.link = Link(cluster, wish, self.run_member, self._wake.set)
        assert self._group is not None
        slot.task = self._group.create_task(guarded(slot.link))

    def _kubeconfig(self, spec: ClusterSpec) -> bytes:
        """Return the kubeconfig in the Secret. Raises: Unusable."""
        ref = spec.kube_config.secret_ref
        secrets = self.hub.informers.get(SECRETS, ref.namespace, form=PACKED)
        if ref.namespace not in self._secrets:
            self._secrets.add(ref.namespace)
            secrets.listen(self._changed)
            if self._group is not None:
                self._group.create_task(self._wake_when_synced(ref.namespace))
        secret = secrets.get(ref.name, ref.namespace)
        if secret is None:
            raise Unusable(f"there is no Secret {ref.namespace}/{ref.name}; spec.kubeConfig.secretRef names it")
        return kubeconfig_in(secret, ref)

    async def _wake_when_synced(self, namespace: str) -> None:
        await self.hub.informers.get(SECRETS, namespace, form=PACKED).synced.wait()
        self._wake.set()

    async def _drop(self, name: str) -> None:
        await self._end(self._slots.pop(name))
        self._members.pop(name, None)
        self._tell(name)

    async def _end(self, slot: Slot) -> None:
        """Cancel the link and wait until it has let go."""
        task, slot.link, slot.task = slot.task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _allow(self) -> None:
        """Let every link work but those of a twin."""
        refused = self._twins()
        for name, slot in self._slots.items():
            if slot.link is None or not slot.link.uid:
                continue
            if name in refused:
                slot.link.allowed.clear()
            else:
                slot.link.allowed.set()

    def _twins(self) -> dict[str, str]:
        """Return the Clusters that are refused, with the older one that is the same cluster."""

        def age(name: str) -> tuple[str, str]:
            return str(metadata(self._slots[name].obj).get("creationTimestamp") or ""), name

        links = [(name, slot.link.uid) for name in sorted(self._slots, key=age) if (slot := self._slots[name]).link]
        return twins(links)

    # -- reporting

    def _status(self, slot: Slot) -> ClusterStatus:
        try:
            return wire.status_of(ClusterStatus, slot.obj)
        except BadField:
            return ClusterStatus()

    def _contact(self, name: str, slot: Slot) -> Contact | None:
        """Return what is known; None while the first attempt goes on."""
        if slot.link is None:
            unread = slot.spec is not None and not self._secret_known(slot.spec)
            return None if unread else Contact(problem=slot.problem)
        if not slot.link.tried:
            return None
        return replace(slot.link.contact(), twin=self._twins().get(name, ""))

    def _secret_known(self, spec: ClusterSpec) -> bool:
        return self.hub.informers.get(SECRETS, spec.kube_config.secret_ref.namespace, form=PACKED).synced.is_set()

    async def _report(self, name: str, slot: Slot) -> bool:
        """Tell the fleet and the Cluster object what is known; return whether the latter could be written."""
        before, now = self._status(slot), self.hub.clock.now()
        contact = self._contact(name, slot)
        status = before if contact is None else cluster_status(contact, before, generation_of(slot.obj), now)
        self._set_member(name, slot, contact, status)
        if status == before:
            return True
        try:
            body = {**slot.obj, "status": wire.status_json(status)}
            slot.obj = await self.client.update_status(CLUSTERS, body, MANAGER)
        except KubeError as error:
            log.info("cannot write a Cluster's status", extra={"cluster": name, "error": str(error)})
            return False
        return True

    def _set_member(self, name: str, slot: Slot, contact: Contact | None, status: ClusterStatus) -> None:
        condition = status.conditions[0] if status.conditions else None
        known = contact is not None and condition is not None
        usable = slot.link if contact is None or not contact.twin else None
        member = Member(
            name=name,
            uid=status.uid,
            labels=labels_of(slot.obj),
            suspend=slot.spec.suspend if slot.spec else True,
            reachable=condition.status if known and condition else "Unknown",
            reason=condition.reason if known and condition else "Timeout",
            message=condition.message if known and condition else "not reached yet",
            since=condition.last_transition_time if condition else None,
            cluster=usable.cluster if usable else None,
        )
        if self._members.get(name) != member:
            self._members[name] = member
            self._tell(name)

    def _tell(self, name: str) -> None:
        for listener in self._listeners:
            listener(name)

    def _look_again(self, troubled: bool) -> float | None:
        """Return after how many seconds a silence becomes worth a word; None: only after a change."""
        now = self.hub.clock.now()
        waits = [SHORTEST_WAIT] if troubled else []
        for slot in self._slots.values():
            heard = slot.link.heard_at if slot.link else None
            if slot.link is None or heard is None:
                continue
            limits = (GRACE, SILENCE) if slot.link.contact().trouble else (SILENCE,)
            waits += [wait for limit in limits if (wait := seconds_until(heard + limit, now)) > 0]
        return min(waits, default=None)


async def guarded(link: Link) -> None:
    """Run a link; a bug in one must not take the other members with it."""
    try:
        await link.run()
    except* Exception as group:
        log.exception("a link failed; this is a bug", extra={"cluster": link.cluster.name}, exc_info=group)


class Unusable(Exception):
    """There is no kubeconfig to be had; the text says what to mend."""


def kubeconfig_in(secret: Object, ref: SecretRefWire) -> bytes:
    """Return the kubeconfig in a Secret. Raises: Unusable."""
    for key in (ref.key,) if ref.key else KEYS:
        encoded = dig(secret, "data", key)
        if encoded:
            try:
                return base64.b64decode(str(encoded), validate=True)
            except ValueError:
                raise Unusable(f'Secret {ref.namespace}/{ref.name}: key "{key}" is not base64') from None
    wanted = f'key "{ref.key}"' if ref.key else 'key "value" or "value.yaml"'
    raise Unusable(f"Secret {ref.namespace}/{ref.name} has no {wanted} with a kubeconfig")


def seconds_until(moment: datetime, now: datetime) -> float:
    return (moment - now).total_seconds()
