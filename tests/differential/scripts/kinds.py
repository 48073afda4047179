"""The built-in kinds with one or two fields changed: what is refused in which words, and what is filled in.

Each step is a dry run of a new object, so it stands for itself; the changes are those of the generator.
"""

from __future__ import annotations

import random

from tests.differential.mutations.mutate import mutated
from tests.differential.mutations.samples import SAMPLES, Object, Sample
from tests.differential.scripts.namespaced import placed
from tests.differential.steps import Script, Step, post
from volary.embedded.api.call import Path, find_type
from volary.embedded.api.catalog import Catalog

STEPS = 30  # for each kind
LARGE = 4  # tries for each step, of which the shortest is taken: a transcript should be small


def changed(kind: str, sample: Sample) -> Script:
    group, _, version = sample.group_version.rpartition("/")
    node = find_type(Catalog(), Path(group, version, "", sample.plural, "", "")).node
    rng = random.Random(f"{kind} recorded")
    steps: list[Step] = []
    for number in range(STEPS):
        tries = [mutated(rng, rng.choice(sample.objects), node) for _ in range(LARGE)]
        obj, places = min(tries, key=lambda it: len(str(it[0])))
        settle(obj, sample)
        told = " ".join(".".join(map(str, it)) for it in places)
        steps.append(post(f"{number} {told}", f"{where(sample)}?dryRun=All", obj))
    namespace = f"t-kinds-{kind}"
    first = (
        post("namespace", "/api/v1/namespaces", {"metadata": {"name": namespace}}),
        # No controller is there to make the account that pods need.
        post("account", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}}),
    )
    return Script(f"kinds-{kind}", (*first, *(placed(it, namespace) for it in steps)))


def settle(obj: Object, sample: Sample) -> None:
    """Take out what depends on what else is in a cluster."""
    meta, spec = obj.get("metadata"), obj.get("spec")
    if not sample.namespaced and isinstance(meta, dict) and isinstance(meta.get("name"), str):
        meta["name"] = meta["name"].replace("kinds-", "recorded-")
    if sample.plural == "pods" and isinstance(spec, dict):
        spec["automountServiceAccountToken"] = False  # the volume of the token has a name by chance
        spec.pop("serviceAccountName", None)


def where(sample: Sample) -> str:
    return f"{sample.group_version}!{sample.plural}" if sample.namespaced else f"{sample.root}/{sample.plural}"


SCRIPTS = [changed(kind, sample) for kind, sample in SAMPLES.items()]
