"""What differs between target and primary by design, and so: are they the same revision?

    target template                           primary template
    labels      app: podinfo            ->    app: podinfo-primary
    volumes     configMap: settings     ->    configMap: settings-primary   (tracked ones only)
    affinity    app in [podinfo]        ->    app in [podinfo-primary]
    annotations as they are             ->    and flagger-id, volary.dev/trial
    anything with toolkit.fluxcd.io     ->    not taken over

Used by the canary to make a primary and by the fleet to prove one.
Source: Flagger deployment controller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from volary.canary.tracking import CONFIG_MAP, SECRET, references
from volary.kube.objects import NewObject, Object, dig, mutable, name_of

SUFFIX = "-primary"
TOOLKIT = "toolkit.fluxcd.io"
ID = "flagger-id"  # fresh at each promotion, so that pods always roll
TRIAL = "volary.dev/trial"  # what was promoted: `hashes.trial_of`
SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")


def primary_name(name: str) -> str:
    return name + SUFFIX


def selector_label(target: Object, labels: Iterable[str] = SELECTOR_LABELS) -> tuple[str, str] | None:
    """Return (key, value) of the label that tells target and primary pods apart, or None if the target has none."""
    selector = dig(target, "spec", "selector", "matchLabels") or {}
    for key in labels:
        if key in selector:
            return key, str(selector[key])
    return None


def same(target: Object, primary: Object, labels: Iterable[str] = SELECTOR_LABELS) -> bool:
    """Does the primary run the target's template? Which references are rewritten is seen from the primary itself.

    Compare the data of the ConfigMaps and Secrets (`pairs`) as well, to know that they are the same revision.
    """
    ours = dig(primary, "spec", "template") or {}
    wanted = primary_template(target, suffixed(target, primary), labels)
    if wanted is None or (dig(wanted, "metadata", "labels") or {}) != (dig(ours, "metadata", "labels") or {}):
        return False
    annotations = dig(ours, "metadata", "annotations") or {}
    for key, value in (dig(wanted, "metadata", "annotations") or {}).items():
        if annotations.get(key) != value:
            return False  # what only the primary has is no difference
    return wanted.get("spec") == ours.get("spec")


def pairs(target: Object, primary: Object) -> list[tuple[str, str, str]]:
    """Return (kind, name, name of the primary's copy) for each ConfigMap and Secret whose `data` must be the same."""
    return [(kind, name, primary_name(name)) for kind, name in sorted(suffixed(target, primary))]


def suffixed(target: Object, primary: Object) -> set[tuple[str, str]]:
    """Return (kind, name) of the target's references for which the primary uses a copy of its own."""
    theirs = {(ref.kind, ref.name) for ref in references(dig(primary, "spec", "template") or {})}
    mine = references(dig(target, "spec", "template") or {})
    return {(ref.kind, ref.name) for ref in mine if (ref.kind, primary_name(ref.name)) in theirs}


def primary_template(
    target: Object, tracked: Collection[tuple[str, str]], labels: Iterable[str] = SELECTOR_LABELS
) -> NewObject | None:
    """Return the target's template as the primary runs it, without the primary's own annotations.

    `tracked` are (kind, name) of the configuration that gets copies. None: the target has no usable selector label.
    """
    labels = tuple(labels)
    label = selector_label(target, labels)
    if label is None:
        return None
    key, value = label
    template = mutable(dig(target, "spec", "template") or {})
    metadata = template.setdefault("metadata", {})
    metadata.pop("creationTimestamp", None)
    metadata["labels"] = {**without_toolkit(metadata.get("labels")), key: primary_name(value)}
    annotations = without_toolkit(metadata.pop("annotations", None))
    if annotations:
        metadata["annotations"] = annotations
    spec = template.setdefault("spec", {})
    rename_configs(spec, tracked)
    rename_selectors(spec, name_of(target), labels)
    return template


def without_toolkit(entries: Mapping[str, str] | None) -> dict[str, str]:
    """Return labels or annotations without Flux's marks: they speak of the object that Git brought."""
    return {key: value for key, value in (entries or {}).items() if TOOLKIT not in key}


def rename_configs(spec: NewObject, tracked: Collection[tuple[str, str]]) -> None:
    """Let every reference to tracked configuration point at the primary's copy."""
    for volume in spec.get("volumes") or ():
        rename(volume.get("configMap"), CONFIG_MAP, tracked)
        rename(volume.get("secret"), SECRET, tracked, "secretName")
        for source in dig(volume, "projected", "sources") or ():
            rename(source.get("configMap"), CONFIG_MAP, tracked)
            rename(source.get("secret"), SECRET, tracked)
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        for entry in container.get("env") or ():
            rename(dig(entry, "valueFrom", "configMapKeyRef"), CONFIG_MAP, tracked)
            rename(dig(entry, "valueFrom", "secretKeyRef"), SECRET, tracked)
        for entry in container.get("envFrom") or ():
            rename(entry.get("configMapRef"), CONFIG_MAP, tracked)
            rename(entry.get("secretRef"), SECRET, tracked)


def rename(ref: Any, kind: str, tracked: Collection[tuple[str, str]], field: str = "name") -> None:
    if isinstance(ref, dict) and (kind, ref.get(field)) in tracked:
        ref[field] = primary_name(ref[field])


def rename_selectors(spec: NewObject, name: str, labels: Collection[str]) -> None:
    """Let anti-affinity and spread constraints that mean the target's pods mean the primary's."""
    anti = dig(spec, "affinity", "podAntiAffinity") or {}
    terms = list(anti.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
    weighted = anti.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    terms += [entry.get("podAffinityTerm") or {} for entry in weighted]
    terms += spec.get("topologySpreadConstraints") or ()
    for term in terms:
        rename_selector(term.get("labelSelector") or {}, name, labels)


def rename_selector(selector: NewObject, name: str, labels: Collection[str]) -> None:
    matches = selector.get("matchLabels") or {}
    for key in labels:
        if matches.get(key) == name:
            matches[key] = primary_name(name)
    for expression in selector.get("matchExpressions") or ():
        values = expression.get("values") or []
        if expression.get("key") in labels and name in values:
            values[values.index(name)] = primary_name(name)
