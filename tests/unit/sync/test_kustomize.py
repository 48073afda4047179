"""Our subset of kustomize against kubectl's, byte for byte; and what it refuses, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sync.printing import printed
from tests.unit.sync.trees import KUBECTL, OWN, REAL, kubectl_kustomize, kustomizations, read_tree
from volary.sources.memory import memory_tree
from volary.sync.kustomize import BuildError, Files, build, generated_file

CASES = [*kustomizations(OWN), *kustomizations(REAL)]


@pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl here to compare with")
@pytest.mark.parametrize(("root", "path"), CASES, ids=[f"{root.name}/{path}" for root, path in CASES])
def test_the_output_is_kubectls_byte_for_byte(root: Path, path: str) -> None:
    expected = kubectl_kustomize(root / path)
    if expected is None:  # such as a file that is not there: then we must refuse too
        with pytest.raises(BuildError):
            build(Files(read_tree(root)), path)
        return
    assert printed(build(Files(read_tree(root)), path)) == expected


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder ../shared/real is not here")
def test_real_trees_were_among_them() -> None:
    assert len([root for root, _ in CASES if root.parent == REAL]) > 20


MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n"


def test_patched_labelled_and_moved_without_kubectl() -> None:
    files = {
        "base/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n",
        "base/a.yaml": MAP % "a",
        "top/kustomization.yaml": """
resources: [../base]
namespace: new
labels: [{pairs: {team: core}}]
patches: [{target: {name: a}, patch: '[{"op": "add", "path": "/data", "value": {"k": "v"}}]'}]
""",
    }
    assert build(Files(memory_tree(files)), "top") == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "x-a", "namespace": "new", "labels": {"team": "core"}},
            "data": {"k": "v"},
        }
    ]


@pytest.mark.parametrize(
    ("kustomization", "words"),
    [
        ("helmCharts: []", "kustomization.yaml: helmCharts is not a field"),
        ("resources: [https://example.com/x.yaml]", "is remote; only files of this repository"),
        ("resources: ['github.com/org/repo?ref=v1']", "is remote"),
        ("resources: ['git@github.com:org/repo']", "is remote"),
        ("resources: [../../../out.yaml]", "leads out of the repository"),
        ("resources: [/etc/passwd]", "begins at the root"),
        ("resources: [none.yaml]", "none.yaml: no such file or folder"),
        ("resources: [link.yaml]", "link.yaml: symbolic links are not followed"),
        ("resources: [linked/a.yaml]", "linked: symbolic links are not followed"),
        ("resources: [a.yaml, a.yaml]", "ConfigMap a is there twice"),
        ("resources: [bad.yaml]", "bad.yaml line 1: "),
        ("resources: [text.yaml]", "text.yaml: a document is str"),
        ("resources: [nameless.yaml]", "nameless.yaml: a ConfigMap has no metadata.name"),
        ("resources: [.]", "includes itself"),
        ("resources: {}", "resources is {}; allowed: a list"),
        ("resources: [a.yaml]\nresources: []", 'mapping key "resources" is already defined'),
        ("kind: Component", "kind is Component; allowed: Kustomization"),
        ("patches: [{}]", "patches[0]: write either path or patch"),
        ('patches: [{patch: \'[{"op": "add"}]\'}]', "a JSON patch needs a target"),
        ("patches: [{patch: '{kind: A, apiVersion: v1, metadata: {name: b}}'}]", "no A b in the set"),
        ("patches: [{target: {name: '('}, patch: '[]'}]", "is not a regular expression"),
        ("configMapGenerator: [{name: x, behavior: merge}]", "behavior merge is not supported"),
        ("configMapGenerator: [{name: x, literals: [y]}]", "is not KEY=VALUE"),
        ("replicas: [{name: web, count: 2}]", "there is no workload web"),
        ("namePrefix: [x]", "namePrefix is"),
    ],
)
def test_refusals(kustomization: str, words: str) -> None:
    text = kustomization if "resources" in kustomization else f"{kustomization}\nresources: [a.yaml]\n"
    files = {
        "app/deep/kustomization.yaml": text,
        "app/deep/a.yaml": MAP % "a",
        "app/deep/bad.yaml": "a: b: c\n",
        "app/deep/text.yaml": "hello\n",
        "app/deep/nameless.yaml": "{apiVersion: v1, kind: ConfigMap}\n",
    }
    tree = memory_tree(files, links={"app/deep/link.yaml": "/etc/passwd", "app/deep/linked": "/etc"})
    with pytest.raises(BuildError) as caught:
        build(Files(tree), "app/deep")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"op": "replace", "path": "/nothing/here", "value": 1}, "replace /nothing/here does not fit"),
        ({"op": "test", "path": "/kind", "value": "Pod"}, "test /kind does not fit"),
        ({"op": "add", "path": "/list/7", "value": 1}, "add /list/7 does not fit"),
        ({"op": "grow", "path": "/kind"}, "step 0 is not an operation"),
    ],
)
def test_operations_that_do_not_fit(operation: dict[str, Any], words: str) -> None:
    patch = json.dumps([{"op": "add", "path": "/list", "value": []}, operation][0 if "list" in str(operation) else 1 :])
    files = {
        "kustomization.yaml": f"resources: [a.yaml]\npatches: [{{target: {{kind: ConfigMap}}, patch: '{patch}'}}]\n",
        "a.yaml": MAP % "a",
    }
    with pytest.raises(BuildError) as caught:
        build(Files(memory_tree(files)), "")
    assert words in str(caught.value)


def test_a_port_that_half_matches_is_refused_and_not_guessed() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, ports: [%s]}]}}\n"
    files = {
        "kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n",
        "a.yaml": pod % "{containerPort: 80, protocol: TCP}",
        "p.yaml": pod % "{containerPort: 80, name: http}",
    }
    with pytest.raises(BuildError, match="the element with containerPort 80 also needs protocol"):
        build(Files(memory_tree(files)), "")


def test_a_folder_without_a_kustomization_is_all_its_manifests() -> None:
    files = {
        "deploy/b.yml": MAP % "b",
        "deploy/a/c.yaml": MAP % "c",
        "deploy/own/kustomization.yaml": "resources: [x.yaml]\n",
        "deploy/own/x.yaml": MAP % "x",
        "deploy/own/not-listed.yaml": MAP % "unlisted",
        "deploy/README.md": "no",
        "other/z.yaml": MAP % "z",
    }
    tree = Files(memory_tree(files))
    made = generated_file(tree, "deploy")
    assert made.resources == ["a/c.yaml", "b.yml", "own"]
    assert [obj["metadata"]["name"] for obj in build(tree, "deploy", made)] == ["b", "c", "x"]


def test_what_was_looked_at_tells_whether_a_build_would_differ() -> None:
    files = {
        "app/kustomization.yaml": "resources: [../base, made]\n",
        "base/kustomization.yaml": "resources: [a.yaml]\n",
        "base/a.yaml": MAP % "a",
        "app/made/kustomization.yaml": "resources: []\n",
        "README.md": "one",
    }
    looked = Files(memory_tree(files))
    build(looked, "app")
    assert looked.looks.still_true(memory_tree({**files, "README.md": "two", "base/unused.yaml": "x"}))
    assert not looked.looks.still_true(memory_tree({**files, "base/a.yaml": MAP % "b"}))
    assert not looked.looks.still_true(memory_tree({**files, "base/kustomization.yml": "resources: []\n"}))
