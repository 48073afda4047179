"""Our CRDs beside Flux's own: the same names, types and pruning, for every field that we have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sync.trees import REAL
from volary.sync.definitions import definitions
from volary.sync.wire import LATER
from volary.sync.yaml import PLAIN, load_all

FILES = {
    "gitrepositories.source.toolkit.fluxcd.io": "source.toolkit.fluxcd.io_gitrepositories.yaml",
    "kustomizations.kustomize.toolkit.fluxcd.io": "kustomize.toolkit.fluxcd.io_kustomizations.yaml",
}
SAME = ("type", "format", "default", "minLength", "maxLength", "minimum", "x-kubernetes-preserve-unknown-fields")


def schema_of(definition: dict[str, Any]) -> dict[str, Any]:
    version = next(entry for entry in definition["spec"]["versions"] if entry["name"] == "v1")
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def differences(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> list[str]:
    found = [f"{path} {key}" for key in SAME if ours.get(key) != theirs.get(key)]
    lists = [key for key in ("required", "enum") if sorted(ours.get(key) or ()) != sorted(theirs.get(key) or ())]
    found += [f"{path} {key}" for key in lists]
    for name, child in (ours.get("properties") or {}).items():
        if path == "spec" and name in LATER["GitRepository"] + LATER["Kustomization"]:
            continue
        if name not in theirs["properties"]:
            found.append(f"{path}.{name} is not Flux's")
        else:
            found += differences(child, theirs["properties"][name], f"{path}.{name}".lstrip("."))
    if "items" in ours:
        found += differences(ours["items"], theirs["items"], f"{path}[]")
    return found


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder ../shared/real is not here")
@pytest.mark.parametrize("definition", definitions(), ids=lambda made: made["metadata"]["name"])
def test_our_definitions_agree_with_fluxs(definition: dict[str, Any]) -> None:
    path = REAL / "crds" / FILES[definition["metadata"]["name"]]
    theirs = load_all(path.read_bytes(), path.name, PLAIN)[0]
    assert definition["spec"]["names"] == theirs["spec"]["names"]
    assert definition["spec"]["scope"] == theirs["spec"]["scope"]
    assert differences(schema_of(definition), schema_of(theirs), "") == []


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder ../shared/real is not here")
@pytest.mark.parametrize("definition", definitions(), ids=lambda made: made["metadata"]["name"])
def test_every_field_of_fluxs_spec_is_known_or_refused_by_name(definition: dict[str, Any]) -> None:
    path = REAL / "crds" / FILES[definition["metadata"]["name"]]
    theirs = schema_of(load_all(path.read_bytes(), path.name, PLAIN)[0])["properties"]["spec"]["properties"]
    assert set(theirs) == set(schema_of(definition)["properties"]["spec"]["properties"])
