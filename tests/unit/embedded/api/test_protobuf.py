"""Every built-in kind with all its fields goes through protobuf and comes out the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.embedded.api.protobuf_writing import envelope, filled
from volary.embedded.api.catalog import ResourceType, builtin_types
from volary.embedded.api.serving.protobuf import Undecodable, decode

TYPES = {f"{it.api_version} {it.plural}": it for it in builtin_types().values()}


def full(type_: ResourceType) -> dict[str, Any]:
    return {**filled(type_.node), "kind": type_.kind.kind, "apiVersion": type_.api_version}


@pytest.mark.parametrize("name", TYPES)
def test_every_field_of_every_kind_survives(name: str) -> None:
    obj = full(TYPES[name])
    assert decode(envelope(obj)) == obj


def test_the_objects_have_what_go_inlines() -> None:
    pod = full(TYPES["v1 pods"])["spec"]
    container = pod["containers"][0]
    assert {"httpGet", "exec", "grpc", "periodSeconds"} <= set(container["livenessProbe"])
    assert {"configMap", "emptyDir", "name"} <= set(pod["volumes"][0])
    assert {"targetContainerName", "image"} <= set(pod["ephemeralContainers"][0])
    assert {"nfs", "capacity"} <= set(full(TYPES["v1 persistentvolumes"])["spec"])


@pytest.mark.parametrize("name", ["v1 pods", "apps/v1 deployments"])
def test_a_body_that_is_cut_off_is_refused(name: str) -> None:
    whole = envelope(full(TYPES[name]))
    for end in range(5, len(whole), 97):
        with pytest.raises(Undecodable):
            decode(whole[:end])
