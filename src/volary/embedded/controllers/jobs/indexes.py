"""Completion indexes of an Indexed Job: which are done, which have failed, which come next. Pure.

The API writes a set of indexes as text: runs of three and more with a dash, `1,3-5,7`.
Source: Kubernetes Job controller (`indexed_job_utils.go`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import annotations_of, name_of, spec_of

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
VARIABLE = "JOB_COMPLETION_INDEX"
LONGEST_PREFIX = 58  # of a generated name; what follows is five random letters


def indexed(job: Object) -> bool:
    return bool(spec_of(job).get("completionMode") == "Indexed")


def index_of(pod: Object) -> int | None:
    """Return the completion index of a pod, None if it has no usable one."""
    text = str(annotations_of(pod).get(INDEX) or "")
    return int(text) if text.isdigit() else None


def index_within(pod: Object, job: Object) -> int | None:
    """Return the pod's index if the Job (still) has it."""
    index = index_of(pod)
    return index if index is not None and index < int(spec_of(job).get("completions") or 0) else None


def failures_of(pod: Object) -> int:
    """Return how often this index had failed before this pod."""
    return _count(pod, FAILURES)


def all_failures_of(pod: Object) -> int:
    """Return the same with those that a failure policy ignored."""
    return _count(pod, FAILURES) + _count(pod, IGNORED_FAILURES)


def _count(pod: Object, annotation: str) -> int:
    text = str(annotations_of(pod).get(annotation) or "0")
    return int(text) if text.isdigit() else 0


def read_indexes(text: str, completions: int) -> frozenset[int]:
    """Return the set that a text names, without what lies beyond the Job; what is no number is left out."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first.isdigit() and (last.isdigit() or not dash):
            found.update(range(int(first), min(int(last or first), completions - 1) + 1))
    return frozenset(found)


def write_indexes(indexes: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(_run(run) for run in runs)


def _run(run: list[int]) -> str:
    return ",".join(map(str, run)) if len(run) < 3 else f"{run[0]}-{run[-1]}"


def first_free(taken: Collection[int], count: int, completions: int) -> list[int]:
    """Return the lowest `count` indexes that are not taken."""
    free: list[int] = []
    for index in range(completions):
        if len(free) >= count:
            break
        if index not in taken:
            free.append(index)
    return free


def name_prefix(job: Object, index: int) -> str:
    suffix = f"-{index}-"
    return name_of(job)[: LONGEST_PREFIX - len(suffix)] + suffix


def give_index(pod: NewObject, job: Object, index: int) -> None:
    """Tell a new pod which index it works on: by name, label, annotation, hostname and variable."""
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["generateName"] = name_prefix(job, index)
    metadata["annotations"] = {**(metadata.get("annotations") or {}), INDEX: str(index)}
    metadata["labels"] = {**(metadata.get("labels") or {}), INDEX: str(index)}
    spec["hostname"] = f"{name_of(job)}-{index}"
    field = {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        variables = list(container.get("env") or ())
        if all(each.get("name") != VARIABLE for each in variables):
            container["env"] = [*variables, {"name": VARIABLE, "valueFrom": {"fieldRef": field}}]
