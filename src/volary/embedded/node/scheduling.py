"""The scheduler in small: which node a new pod is bound to, or why none will do. Pure.

The node that runs pods is preferred. Another Node that a person made is taken where only that one fits; nothing runs
there, as with a kubelet that is dead.
Source: Kubernetes scheduler (`FitError`, plugins NodeAffinity, TaintToleration, NodeUnschedulable).
"""

from __future__ import annotations

from collections.abc import Sequence

from volary.embedded.api.local import Object
from volary.embedded.controllers.node_fit import fits, repelled
from volary.embedded.controllers.objects import name_of, spec_of


def place(pod: Object, nodes: Sequence[Object], ours: str) -> tuple[str, str]:
    """Return the name of a node and "", or "" and why there is none."""
    spec, reasons = spec_of(pod), dict[str, int]()
    for node in sorted(nodes, key=lambda it: (name_of(it) != ours, name_of(it))):
        reason = _unfit(spec, node)
        if not reason:
            return name_of(node), ""
        reasons[reason] = reasons.get(reason, 0) + 1
    if not reasons:
        return "", "no nodes available to schedule pods"
    texts = sorted(f"{count} {reason}" for reason, count in reasons.items())
    return "", f"0/{len(nodes)} nodes are available: {', '.join(texts)}."


def _unfit(spec: Object, node: Object) -> str:
    taint = repelled(spec, node)
    if taint is not None and taint["key"] == "node.kubernetes.io/unschedulable":
        return "node(s) were unschedulable"
    if taint is not None:
        return "node(s) had untolerated taint(s)"
    return "" if fits(spec, node) else "node(s) didn't match Pod's node affinity/selector"
