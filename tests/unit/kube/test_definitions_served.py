"""A definition made from types, in a server: it is accepted, prunes, fills in and refuses as the types say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kube.test_definitions import Spec, Status
from volary.embedded.api.server import ApiServer
from volary.embedded.transport import InProcess
from volary.kube.client import Client
from volary.kube.definitions import AGE, decode, definition
from volary.kube.errors import Invalid
from volary.kube.objects import Resource
from volary.kube.resources import DEFINITIONS
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

THINGS = Resource("volary.dev/v1alpha1", "Thing", "things", namespaced=False)


def thing(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": THINGS.api_version, "kind": "Thing", "metadata": {"name": "east"}, "spec": spec}


async def serving_things() -> Client:
    clock = VirtualClock()
    client = Client(InProcess(ApiServer("west", clock.now, clock.rng, clock.new_id)))
    await client.create(DEFINITIONS, definition(THINGS, spec=Spec, status=Status, columns=[AGE]))
    return client


def test_an_object_is_pruned_filled_in_and_read_back_as_the_type() -> None:
    async def main() -> None:
        client = await serving_things()
        written = thing(limit="5%", nonsense=1, free={"any": [1]}, first={"maxWeight": 3, "more": 1})
        made = await client.create(THINGS, written)
        assert made["spec"] == {
            "limit": "5%",
            "free": {"any": [1]},
            "first": {"maxWeight": 3, "name": "step"},
            "mode": "fast",
            "policy": "Hold",
            "share": 0.5,
        }
        assert decode(Spec, made["spec"], "Thing east", refuse_unknown=True) == decode(
            Spec, written["spec"], "Thing east"
        )
        made = await client.update_status(THINGS, {**made, "status": {"observedGeneration": 1, "nonsense": 2}})
        assert made["status"] == {"observedGeneration": 1}

    run_virtually(main())


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "spec.limit"),
        ({"limit": 1, "first": {"maxWeight": 101}}, "spec.first.maxWeight"),
        ({"limit": "x"}, "limit"),
    ],
)
def test_what_the_type_does_not_allow_the_server_refuses(spec: dict[str, Any], field: str) -> None:
    async def main() -> None:
        client = await serving_things()
        with pytest.raises(Invalid, match=field):
            await client.create(THINGS, thing(**spec))

    run_virtually(main())
