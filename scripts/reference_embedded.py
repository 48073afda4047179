"""Pages about the embedded API: what is done with each built-in kind, and where its answers are not the real ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.differential.accepted import ACCEPTED
from volary.embedded.api.registry import BUILTINS
from volary.embedded.api.validation.kinds import RULES

TRANSCRIPTS = Path(__file__).parents[1] / "tests" / "differential" / "transcripts"
ACTED_ON = {
    "/endpoints": "written for Services; mirrored into slices",
    "/events": "old ones are removed",
    "/namespaces": "empties itself, gets an account and an authority",
    "/nodes": "ours runs pods",
    "/pods": "bound to a node, run",
    "/secrets": "tokens of accounts are filled in",
    "/serviceaccounts": "tokens",
    "/services": "endpoints, addresses, traffic",
    "apiextensions.k8s.io/customresourcedefinitions": "served",
    "apps/controllerrevisions": "the templates of a DaemonSet",
    "apps/daemonsets": "pods",
    "apps/deployments": "rollouts",
    "apps/replicasets": "pods",
    "autoscaling/horizontalpodautoscalers": "scales",
    "batch/jobs": "pods, to completion",
    "discovery.k8s.io/endpointslices": "the pods behind a Service",
    "rbac.authorization.k8s.io/clusterrolebindings": "enforced",
    "rbac.authorization.k8s.io/clusterroles": "enforced, aggregated",
    "rbac.authorization.k8s.io/rolebindings": "enforced",
    "rbac.authorization.k8s.io/roles": "enforced",
}


def differences(made: str) -> str:
    """Return the page of accepted differences."""
    paths = [path for path in sorted(TRANSCRIPTS.glob("*.jsonl")) if path.stem != "protobuf"]
    total = sum(len(path.read_text("utf-8").splitlines()) for path in paths)
    same = total - len(ACCEPTED)
    about = f"""\
{total:,} requests and the answers of a real Kubernetes 1.36 are kept with the tests; `make test` asks the embedded
API all of them. {same:,} answers ({same / total:.1%}) are the same: status and whole body, but for uid, times,
resourceVersion and cluster IPs. The others, each with its reason:"""
    return "\n".join(["# Where the embedded API differs", "", made, "", about, "", *by_reason()]) + "\n"


def by_reason() -> Iterator[str]:
    steps: dict[str, list[str]] = defaultdict(list)
    for step, reason in ACCEPTED.items():
        steps[reason].append(step)
    yield from ("| reason | requests |", "|---|---|")
    for reason in sorted(steps):
        yield f"| {reason} | {', '.join(f'`{step}`' for step in sorted(steps[reason]))} |"


def kinds(made: str) -> str:
    """Return the page of the built-in kinds."""
    about = """\
Every kind is stored, defaulted and checked against the schema of Kubernetes 1.36; unknown fields are told as the server
tells them. *Rules*: the server's further validation is there too. *Life*: what acts on the objects; where it is empty,
nothing does."""
    head = ["| kind | API | rules | life |", "|---|---|---|---|"]
    lines = ["# The built-in kinds of the embedded API", "", made, "", about, "", *head]
    for kind in sorted(BUILTINS, key=lambda it: (it.group, it.kind)):
        if "list" in kind.verbs:
            rules = "yes" if kind.resource in RULES else ""
            lines.append(f"| {kind.kind} | `{kind.api_version}` | {rules} | {ACTED_ON.get(kind.resource, '')} |")
    return "\n".join(lines) + "\n"
