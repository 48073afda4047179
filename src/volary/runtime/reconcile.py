"""One pass over one object: observe, decide, act; the same for every feature."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from volary.kube.errors import KubeError
from volary.runtime.errors import Stalled, TryAgain, Unfinished, backoff, from_kube

F = TypeVar("F")  # a feature's Facts
P = TypeVar("P", bound="Plan")  # a feature's Plan

FASTEST_RETRY = timedelta(milliseconds=250)  # most conflicts and refusals are over by then
SLOWEST_RETRY = timedelta(minutes=1)  # a server that came back is used within a minute
RELOOK = timedelta(minutes=10)  # what a person mends (RBAC, say) is not always an edit we can see


class Plan(Protocol):
    """What every feature's plan has."""

    @property
    def because(self) -> str: ...  # one sentence for people

    @property
    def look_again_at(self) -> datetime | None: ...  # None: when something changes


class Feature(Protocol[F, P]):
    """What a controller is made of; `key` is NAMESPACE/NAME, or NAME for an object of the cluster."""

    async def observe(self, key: str) -> F | None:
        """Read all that `decide` may look at; None: the object is gone."""
        ...

    def decide(self, facts: F, now: datetime) -> P:
        """Return the next move. Pure."""
        ...

    async def act(self, key: str, facts: F, plan: P) -> None:
        """Write what the plan asks for, and nothing else."""
        ...

    async def stall(self, key: str, why: Stalled) -> None:
        """Tell the user, once, what only a person can mend."""
        ...


class Pass(Generic[F, P]):
    """Runs passes and remembers how often each key failed in a row."""

    def __init__(self, feature: Feature[F, P]) -> None:
        self.feature = feature
        self.failures: dict[str, int] = {}
        self.stalled: set[str] = set()
        self.because: dict[str, str] = {}  # the last sentence for each key, for logs and golden files

    async def run(self, key: str, now: datetime) -> datetime | None:
        """Make one pass; return when to come back, or None to wait for a change."""
        self.stalled.discard(key)
        try:
            again = await self._once(key, now)
        except KubeError as error:
            return await self._unfinished(key, now, from_kube(error))
        except Unfinished as why:
            return await self._unfinished(key, now, why)
        self.failures.pop(key, None)
        return again

    async def _once(self, key: str, now: datetime) -> datetime | None:
        facts = await self.feature.observe(key)
        if facts is None:
            self.because.pop(key, None)
            return None
        plan = self.feature.decide(facts, now)
        self.because[key] = plan.because
        await self.feature.act(key, facts, plan)
        return plan.look_again_at

    async def _unfinished(self, key: str, now: datetime, why: Unfinished) -> datetime:
        self.because[key] = str(why)
        if isinstance(why, Stalled):
            self.stalled.add(key)
            failed = await self._tell(key, why)
            if failed is None or isinstance(failed, Stalled):  # not even allowed to say so
                self.failures.pop(key, None)
                return now + RELOOK
            why = failed
        self.failures[key] = self.failures.get(key, 0) + 1
        after = why.after if isinstance(why, TryAgain) else None
        return now + (after or backoff(self.failures[key], FASTEST_RETRY, SLOWEST_RETRY))

    async def _tell(self, key: str, why: Stalled) -> Unfinished | None:
        """Tell the user; return why that did not work, or None."""
        try:
            await self.feature.stall(key, why)
        except KubeError as error:
            return from_kube(error)
        except Unfinished as error:
            return error
        return None

    def unfinished(self) -> list[str]:
        """Return the keys whose last pass did not come to its end, sorted."""
        return sorted(self.failures.keys() | self.stalled)
