"""A real API server takes all that `volary install` prints, twice, and `volary uninstall` takes it out again."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.conftest import ControlPlanes
from volary.cli.connect import Connection
from volary.cli.removal import remove
from volary.install import FEATURES, manifests, member_manifests
from volary.kube.client import Client
from volary.kube.objects import NewObject, deleting, dig, name_of
from volary.kube.resources import DEFINITIONS

pytestmark = pytest.mark.conformance
ESTABLISHED_SECONDS = 30


async def apply(client: Client, objects: list[NewObject]) -> None:
    for obj in objects:
        resource = await client.resource_for(obj["apiVersion"], obj["kind"])
        await client.apply(resource, obj, "kubectl", force=True)


async def refused(client: Client) -> list[str]:
    """Return the CRDs that are not established, once all have had their time."""
    async with asyncio.timeout(ESTABLISHED_SECONDS):
        while True:
            found = (await client.list(DEFINITIONS)).items
            conditions = {name_of(one): dig(one, "status", "conditions") or [] for one in found}
            if all(len(known) >= 2 for known in conditions.values()):
                return [name for name, known in conditions.items() if any(one["status"] != "True" for one in known)]
            await asyncio.sleep(0.2)


def test_all_that_install_prints_is_taken_and_taken_out(
    control_planes: ControlPlanes, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = Connection(str(control_planes.kubeconfig), control_planes.contexts[-1], "")

    async def story() -> None:
        async with connection.client() as client:
            before = {name_of(one) for one in (await client.list(DEFINITIONS)).items}
            ours = manifests(FEATURES, "volary:test", before)
            await apply(client, ours)
            await apply(client, [*ours, *member_manifests(("canary", "sync"), before)])
            assert await refused(client) == []
            await remove(connection, release_pins=False, yes=True)
            there = (await client.list(DEFINITIONS)).items
            left = [name_of(one) for one in there if not deleting(one)]  # the server empties a kind first
            assert not [name for name in left if name.endswith(".volary.dev")]
            for name in left:
                if name not in before:
                    await client.delete(DEFINITIONS, name)

    asyncio.run(story())
    assert "Done." in capsys.readouterr().out
