"""JSON and back: revisions, specs, statuses, inventories, and the sentences for what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.kube.decoding import BadField
from volary.sources.revision import Ref, Revision
from volary.sync import wire
from volary.sync.durations import format_duration, parse_duration
from volary.sync.spec import (
    Artifact,
    Attempt,
    Condition,
    GitRepositoryStatus,
    KustomizationStatus,
    ObjectId,
    Reference,
)

C = "0123456789abcdef0123456789abcdef01234567"
T0 = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def repository(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "app", "namespace": "apps"},
        "spec": {"url": "https://git.example.com/app", "interval": "1m", **spec},
    }


def kustomization(**spec: Any) -> dict[str, Any]:
    source = {"kind": "GitRepository", "name": "app"}
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "app", "namespace": "apps"},
        "spec": {"interval": "10m", "prune": True, "sourceRef": source, **spec},
    }


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        (f"main@sha1:{C}", Revision(C, "main")),
        (f"refs/pull/1/head@sha1:{C}", Revision(C, "refs/pull/1/head")),
        (f"sha1:{C}", Revision(C)),
        (f"main/{C}", Revision(C, "main")),
        (f"team/main/{C}", Revision(C, "team/main")),
        (C, None),
        ("main@sha1:abc", None),
        (f"main@sha256:{C}", None),
        ("", None),
    ],
)
def test_revision_strings(text: str, revision: Revision | None) -> None:
    assert wire.parse_revision(text) == revision


def test_a_revision_reads_back() -> None:
    for revision in (Revision(C, "main"), Revision(C)):
        assert wire.parse_revision(str(revision)) == revision


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("1h1m1s", 3661)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_defaults_of_a_git_repository() -> None:
    spec = wire.git_repository(repository())
    assert (spec.ref, spec.timeout, spec.secret) == (Ref(branch="master"), timedelta(seconds=60), "")


def test_defaults_of_a_kustomization() -> None:
    spec = wire.kustomization(kustomization())
    assert spec.retry_interval == timedelta(minutes=10)
    assert spec.timeout == timedelta(minutes=9, seconds=30)
    assert wire.kustomization(kustomization(interval="5s")).timeout == timedelta(seconds=30)
    assert spec.source == Reference("GitRepository", "app")


@pytest.mark.parametrize(
    ("obj", "path", "words"),
    [
        (repository(ref={"semver": ">=1"}), "spec.ref.semver", "not supported"),
        (repository(ref={"commit": "abc"}), "spec.ref.commit", "40 hexadecimal"),
        (repository(ref={"branch": "--upload-pack=x"}), "spec.ref.branch", "does not allow"),
        (repository(ref={"tag": "a..b"}), "spec.ref.tag", "does not allow"),
        (repository(interval=5), "spec.interval", "is 5"),
        (repository(verify={"secretRef": {"name": "k"}}), "spec.verify", "not supported yet"),
        (repository(provider="aws"), "spec.provider", "generic"),
        (repository(urll="x"), "spec.urll", 'did you mean "url"'),
        (kustomization(postBuild={}), "spec.postBuild", "not supported yet"),
        (kustomization(force=True), "spec.force", "not supported"),
        (kustomization(sourceRef={"kind": "Bucket", "name": "b"}), "spec.sourceRef.kind", "GitRepository"),
        (kustomization(prune="yes"), "spec.prune", "true or false"),
        (kustomization(interval=None), "spec.interval", "allowed"),
    ],
)
def test_what_is_refused_has_a_sentence(obj: dict[str, Any], path: str, words: str) -> None:
    read = wire.git_repository if obj["kind"] == "GitRepository" else wire.kustomization
    with pytest.raises(BadField) as caught:
        read(obj)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{obj['kind']} apps/app: ")
    assert words in str(caught.value)


CONDITION = Condition("Ready", "True", "Succeeded", "stored", T0, 3)


def test_a_git_repository_status_reads_back() -> None:
    artifact = Artifact(Revision(C, "main"), "sha256:00", T0, "gitrepository/apps/app/x", "http://volary/x")
    status = GitRepositoryStatus(3, artifact, (CONDITION,), "now")
    json = msgspec.json.decode(msgspec.json.encode(wire.git_repository_status_json(status)))
    assert wire.git_repository_status({"status": json}) == status


def test_a_kustomization_status_reads_back() -> None:
    line = Attempt("sha256:11", f"main@sha1:{C}", "ReconciliationSucceeded", T0, T0, timedelta(seconds=1.5), 4)
    entries = {ObjectId("apps", "web", "apps", "Deployment"): "v1", ObjectId("", "apps", "", "Namespace"): "v1"}
    status = KustomizationStatus(2, (CONDITION,), entries, f"main@sha1:{C}", f"main@sha1:{C}", "now", (line,))
    json = msgspec.json.decode(msgspec.json.encode(wire.kustomization_status_json(status)))
    assert wire.kustomization_status({"status": json}) == status


def test_a_status_nobody_wrote_is_never_observed() -> None:
    assert wire.git_repository_status({}) == GitRepositoryStatus()
    assert wire.kustomization_status({"status": {"observedGeneration": -1}}) == KustomizationStatus()


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("_flux-system__Namespace", ObjectId("", "flux-system", "", "Namespace")),
        ("apps_web_apps_Deployment", ObjectId("apps", "web", "apps", "Deployment")),
        (
            "_system__auth_rbac.authorization.k8s.io_Role",
            ObjectId("", "system:auth", "rbac.authorization.k8s.io", "Role"),
        ),
        ("nonsense", None),
    ],
)
def test_inventory_ids(text: str, entry: ObjectId | None) -> None:
    assert wire.parse_id(text) == entry
    if entry is not None:
        assert wire.format_id(entry) == text


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.:]{0,8}[a-z0-9])?", fullmatch=True)
GROUPS = st.sampled_from(["", "apps", "rbac.authorization.k8s.io", "networking.istio.io"])


@given(st.sampled_from(["", "apps", "a-b"]), NAMES, GROUPS, st.sampled_from(["Namespace", "Role"]))
def test_every_id_reads_back(namespace: str, name: str, group: str, kind: str) -> None:
    entry = ObjectId(namespace, name, group, kind)
    assert wire.parse_id(wire.format_id(entry)) == entry
