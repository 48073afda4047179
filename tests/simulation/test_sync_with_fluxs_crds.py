"""The same under Flux's own CRDs, as a cluster that runs Flux has them."""

from __future__ import annotations

import pytest

from tests.simulation.sync_world import World, git_repository, kustomization, play, tree
from tests.unit.sync.trees import REAL
from volary.kube.resources import DEFINITIONS, GIT_REPOSITORIES, KUSTOMIZATIONS, NAMESPACES
from volary.sync.yaml import PLAIN, load_all

FILES = ("source.toolkit.fluxcd.io_gitrepositories.yaml", "kustomize.toolkit.fluxcd.io_kustomizations.yaml")


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder ../shared/real is not here")
def test_statuses_fit_fluxs_schemas_and_nothing_of_them_is_lost() -> None:
    async def story(world: World) -> None:
        for name in FILES:
            definition = load_all((REAL / "crds" / name).read_bytes(), name, PLAIN)[0]
            await world.person.create(DEFINITIONS, definition)
        await world.person.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
        await world.person.create(GIT_REPOSITORIES, git_repository())
        await world.person.create(KUSTOMIZATIONS, kustomization(wait=True))
        commit = world.repository.push(tree("one"))
        async with world.running():
            await world.until_applied(commit)
            ks = await world.ks()
            assert sorted(ks["status"]) == [
                "conditions",
                "history",
                "inventory",
                "lastAppliedRevision",
                "lastAttemptedRevision",
                "observedGeneration",
            ]
            assert sorted((await world.git())["status"]) == ["artifact", "conditions", "observedGeneration"]
            await world.person.patch(KUSTOMIZATIONS, "app", {"spec": {"postBuild": {"substitute": {"a": "b"}}}}, "apps")
            await world.until_reason("InvalidSpec")

    play(story)
