"""JSON <-> spec for GitRepository and Kustomization, statuses included; the only file that knows Flux's spellings.

Other parts of the program read these two kinds through here: `revision_of`, `git_repository_status`,
`kustomization_status`.
Source: Flux source-controller and kustomize-controller v1, API reference; the revision grammar of Flux RFC-0005.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from volary.kube.decoding import BadField, decode
from volary.kube.objects import NewObject, Object, annotations_of, dig, format_time, key_of, parse_time
from volary.sources.revision import Ref, Revision
from volary.sync.durations import format_duration, parse_duration
from volary.sync.schema import GitRepositorySpec, KustomizationSpec
from volary.sync.spec import (
    NEVER_OBSERVED,
    Artifact,
    Attempt,
    Condition,
    Conditions,
    GitRepository,
    GitRepositoryStatus,
    Inventory,
    Kustomization,
    KustomizationStatus,
    ObjectId,
    Reference,
)

T = TypeVar("T")

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
FINALIZER = "finalizers.fluxcd.io"
SHORTEST_TIMEOUT = timedelta(seconds=30)
DEFAULT_BRANCH = "master"

COMMIT = re.compile(r"[0-9a-f]{40}")
NEW_REVISION = re.compile(r"(?:(?P<name>.+)@)?sha1:(?P<commit>[0-9a-f]{40})")
OLD_REVISION = re.compile(r"(?P<name>.+)/(?P<commit>[0-9a-f]{40})")

# Fields of Flux's that we do not do yet. Named, so that the sentence does not call them unknown.
LATER = {
    "GitRepository": (
        "ignore", "include", "proxySecretRef", "recurseSubmodules", "serviceAccountName", "sparseCheckout", "verify",
    ),
    "Kustomization": (
        "buildMetadata", "components", "decryption", "healthCheckExprs", "ignore", "ignoreMissingComponents",
        "kubeConfig", "postBuild", "serviceAccountName",
    ),
}  # fmt: skip


def parse_revision(text: str) -> Revision | None:
    """Return what a revision string says ("main@sha1:…", "sha1:…", the old "main/…"), or None if it says no commit."""
    match = NEW_REVISION.fullmatch(text) or OLD_REVISION.fullmatch(text)
    return Revision(match["commit"], match["name"] or "") if match else None


def revision_of(source: Object) -> Revision | None:
    """Return the revision of a source's artifact, or None while there is none."""
    text = dig(source, "status", "artifact", "revision")
    return parse_revision(text) if isinstance(text, str) else None


def requested_at(obj: Object) -> str:
    """Return the token by which somebody asks for a pass now, "" if nobody does."""
    return str(annotations_of(obj).get(REQUESTED_AT) or "")


# -- specs


def git_repository(obj: Object) -> GitRepository:
    """Return the spec. Raises: BadField, with a sentence for the user."""
    where = f"GitRepository {key_of(obj)}"
    refuse_later(obj, where)
    wire = decode(GitRepositorySpec, obj.get("spec") or {}, where, at="spec", refuse_unknown=True)
    if given(wire.provider, "generic") != "generic":
        message = f"{where}: spec.provider {wire.provider} is not supported; use generic with a Secret"
        raise BadField("spec.provider", message)
    return GitRepository(
        url=wire.url,
        interval=parse_duration(wire.interval),
        timeout=parse_duration(wire.timeout),
        ref=ref(wire, where),
        secret=wire.secret_ref.name if wire.secret_ref is not UNSET else "",
        suspend=given(wire.suspend, False),
    )


def ref(wire: GitRepositorySpec, where: str) -> Ref:
    """Return what to follow; the branch `master` where nothing is said. Raises: BadField."""
    if wire.ref is UNSET:
        return Ref(branch=DEFAULT_BRANCH)
    if given(wire.ref.semver, ""):
        raise BadField("spec.ref.semver", f"{where}: spec.ref.semver is not supported; name a branch, tag or commit")
    made = Ref(
        given(wire.ref.branch, ""), given(wire.ref.tag, ""), given(wire.ref.name, ""), given(wire.ref.commit, "")
    )
    if made.commit and not COMMIT.fullmatch(made.commit):
        message = f'{where}: spec.ref.commit is "{made.commit}"; allowed: a whole hash of 40 hexadecimal digits'
        raise BadField("spec.ref.commit", message)
    for field, value in (("branch", made.branch), ("tag", made.tag), ("name", made.name)):
        if value and not plain_ref(value):
            message = f'{where}: spec.ref.{field} is "{value}", which Git does not allow as the name of a {field}'
            raise BadField(f"spec.ref.{field}", message)
    return made if made != Ref() else Ref(branch=DEFAULT_BRANCH)


def plain_ref(name: str) -> bool:
    """May Git call something so? Refused too: what begins with "-", which the git program would take for an option."""
    if (
        name.startswith(("-", "/"))
        or name.endswith(("/", ".", ".lock"))
        or ".." in name
        or "//" in name
        or "@{" in name
    ):
        return False
    return not re.search(r"[\x00-\x20~^:?*\[\\\x7f]", name.removesuffix("^{}"))


def kustomization(obj: Object) -> Kustomization:
    """Return the spec. Raises: BadField, with a sentence for the user."""
    where = f"Kustomization {key_of(obj)}"
    refuse_later(obj, where)
    wire = decode(KustomizationSpec, obj.get("spec") or {}, where, at="spec", refuse_unknown=True)
    if wire.source_ref.kind != "GitRepository":
        message = f"{where}: spec.sourceRef.kind is {wire.source_ref.kind}; allowed: GitRepository"
        raise BadField("spec.sourceRef.kind", message)
    if wire.force:
        message = f"{where}: spec.force is not supported: it deletes objects to make them anew; delete the one object"
        raise BadField("spec.force", message)
    interval = parse_duration(wire.interval)
    metadata = wire.common_metadata
    return Kustomization(
        source=Reference("GitRepository", wire.source_ref.name, given(wire.source_ref.namespace, "")),
        path=given(wire.path, ""),
        prune=wire.prune,
        interval=interval,
        retry_interval=optional_duration(wire.retry_interval, interval),
        timeout=optional_duration(wire.timeout, max(interval - SHORTEST_TIMEOUT, SHORTEST_TIMEOUT)),
        wait=given(wire.wait, False),
        suspend=given(wire.suspend, False),
        target_namespace=given(wire.target_namespace, ""),
        name_prefix=given(wire.name_prefix, ""),
        name_suffix=given(wire.name_suffix, ""),
        common_labels={} if metadata is UNSET else metadata.labels,
        common_annotations={} if metadata is UNSET else metadata.annotations,
        images=tuple(msgspec.to_builtins(image) for image in wire.images),
        patches=tuple(msgspec.to_builtins(patch) for patch in wire.patches),
        depends_on=tuple(Reference("Kustomization", d.name, given(d.namespace, "")) for d in wire.depends_on),
        health_checks=tuple(
            Reference(c.kind, c.name, given(c.namespace, ""), given(c.api_version, "")) for c in wire.health_checks
        ),
        deletion_policy=given(wire.deletion_policy, "MirrorPrune"),
    )


def refuse_later(obj: Object, where: str) -> None:
    """Refuse by name what Flux has and we do not. Raises: BadField."""
    for field in LATER[str(obj["kind"])]:
        if field in (obj.get("spec") or {}):
            raise BadField(f"spec.{field}", f"{where}: spec.{field} is not supported yet; remove it")


def optional_duration(text: str | UnsetType, default: timedelta) -> timedelta:
    return default if text is UNSET else parse_duration(text)


def given(value: T | UnsetType, default: T) -> T:
    return default if value is UNSET else value


# -- statuses


def git_repository_status(obj: Object) -> GitRepositoryStatus:
    """Return the status, whoever wrote it."""
    status = obj.get("status") or {}
    return GitRepositoryStatus(
        observed_generation=observed_generation(status),
        artifact=artifact(status.get("artifact")),
        conditions=conditions(status),
        handled=str(status.get("lastHandledReconcileAt") or ""),
    )


def artifact(wire: Mapping[str, Any] | None) -> Artifact | None:
    revision = parse_revision(str((wire or {}).get("revision") or ""))
    if wire is None or revision is None:
        return None
    path, url = str(wire.get("path") or ""), str(wire.get("url") or "")
    return Artifact(revision, str(wire.get("digest") or ""), parse_time(wire["lastUpdateTime"]), path, url)


def kustomization_status(obj: Object) -> KustomizationStatus:
    """Return the status, whoever wrote it."""
    status = obj.get("status") or {}
    return KustomizationStatus(
        observed_generation=observed_generation(status),
        conditions=conditions(status),
        inventory=inventory(status),
        applied=str(status.get("lastAppliedRevision") or ""),
        attempted=str(status.get("lastAttemptedRevision") or ""),
        handled=str(status.get("lastHandledReconcileAt") or ""),
        history=tuple(attempt(entry) for entry in status.get("history") or ()),
    )


def observed_generation(status: Mapping[str, Any]) -> int:
    value = status.get("observedGeneration")
    return value if isinstance(value, int) else NEVER_OBSERVED


def conditions(status: Mapping[str, Any]) -> Conditions:
    return tuple(
        Condition(
            type=str(entry.get("type")),
            status=str(entry.get("status")),
            reason=str(entry.get("reason") or ""),
            message=str(entry.get("message") or ""),
            since=parse_time(entry["lastTransitionTime"]) if entry.get("lastTransitionTime") else None,
            generation=int(entry.get("observedGeneration") or 0),
        )
        for entry in status.get("conditions") or ()
    )


def attempt(entry: Mapping[str, Any]) -> Attempt:
    try:
        took = parse_duration(str(entry.get("lastReconciledDuration")))
    except ValueError:
        took = timedelta()  # finer than a millisecond, as Flux may write it
    return Attempt(
        digest=str(entry.get("digest")),
        revision=str((entry.get("metadata") or {}).get("revision") or ""),
        status=str(entry.get("lastReconciledStatus")),
        first=parse_time(entry["firstReconciled"]),
        last=parse_time(entry["lastReconciled"]),
        took=took,
        total=int(entry.get("totalReconciliations") or 1),
    )


def conditions_json(entries: Conditions) -> list[NewObject]:
    """Return conditions as JSON; each has a time by now."""
    return [
        {
            "type": entry.type,
            "status": entry.status,
            "reason": entry.reason,
            "message": entry.message,
            "lastTransitionTime": format_time(entry.since) if entry.since else None,
            "observedGeneration": entry.generation,
        }
        for entry in entries
    ]


def git_repository_status_json(status: GitRepositoryStatus) -> NewObject:
    """Return the status as a merge patch: a field that is None is taken away."""
    made = status.artifact
    return {
        "observedGeneration": status.observed_generation,
        "conditions": conditions_json(status.conditions),
        "lastHandledReconcileAt": status.handled or None,
        "artifact": made
        and {
            "revision": str(made.revision),
            "digest": made.digest,
            "path": made.path,
            "url": made.url,
            "lastUpdateTime": format_time(made.updated),
        },
    }


def kustomization_status_json(status: KustomizationStatus) -> NewObject:
    """Return the status as a merge patch: a field that is None is taken away."""
    return {
        "observedGeneration": status.observed_generation,
        "conditions": conditions_json(status.conditions),
        "inventory": {"entries": inventory_json(status.inventory)} if status.inventory else None,
        "lastAppliedRevision": status.applied or None,
        "lastAttemptedRevision": status.attempted or None,
        "lastHandledReconcileAt": status.handled or None,
        "history": [
            {
                "digest": entry.digest,
                "firstReconciled": format_time(entry.first),
                "lastReconciled": format_time(entry.last),
                "lastReconciledDuration": format_duration(entry.took),
                "lastReconciledStatus": entry.status,
                "totalReconciliations": entry.total,
                "metadata": {"revision": entry.revision},
            }
            for entry in status.history
        ]
        or None,
    }


# -- inventory


def inventory(status: Mapping[str, Any]) -> Inventory:
    """Return the objects of an inventory; an id that cannot be read is left out, as nothing can be done with it."""
    found = {}
    for entry in dig(status, "inventory", "entries") or ():
        known = parse_id(str(entry.get("id")))
        if known is not None:
            found[known] = str(entry.get("v"))
    return found


def inventory_json(entries: Inventory) -> list[NewObject]:
    return [{"id": format_id(entry), "v": entries[entry]} for entry in sorted(entries)]


def parse_id(text: str) -> ObjectId | None:
    """Return the object that `NAMESPACE_NAME_GROUP_KIND` names. Empty parts stay empty, ":" is written "__"."""
    namespace, mark, rest = text.partition("_")
    rest, second, kind = rest.rpartition("_")
    name, third, group = rest.rpartition("_")
    if not (mark and second and third and kind and name):
        return None
    return ObjectId(namespace, name.replace("__", ":"), group, kind)


def format_id(entry: ObjectId) -> str:
    name = entry.name.replace(":", "__")
    return f"{entry.namespace}_{name}_{entry.group}_{entry.kind}"
