"""The canary's hands: looks at the cluster and carries out plans. Decides nothing.

Order of a plan's writes: Events first, then what follows from them; so a crash can double a line but not lose it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from volary.canary import objects
from volary.canary.caches import Caches
from volary.canary.decide import decide
from volary.canary.facts import Facts
from volary.canary.hashes import is_ours, revision_of, trial_of
from volary.canary.hooks import Call
from volary.canary.mesh_objects import virtual_service
from volary.canary.messages import ignored
from volary.canary.observe import Observer, Seen, Times
from volary.canary.options import Options
from volary.canary.plan import HOOK, Action, Ask, Copy, Ensure, MakePrimary, Plan, Scale, SetWeight
from volary.canary.queries import BadQuery, query_of
from volary.canary.questions import Questions
from volary.canary.spec import HookType, Progress, Spec
from volary.canary.wire import progress_of, spec_of, stalled_status, status_of
from volary.canary.writes import Writer
from volary.kube.definitions import BadField
from volary.kube.errors import Forbidden
from volary.kube.objects import (
    Object,
    condition,
    deleting,
    dig,
    generation_of,
    name_of,
    namespace_of,
    split_key,
    uid_of,
)
from volary.kube.resources import (
    AUTOSCALERS,
    CANARIES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    REPLICA_SETS,
    SECRETS,
    SERVICES,
)
from volary.providers.routers.istio import Istio
from volary.runtime.cluster import Cluster
from volary.runtime.errors import Stalled
from volary.runtime.events import WARNING, Line

log = logging.getLogger(__name__)

COMPONENT = "flagger"  # who an Event is from; tools and people look for this name
RESOURCES = {resource.kind: resource for resource in (SERVICES, AUTOSCALERS, DESTINATION_RULES, CONFIG_MAPS, SECRETS)}


class Canaries:
    """The feature: one pass for one Canary."""

    def __init__(self, cluster: Cluster, options: Options, caches: Caches, questions: Questions) -> None:
        self.cluster = cluster
        self.options = options
        self.caches = caches
        self.questions = questions
        self.router = Istio()
        self.writer = Writer(cluster, caches, questions.wake)
        self.observer = Observer(caches, options, self.router)

    async def observe(self, key: str) -> Seen | None:
        """Return what there is of a canary, never older than our own last writes. Raises: TryAgain, Stalled."""
        namespace, _ = split_key(key)
        await self.caches.settle(key, namespace)
        canary = self.caches.canaries.by_key(key)
        if canary is None or deleting(canary):
            self.questions.drop(key)
            self.caches.forget(key)
            return None
        spec = self.checked_spec(canary)
        progress = progress_of(canary)
        seen = self.observer.look(canary, spec, progress, self.times())
        memory = self.caches.remember(key)
        memory.configs = seen.configs.named
        if seen.virtual_service is not None and not seen.facts.route_differs and seen.facts.weight == progress.weight:
            self.caches.route_is_good(key, seen.virtual_service)
        return replace(seen, facts=await self.completed(key, seen))

    def times(self) -> Times:
        ours, client = self.cluster.clock.now(), self.cluster.client
        if client.server_time is None:
            return Times(ours, ours)
        passed = asyncio.get_running_loop().time() - client.server_time_at
        return Times(ours, client.server_time + timedelta(seconds=passed))

    def checked_spec(self, canary: Object) -> Spec:
        try:
            spec = spec_of(canary)
            for metric in spec.metrics:
                query_of(metric, spec, name_of(canary), namespace_of(canary))
        except (BadField, BadQuery) as error:
            raise Stalled("InvalidSpec", str(error)) from None
        older = self.caches.older_with_same_target(canary)
        if older is not None:
            text = f"Deployment {spec.target} is the target of Canary {name_of(older)} already; delete one of the two"
            raise Stalled("TargetTaken", text)
        if spec.metrics and not self.metrics_server(spec):
            raise Stalled("InvalidSpec", "spec.metricsServer is not set, and volary was given no --metrics-server")
        return spec

    async def completed(self, key: str, seen: Seen) -> Facts:
        """Return the facts with what was asked and answered, and with a look at ReplicaSets where it is needed."""
        facts = replace(
            seen.facts,
            answers=self.questions.answers(key),
            asked=self.questions.asked(key),
            stalled=condition(seen.canary, "Stalled") is not None,
        )
        applied = facts.progress.applied
        if applied and not is_ours(applied) and not facts.same and seen.target is not None:
            facts = replace(facts, pod_hash=await self.pod_hash(key, seen.target))
        return facts

    async def pod_hash(self, key: str, target: Object) -> str:
        """Return the pod-template-hash of the target's present template, "" if no ReplicaSet that we may see has it."""
        try:
            listing = await self.cluster.client.list(REPLICA_SETS, namespace_of(target))
        except Forbidden:
            return ""
        wanted = self.caches.revision_of(key, target)
        for found in listing.items:
            owners = dig(found, "metadata", "ownerReferences") or ()
            if any(owner.get("uid") == uid_of(target) for owner in owners) and bare_revision(found) == wanted:
                return str(dig(found, "metadata", "labels", "pod-template-hash") or "")
        return ""

    def decide(self, seen: Seen, now: datetime) -> Plan:
        return decide(seen.facts, now)

    async def act(self, key: str, seen: Seen, plan: Plan) -> None:
        """Write what the plan asks for."""
        if seen.facts.spec.suspend:
            self.questions.forget(key)
        if plan.actions:
            self.writer.slow_down(key)
        await self.say_ignored(key, seen)
        for line in plan.announce:
            await self.say(key, seen, line, once=True)
        for line in plan.halted:
            await self.say(key, seen, line, once=False)
        if plan.progress is not None:
            self.questions.forget(key)
            await self.write_progress(key, seen.canary, plan.progress)
        if any(not isinstance(action, Ask) for action in plan.actions):
            self.questions.forget(key)  # an answer is about the world as it was
        for action in plan.actions:
            await self.carry_out(key, seen, action)

    async def say_ignored(self, key: str, seen: Seen) -> None:
        """Warn once for each generation of a Canary about what has no effect."""
        for sentence in seen.facts.spec.ignored:
            step = f"generation {generation_of(seen.canary)}"
            await self.write_event(key, seen.canary, ignored(sentence), step, once=True)

    async def say(self, key: str, seen: Seen, line: Line, once: bool) -> None:
        """Write a line as an Event, and tell the event hooks of it."""
        facts = seen.facts
        # A run is told from the next of the same revision by when its phase began.
        step = f"{facts.progress.entered.isoformat()}/{facts.revision}/{facts.progress.weight}"
        if await self.write_event(key, seen.canary, line, step, once):
            call = self.call(seen, facts.progress.phase.value, step + line.message)
            for hook in facts.spec.hooks_of(HookType.EVENT):
                self.questions.tell(key, hook, call, line)

    async def write_event(self, key: str, canary: Object, line: Line, step: str, once: bool) -> bool:
        """Write an Event; return False if it was written before in this step and counts only once."""
        memory = self.caches.remember(key)
        mark = f"{step}/{line.type}/{line.message}"
        if once and mark in memory.said:
            return False
        await self.cluster.events.write(canary, line, COMPONENT, step, once)
        log.info(
            line.message, extra={"cluster": self.cluster.name, "canary": f"{name_of(canary)}.{namespace_of(canary)}"}
        )
        if step != memory.step and not step.startswith("generation"):
            memory.step, memory.said = step, {old for old in memory.said if old.startswith("generation")}
        memory.said.add(mark)
        return True

    async def write_progress(self, key: str, canary: Object, progress: Progress) -> None:
        """Store the progress, on condition that the Canary is the one that was looked at. Raises: Conflict."""
        status = status_of(progress, canary.get("status") or {})
        await self.writer.status(key, CANARIES, {**canary, "status": status})

    async def carry_out(self, key: str, seen: Seen, action: Action) -> None:
        """Do one action. Each is safe to repeat: it says what should be, not what to change."""
        match action:
            case Ensure(part):
                await self.writer.put(key, RESOURCES[part.kind], seen.parts[part])
            case MakePrimary():
                await self.make_primary(key, seen)
            case Copy(trial):
                await self.copy(key, seen, trial)
            case Scale(replicas):
                assert seen.target is not None, "decided with a target"
                await self.writer.scale(key, DEPLOYMENTS, seen.target, replicas)
            case SetWeight(percent):
                await self.set_weight(key, seen, percent)
            case Ask():
                self.ask(key, seen, action)
            case _:
                assert_never(action)

    async def make_primary(self, key: str, seen: Seen) -> None:
        assert seen.target is not None, "decided with a target"
        await self.copy_configs(key, seen)
        facts = seen.facts
        rewrite = self.rewrite(seen, trial_of(facts.revision, facts.tracked))
        await self.writer.put(key, DEPLOYMENTS, objects.primary_deployment(seen.canary, seen.target, rewrite))

    async def copy(self, key: str, seen: Seen, trial: str) -> None:
        """Copy what was looked at, and so what was measured, into the primary: configuration first."""
        assert seen.target is not None, "decided with a target"
        assert seen.primary is not None, "decided with a primary"
        await self.copy_configs(key, seen)
        keep_replicas = seen.facts.spec.autoscaler is not None
        obj = objects.promoted_deployment(seen.primary, seen.target, self.rewrite(seen, trial), keep_replicas)
        await self.writer.put(key, DEPLOYMENTS, obj)

    async def copy_configs(self, key: str, seen: Seen) -> None:
        for (kind, name), source in sorted(seen.configs.tracked.items()):
            live = self.caches.config(kind, f"{name}-primary", namespace_of(seen.canary))
            obj = objects.config_copy(seen.canary, kind, source, live)
            if obj is not None:
                await self.writer.put(key, RESOURCES[str(obj["kind"])], obj)

    def rewrite(self, seen: Seen, trial: str) -> objects.Rewrite:
        labels = self.options.selector_labels
        return objects.Rewrite(seen.label, labels, seen.configs.names, self.cluster.clock.new_id(), trial)

    async def set_weight(self, key: str, seen: Seen, percent: int) -> None:
        obj = virtual_service(seen.canary, seen.facts.spec, seen.label[0], seen.virtual_service, percent, self.router)
        if obj is not None:
            await self.writer.put(key, self.router.resource, obj)

    def ask(self, key: str, seen: Seen, action: Ask) -> None:
        question, spec = action.question, seen.facts.spec
        if question.kind == HOOK:
            call = self.call(seen, action.phase.value, question.step)
            self.questions.ask_hook(key, question, spec.hooks[question.index], call)
        else:
            query = query_of(spec.metrics[question.index], spec, name_of(seen.canary), namespace_of(seen.canary))
            self.questions.ask_metric(key, question, self.metrics_server(spec), query)

    def call(self, seen: Seen, phase: str, ident: str) -> Call:
        canary = seen.canary
        return Call(name_of(canary), namespace_of(canary), phase, seen.facts.progress, f"{uid_of(canary)}/{ident}")

    def metrics_server(self, spec: Spec) -> str:
        return spec.metrics_server or self.options.metrics_server or self.cluster.metrics_server

    async def stall(self, key: str, why: Stalled) -> None:
        """Say once what only a person can mend: a condition, a Warning, a log line. Traffic stays where it is."""
        self.questions.forget(key)
        canary = self.caches.canaries.by_key(key)
        if canary is None:
            return
        status = stalled_status(canary.get("status") or {}, why.reason, str(why), self.cluster.clock.now())
        if status is None:
            return
        log.warning(
            "stalled", extra={"cluster": self.cluster.name, "key": key, "reason": why.reason, "error": str(why)}
        )
        step = f"generation {generation_of(canary)}"
        await self.write_event(key, canary, Line(str(why), WARNING), step, once=True)
        await self.writer.status(key, CANARIES, {**canary, "status": status})


def bare_revision(replica_set: Object) -> str:
    """Return the revision of a ReplicaSet's template, without the label that its Deployment's controller added."""
    template = dict(dig(replica_set, "spec", "template") or {})
    meta = dict(template.get("metadata") or {})
    meta["labels"] = {name: text for name, text in (meta.get("labels") or {}).items() if name != "pod-template-hash"}
    return revision_of({**template, "metadata": meta})
