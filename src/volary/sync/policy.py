"""What is Git's and what is not: the rules by which an object, or a field of it, is left to others. Pure.

Git says what it says and no more: a person's change is put back where Git says otherwise, and only there. Not Git's at
all are the traffic weights and objects that a canary makes, the replicas of a workload that something scales, and the
commit that the fleet pins.
Source: Flux, kustomize-controller, per-object annotations; Flagger, objects that it owns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from volary.kube.objects import NewObject, Object, annotations_of, dig, labels_of, metadata
from volary.sync.order import id_of
from volary.sync.spec import ObjectId

PREFIX = "kustomize.toolkit.fluxcd.io/"
OWNER_NAME, OWNER_NAMESPACE = f"{PREFIX}name", f"{PREFIX}namespace"

# So that a cluster can move from Flux to us and back, our writes carry Flux's name: what it owned is ours at once, and
# nothing is left owned by two.
MANAGER = "kustomize-controller"
PIN_MANAGER = "volary-fleet"
PEOPLE = ("kubectl", "before-first-apply", "k9s", "lens")  # managers that stand for a person's hand

SCALED = {("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "ReplicaSet")}
SCALERS = {("autoscaling", "HorizontalPodAutoscaler"): "scaleTargetRef", ("flagger.app", "Canary"): "targetRef"}
REPLICAS = ("spec", "replicas")
PIN = ("spec", "ref", "commit")
Path = tuple[str, ...]


def says(obj: Object | None, word: str, value: str) -> bool:
    """Does the object carry `kustomize.toolkit.fluxcd.io/WORD: VALUE`, as annotation or label? Case does not matter."""
    if obj is None:
        return False
    key = PREFIX + word
    found = annotations_of(obj).get(key) or labels_of(obj).get(key) or ""
    return str(found).lower() == value.lower()


def is_ours(obj: Object, name: str, namespace: str) -> bool:
    """Does the object carry the labels of this Kustomization?"""
    labels = labels_of(obj)
    return labels.get(OWNER_NAME) == name and labels.get(OWNER_NAMESPACE) == namespace


def left_alone(desired: Object, live: Object | None) -> str:
    """Return why an object must not be written, "" if it may."""
    if says(desired, "ssa", "Ignore"):
        return "Git says ssa: Ignore"
    if says(desired, "reconcile", "Disabled"):
        return "Git says reconcile: disabled"
    if live is None:
        return ""
    if says(live, "reconcile", "Disabled"):
        return "the object says reconcile: disabled"
    if says(live, "ssa", "Ignore"):
        return "the object says ssa: Ignore"
    if says(desired, "ssa", "IfNotPresent"):
        return "Git says ssa: IfNotPresent, and it is there"
    if is_canarys(live):
        return "a Canary made it"
    return ""


def is_canarys(live: Object) -> bool:
    """Is the object made and steered by a Canary?"""
    for owner in metadata(live).get("ownerReferences") or ():
        group = str(owner.get("apiVersion")).partition("/")[0]
        if owner.get("controller") and owner.get("kind") == "Canary" and group == "flagger.app":
            return True
    return False


def may_prune(live: Object, name: str, namespace: str) -> bool:
    """May the object be deleted because Git no longer has it? Not if somebody else took it, or it says no."""
    protected = says(live, "prune", "Disabled") or says(live, "reconcile", "Disabled") or says(live, "ssa", "Ignore")
    return is_ours(live, name, namespace) and not protected


def scaled_by_others(objects: Iterable[Object]) -> frozenset[ObjectId]:
    """Return the workloads of a set that an autoscaler or a Canary of the same set scales."""
    found = set()
    for obj in objects:
        group, kind = str(obj["apiVersion"]).rpartition("/")[0], str(obj["kind"])
        target = dig(obj, "spec", SCALERS.get((group, kind), "")) or {}
        if target.get("name"):
            target_group = str(target.get("apiVersion") or "apps/v1").rpartition("/")[0]
            namespace = str(metadata(obj).get("namespace") or "")
            found.add(ObjectId(namespace, str(target["name"]), target_group, str(target.get("kind") or "Deployment")))
    return frozenset(found)


def yielded_paths(desired: Object, scaled: frozenset[ObjectId]) -> tuple[Path, ...]:
    """Return the fields of `desired` that may turn out to be somebody else's: look at the live object's managers."""
    group, kind = str(desired["apiVersion"]).rpartition("/")[0], str(desired["kind"])
    if (group, kind) in SCALED and dig(desired, *REPLICAS) is not None:
        return (REPLICAS,)
    if kind == "GitRepository" and dig(desired, *PIN) is not None:
        return (PIN,)
    return ()


def never_drifts(desired: Object, scaled: frozenset[ObjectId]) -> tuple[Path, ...]:
    """Return the fields whose change is no news: the replicas of a workload that something in the set scales."""
    return (REPLICAS,) if id_of(desired) in scaled else ()


def settle(desired: NewObject, live: Object | None, scaled: frozenset[ObjectId]) -> tuple[NewObject, tuple[Path, ...]]:
    """Return what to apply, and the paths that were given up in it. `live` comes with its managedFields.

    A field of somebody else's is left out. One that is ours still, of a workload that something scales, is written as
    it is now: leaving it out would make the API server take it away, and the default is 1.
    """
    given_up: list[Path] = []
    if live is None:
        return desired, ()
    made = desired
    for path in yielded_paths(desired, scaled):
        owners = managers_of(live, path)
        foreign = [manager for manager in owners if manager != MANAGER and not manager.startswith(PEOPLE)]
        if path == PIN:
            foreign = [manager for manager in owners if manager == PIN_MANAGER]
        if foreign:
            made, given_up = without(made, path), [*given_up, path]
        elif path == REPLICAS and id_of(desired) in scaled:
            made, given_up = replaced(made, path, dig(live, *path)), [*given_up, path]
    return made, tuple(given_up)


def managers_of(obj: Object, path: Path) -> list[str]:
    """Return who owns a field, by the managedFields."""
    field_path = [f"f:{step}" for step in path]
    return [
        str(entry.get("manager"))
        for entry in metadata(obj).get("managedFields") or ()
        if dig(entry, "fieldsV1", *field_path) is not None
    ]


def without(obj: Mapping[str, Any], path: Path) -> NewObject:
    """Return a copy that lacks what is at `path`."""
    first, *rest = path
    if first not in obj:
        return dict(obj)
    if not rest:
        return {name: value for name, value in obj.items() if name != first}
    return {**obj, first: without(obj[first], tuple(rest))}


def replaced(obj: Mapping[str, Any], path: Path, value: Any) -> NewObject:
    """Return a copy with another value at `path`; None: without it."""
    if value is None:
        return without(obj, path)
    first, *rest = path
    return {**obj, first: replaced(obj.get(first) or {}, tuple(rest), value) if rest else value}
