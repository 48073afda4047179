"""The CRDs of GitRepository and Kustomization, for clusters that have none; Flux's own are never replaced."""

from __future__ import annotations

from volary.kube.definitions import AGE, Column, definition
from volary.kube.objects import NewObject
from volary.kube.resources import GIT_REPOSITORIES, KUSTOMIZATIONS
from volary.sync.schema import GitRepositorySpec, GitRepositoryStatusWire, KustomizationSpec, KustomizationStatusWire
from volary.sync.spec import NEVER_OBSERVED
from volary.sync.wire import LATER

READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
STATUS = Column("Status", '.status.conditions[?(@.type=="Ready")].message')


def definitions() -> list[NewObject]:
    """Return both CRDs."""
    repository = definition(
        GIT_REPOSITORIES,
        spec=GitRepositorySpec,
        status=GitRepositoryStatusWire,
        columns=[Column("URL", ".spec.url"), AGE, READY, STATUS],
        short_names=["gitrepo"],
        categories=["all", "fluxcd", "fluxcd-sources"],
    )
    kustomization = definition(
        KUSTOMIZATIONS,
        spec=KustomizationSpec,
        status=KustomizationStatusWire,
        columns=[AGE, READY, STATUS],
        short_names=["ks"],
        categories=["all", "fluxcd", "fluxcd-appliers"],
    )
    for made in (repository, kustomization):
        schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        # A status that says -1 tells "no controller has looked yet" from "looked at generation 0".
        schema["properties"]["status"]["default"] = {"observedGeneration": NEVER_OBSERVED}
        schema.pop("required", None)  # as Flux's: an object without a spec is stored, and refused in its status
        for field in LATER[made["spec"]["names"]["kind"]]:
            # Kept rather than pruned, so that it is refused by name and never silently ignored.
            schema["properties"]["spec"]["properties"][field] = {"x-kubernetes-preserve-unknown-fields": True}
    return [repository, kustomization]
