"""From a tree and a spec to objects: the overlay, the form, the order; the same tree always gives the same."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.sources.memory import memory_tree
from volary.sync.kustomize import BuildError
from volary.sync.order import id_of, in_delete_order, same_kind_runs, stage_of
from volary.sync.render import render
from volary.sync.spec import Kustomization, ObjectId, Reference

MINUTE = timedelta(minutes=1)
SPEC = Kustomization(Reference("GitRepository", "x"), "./deploy", True, MINUTE, MINUTE, MINUTE, target_namespace="apps")
OWNER = {"kustomize.toolkit.fluxcd.io/name": "app", "kustomize.toolkit.fluxcd.io/namespace": "flux"}
POD = """{apiVersion: v1, kind: Pod, metadata: {name: p},
  spec: {containers: [{name: c, image: "web:1", ports: [{containerPort: 80}]}]}}
"""
SECRET = """{apiVersion: v1, kind: Secret, metadata: {name: s, creationTimestamp: null},
  stringData: {a: b}, status: {}}
"""
OBJECT = "{apiVersion: v1, kind: %s, metadata: {name: %s, labels: {v: x%s}}}"


def made(files: dict[str, str], **spec: Any) -> list[Any]:
    return list(render(memory_tree(files), replace(SPEC, **spec), "app", "flux").objects)


def test_objects_are_marked_moved_and_given_their_form() -> None:
    secret = (
        "{apiVersion: v1, kind: Secret, metadata: {name: s, creationTimestamp: null}, stringData: {a: b}, status: {}}"
    )
    objects = made(
        {"deploy/a.yaml": f"{POD}\n---\n{secret}\n"}, common_labels={"team": "x"}, common_annotations={"n": "1"}
    )
    found, pod = objects
    assert found["metadata"] == {
        "name": "s",
        "namespace": "apps",
        "labels": {"team": "x", **OWNER},
        "annotations": {"n": "1"},
    }
    assert found["data"] == {"a": base64.b64encode(b"b").decode()}
    assert "stringData" not in found
    assert "status" not in found
    assert pod["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_images_and_patches_of_the_spec_go_on_top() -> None:
    files = {
        "deploy/kustomization.yaml": "resources: [pod.yaml]\nimages: [{name: web, newTag: '2', newName: mine/web}]\n",
        "deploy/pod.yaml": POD,
    }
    patch = {"patch": "- {op: add, path: /spec/hostNetwork, value: true}", "target": {"kind": "Pod"}}
    pod = made(files, images=({"name": "web", "digest": "sha256:ab"},), patches=(patch,), name_prefix="x-")[0]
    assert pod["spec"]["containers"][0]["image"] == "mine/web@sha256:ab"
    assert (pod["spec"]["hostNetwork"], pod["metadata"]["name"]) == (True, "x-p")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../up", "leads out of the repository"),
        ("deploy/../../up", "leads out of the repository"),
        ("./none", "is not a folder of this revision"),
        ("link", "symbolic links are not followed"),
    ],
)
def test_paths_that_are_refused(path: str, words: str) -> None:
    tree = memory_tree({"deploy/a.yaml": POD}, links={"link": "deploy"})
    with pytest.raises(BuildError, match=words):
        render(tree, replace(SPEC, path=path), "app", "flux")


@pytest.mark.parametrize("path", ["", ".", "./", "/", "deploy", "./deploy/", "/deploy", "deploy/sub/.."])
def test_paths_that_mean_a_folder(path: str) -> None:
    assert len(made({"deploy/a.yaml": POD}, path=path)) == 1


KINDS = st.sampled_from(["ConfigMap", "Secret", "ServiceAccount", "Namespace", "Service"])
NAMES = st.from_regex(r"[a-z]{1,4}", fullmatch=True)


OBJECTS = st.dictionaries(st.tuples(KINDS, NAMES), st.text("abc", max_size=3), min_size=1, max_size=8)


@given(OBJECTS, st.randoms(use_true_random=False))
def test_the_same_files_in_any_order_give_the_same(objects: dict[tuple[str, str], str], rng: Any) -> None:
    texts = [(f"deploy/{kind}-{name}.yaml", OBJECT % (kind, name, v)) for (kind, name), v in objects.items()]
    one = render(memory_tree(dict(texts)), replace(SPEC, target_namespace=""), "app", "flux")
    rng.shuffle(texts)
    two = render(memory_tree(dict(texts)), replace(SPEC, target_namespace=""), "app", "flux")
    assert one.objects == two.objects
    assert one.digest == two.digest
    assert set(one.inventory) == {id_of(obj) for obj in one.objects}
    assert len(one.inventory) == len(objects)


def test_order_of_writing_and_deleting() -> None:
    kinds = ["ValidatingWebhookConfiguration", "Deployment", "ConfigMap", "Namespace", "Canary", "IngressClass"]
    entries = [ObjectId("", "x", "", kind) for kind in kinds]
    assert [entry.kind for entry in in_delete_order(entries)] == [
        "ValidatingWebhookConfiguration",
        "Canary",
        "Deployment",
        "ConfigMap",
        "IngressClass",
        "Namespace",
    ]
    assert [stage_of(entry) for entry in entries] == [2, 2, 2, 0, 2, 1]


def test_runs_of_one_kind() -> None:
    objects = [{"apiVersion": "v1", "kind": kind} for kind in ("A", "A", "B", "A")]
    assert [len(run) for run in same_kind_runs(objects)] == [2, 1, 1]
