"""One look at the cluster: from the caches to `Facts`, with the objects that the next write is made from.

Nothing is asked of the API server, but for the ReplicaSets once where a hash that Flagger left has to be understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from volary.canary import messages, objects
from volary.canary.caches import Caches
from volary.canary.facts import Facts, Names, Tracked, Workload
from volary.canary.mesh_objects import destination_rule_object, split_of, virtual_service
from volary.canary.options import Options
from volary.canary.plan import Part
from volary.canary.readiness import workload_of
from volary.canary.rewrites import TRIAL, pairs, primary_name, same, selector_label
from volary.canary.spec import Progress, Spec
from volary.canary.tracking import checksum, is_tracked, references
from volary.kube.objects import NewObject, Object, dig, key_of, name_of, namespace_of
from volary.kube.resources import AUTOSCALERS, DESTINATION_RULES, SERVICES
from volary.providers.routers.istio import Istio
from volary.runtime.errors import Stalled
from volary.runtime.events import Line

AUTOSCALER = "HorizontalPodAutoscaler"
RESOURCES = {resource.kind: resource for resource in (SERVICES, AUTOSCALERS, DESTINATION_RULES)}


@dataclass(frozen=True, slots=True)
class Times:
    """Now, by our clock and by the server's: conditions are written by the server's side, and ours may be wrong."""

    ours: datetime
    servers: datetime

    def judge(self, deployment: Object, percent: int, deadline: timedelta) -> Workload:
        """Return one side of the split; when its deadline will have passed is told by our clock."""
        found = workload_of(deployment, percent, deadline, self.servers)
        due = None if found.deadline is None else found.deadline - self.servers + self.ours
        return replace(found, deadline=due)


@dataclass(frozen=True, slots=True)
class Configs:
    """The configuration that a target's template names."""

    tracked: Mapping[tuple[str, str], Object] = field(default_factory=dict)  # (kind, name) -> the object
    missing: tuple[Line, ...] = ()
    named: frozenset[tuple[str, str]] = frozenset()  # all of them, there or not, tracked or not

    @property
    def checksums(self) -> Tracked:
        return tuple(sorted((f"{kind}/{name}", checksum(obj)) for (kind, name), obj in self.tracked.items()))

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        return frozenset(self.tracked)


@dataclass(frozen=True, slots=True)
class Seen:
    """Facts, and the objects behind them. `parts` are the objects to write, for each part that differs."""

    canary: Object
    facts: Facts
    label: tuple[str, str]
    target: Object | None
    primary: Object | None
    configs: Configs
    parts: Mapping[Part, NewObject]
    virtual_service: Object | None


class Observer:
    """Looks at one canary; `caches` hold what the cluster showed last."""

    def __init__(self, caches: Caches, options: Options, router: Istio) -> None:
        self.caches = caches
        self.options = options
        self.router = router

    def look(self, canary: Object, spec: Spec, progress: Progress, times: Times) -> Seen:
        """Return what there is of a canary. Raises: Stalled."""
        namespace, names = namespace_of(canary), names_of(canary, spec)
        target = self.caches.deployments.get(spec.target, namespace)
        primary = self.caches.deployments.get(primary_name(spec.target), namespace)
        if target is None:
            return self.look_without_target(canary, spec, progress, primary, times)
        label = self.label_of(target, names)
        configs = self.configs(target, namespace)
        missing = (*configs.missing, *self.missing_autoscaler(spec, namespace))
        early, late = self.services(canary, spec, label, target), self.late_parts(canary, spec, label, target)
        autoscaler = self.autoscaler(canary, spec, namespace)
        live = self.caches.virtual_services.get(spec.service.name, namespace)
        facts = Facts(
            names=names,
            spec=spec,
            progress=progress,
            revision=self.caches.revision_of(key_of(canary), target),
            tracked=configs.checksums,
            missing=missing,
            target=times.judge(target, spec.canary_ready_percent, spec.progress_deadline),
            primary=self.primary(primary, spec, times),
            same=primary is not None and self.same(target, primary, configs, namespace),
            primary_trial=trial_mark(primary),
            scale_to=self.scale_to(spec, target, primary, namespace),
            early=tuple(early),
            late=tuple(late),
            autoscaler=next(iter(autoscaler), None),
            **self.route(canary, spec, label[0], live),
        )
        parts = {**early, **late, **autoscaler}
        return Seen(canary, facts, label, target, primary, configs, parts, live)

    def look_without_target(
        self, canary: Object, spec: Spec, progress: Progress, primary: Object | None, times: Times
    ) -> Seen:
        """Return what is left when the target was deleted: enough to take its traffic away."""
        live = self.caches.virtual_services.get(spec.service.name, namespace_of(canary))
        label = self.options.selector_labels[0]
        route = self.route(canary, spec, label, live) if live is not None else {"weight": 0}
        side = self.primary(primary, spec, times)
        facts = Facts(names_of(canary, spec), spec, progress, primary=side, **route)
        return Seen(canary, facts, (label, spec.target), None, primary, Configs(), {}, live)

    def label_of(self, target: Object, names: Names) -> tuple[str, str]:
        label = selector_label(target, self.options.selector_labels)
        if label is None:
            known = " ".join(self.options.selector_labels)
            text = f"deployment {names.target} spec.selector.matchLabels must contain one of [{known}]"
            raise Stalled("InvalidTarget", text)
        return label

    def configs(self, target: Object, namespace: str) -> Configs:
        tracked: dict[tuple[str, str], Object] = {}
        missing: list[Line] = []
        refs = references(dig(target, "spec", "template") or {})
        for ref in refs:
            obj = self.caches.config(ref.kind, ref.name, namespace)
            if obj is None and not ref.optional:
                missing.append(messages.config_missing(ref.kind, f"{ref.name}.{namespace}"))
            elif obj is not None and is_tracked(ref.kind, obj):
                tracked[ref.kind, ref.name] = obj
        return Configs(tracked, tuple(missing), frozenset((ref.kind, ref.name) for ref in refs))

    def missing_autoscaler(self, spec: Spec, namespace: str) -> list[Line]:
        if spec.autoscaler is None or self.caches.autoscalers.get(spec.autoscaler.name, namespace) is not None:
            return []
        return [messages.autoscaler_missing(f"{spec.autoscaler.name}.{namespace}")]

    def primary(self, primary: Object | None, spec: Spec, times: Times) -> Workload | None:
        return None if primary is None else times.judge(primary, spec.primary_ready_percent, spec.progress_deadline)

    def same(self, target: Object, primary: Object, configs: Configs, namespace: str) -> bool:
        """Do target and primary run the same: template, which configuration is copied, and its data?"""
        copies = pairs(target, primary)
        if {(kind, name) for kind, name, _ in copies} != configs.names:
            return False
        if not same(target, primary, self.options.selector_labels):
            return False
        return all(
            same_data(configs.tracked[kind, name], self.caches.config(kind, copy, namespace))
            for kind, name, copy in copies
        )

    def services(self, canary: Object, spec: Spec, label: tuple[str, str], target: Object) -> dict[Part, NewObject]:
        """Return the Services of the two sides, where they differ."""
        split = split_of(spec)
        canary_side = objects.Side(label, spec.service.canary)
        primary_side = objects.Side((label[0], primary_name(label[1])), spec.service.primary)
        made = {
            split.canary: self.service(canary, spec, split.canary, canary_side, target),
            split.primary: self.service(canary, spec, split.primary, primary_side, target),
        }
        return self.worth_asking(canary, {Part("Service", name): obj for name, obj in made.items()})

    def service(self, canary: Object, spec: Spec, name: str, side: objects.Side, target: Object) -> NewObject | None:
        live = self.caches.services.get(name, namespace_of(canary))
        return objects.service(canary, spec, name, side, target, live)

    def late_parts(self, canary: Object, spec: Spec, label: tuple[str, str], target: Object) -> dict[Part, NewObject]:
        """Return what clients meet, where it differs: autoscaler (if there is none), apex Service, DestinationRules."""
        namespace, split = namespace_of(canary), split_of(spec)
        made: dict[Part, NewObject | None] = {}
        there = self.caches.autoscalers
        made |= {
            part: obj
            for part, obj in self.autoscaler(canary, spec, namespace).items()
            if there.get(part.name, namespace) is None
        }
        apex_side = objects.Side((label[0], primary_name(label[1])), spec.service.apex)
        made[Part("Service", split.apex)] = self.service(canary, spec, split.apex, apex_side, target)
        for host in (split.canary, split.primary):
            live = self.caches.destination_rules.get(host, namespace)
            made[Part("DestinationRule", host)] = destination_rule_object(canary, spec, host, live)
        return self.worth_asking(canary, made)

    def autoscaler(self, canary: Object, spec: Spec, namespace: str) -> dict[Part, NewObject]:
        """Return the primary's autoscaler, if it differs from the target's."""
        if spec.autoscaler is None:
            return {}
        source = self.caches.autoscalers.get(spec.autoscaler.name, namespace)
        if source is None:
            return {}
        name = primary_name(spec.autoscaler.name)
        obj = objects.primary_autoscaler(canary, spec, source, self.caches.autoscalers.get(name, namespace))
        return self.worth_asking(canary, {Part(AUTOSCALER, name): obj})

    def worth_asking(self, canary: Object, parts: Mapping[Part, NewObject | None]) -> dict[Part, NewObject]:
        """Return the parts that differ and that the server has not refused to keep as we want them."""
        key = key_of(canary)
        return {
            part: obj
            for part, obj in parts.items()
            if obj is not None and self.caches.worth_asking(key, RESOURCES[part.kind], obj)
        }

    def scale_to(self, spec: Spec, target: Object, primary: Object | None, namespace: str) -> int:
        """Return how many Pods the target gets when it is started."""
        own = int(dig(target, "spec", "replicas") or 0)
        if own > 0:
            return own
        if spec.autoscaler is None:
            return max(1, int(dig(primary, "spec", "replicas") or 1))
        source = self.caches.autoscalers.get(spec.autoscaler.name, namespace)
        return max(1, int(dig(source, "spec", "minReplicas") or 1))

    def route(self, canary: Object, spec: Spec, label: str, live: Object | None) -> dict[str, Any]:
        """Return the facts about the VirtualService."""
        weight = self.router.weight(live, split_of(spec)) if live is not None else None
        wanted = virtual_service(canary, spec, label, live, weight or 0, self.router)
        differs = self.caches.worth_asking(key_of(canary), self.router.resource, wanted)
        return {"weight": weight, "route_differs": differs, "foreign": self.caches.is_foreign(canary, live)}


def same_data(one: Object, other: Object | None) -> bool:
    return other is not None and (one.get("data") or {}) == (other.get("data") or {})


def names_of(canary: Object, spec: Spec) -> Names:
    namespace = namespace_of(canary)
    return Names(
        canary=f"{name_of(canary)}.{namespace}",
        target=f"{spec.target}.{namespace}",
        primary=f"{primary_name(spec.target)}.{namespace}",
    )


def trial_mark(primary: Object | None) -> str:
    """Return what was last copied into the primary, "" if it does not say."""
    annotations = dig(primary, "spec", "template", "metadata", "annotations") or {}
    return str(annotations.get(TRIAL) or "")
