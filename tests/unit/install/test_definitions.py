"""All CRDs that `volary install` prints beside the real ones: what a client finds by discovery is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from volary.install import definitions
from volary.kube.objects import name_of

REAL = Path(__file__).parents[4] / "shared" / "real" / "crds"
OTHERS = [one for one in definitions() if one["spec"]["group"] != "volary.dev"]
# Free of form: nothing in it is pruned. Ours are fields of a later version, kept whole and refused by name.
FREE = "x-kubernetes-preserve-unknown-fields"


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    if not REAL.is_dir():
        pytest.skip("The CRDs of Flux, Flagger and Istio are not on this machine (../shared/real/crds).")
    found = {}
    for path in sorted(REAL.glob("*.yaml")):
        for document in yaml.load_all(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if document and document["kind"] == "CustomResourceDefinition":
                found[name_of(document)] = document
    return found


@pytest.mark.parametrize("ours", OTHERS, ids=name_of)
def test_names_scope_and_versions_are_theirs(ours: dict[str, Any], real: dict[str, Any]) -> None:
    theirs = real[name_of(ours)]["spec"]
    assert ours["spec"]["group"] == theirs["group"]
    assert ours["spec"]["scope"] == theirs["scope"]
    for key in ("kind", "plural", "singular", "listKind", "shortNames"):
        assert ours["spec"]["names"].get(key) == theirs["names"].get(key), key
    served = {version["name"]: version for version in theirs["versions"] if version["served"]}
    for version in ours["spec"]["versions"]:
        assert version["name"] in served
        assert version.get("subresources") == served[version["name"]].get("subresources")


@pytest.mark.parametrize("ours", OTHERS, ids=name_of)
def test_every_field_of_ours_is_kept_by_theirs_and_has_its_type(ours: dict[str, Any], real: dict[str, Any]) -> None:
    theirs = {version["name"]: version for version in real[name_of(ours)]["spec"]["versions"]}
    for version in ours["spec"]["versions"]:
        schema, other = (one["schema"]["openAPIV3Schema"] for one in (version, theirs[version["name"]]))
        for part in ("spec", "status"):
            if part in schema["properties"]:
                assert differences(schema["properties"][part], other["properties"][part], part) == []


def differences(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> list[str]:
    """Return where a field of ours would be pruned by theirs, or has another type."""
    if theirs.get(FREE) or ours.get(FREE):
        return []
    if ours.get("type") != theirs.get("type"):
        return [f"{path}: {ours.get('type')}, theirs {theirs.get('type')}"]
    found = []
    for name, child in (ours.get("properties") or {}).items():
        other = (theirs.get("properties") or {}).get(name) or theirs.get("additionalProperties")
        found += differences(child, other, f"{path}.{name}") if other else [f"{path}.{name} is pruned"]
    if ours.get("type") == "array":
        found += differences(ours["items"], theirs["items"], f"{path}[]")
    if "additionalProperties" in ours and "additionalProperties" in theirs:
        found += differences(ours["additionalProperties"], theirs["additionalProperties"], f"{path}.*")
    return found
