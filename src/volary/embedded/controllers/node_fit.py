"""Whether a pod may run on a node: its name, selector, required affinity, and the node's taints. Pure.

Source: Kubernetes scheduler plugins NodeName, NodeAffinity, TaintToleration, NodeUnschedulable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volary.embedded.api.local import Object
from volary.embedded.controllers.objects import labels_of, name_of, spec_of

UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
BLOCKING = ("NoSchedule", "NoExecute")

Rule = Mapping[str, Any]


def fits(spec: Object, node: Object) -> bool:
    """Do name, selector and required affinity of a pod's spec allow the node? Taints are another question."""
    if spec.get("nodeName") not in (None, "", name_of(node)):
        return False
    if any(labels_of(node).get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    terms = _required(spec)
    return terms is None or any(_matches(term, node) for term in terms)


def named_node(spec: Object) -> str:
    """Return the one node that a pod is bound to, or was made for; "" if it may choose."""
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    for term in _required(spec) or ():
        rules: Sequence[Rule] = term.get("matchFields") or ()
        for rule in rules:
            values: Sequence[str] = rule.get("values") or ()
            if (rule.get("key"), rule.get("operator"), len(values)) == ("metadata.name", "In", 1):
                return str(values[0])
    return ""


def _required(spec: Object) -> list[Rule] | None:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else list(required.get("nodeSelectorTerms") or ())


def _matches(term: Rule, node: Object) -> bool:
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not labels and not fields:
        return False  # an empty term matches nothing
    known = {"metadata.name": name_of(node)}
    return all(_meets(rule, labels_of(node)) for rule in labels) and all(_meets(rule, known) for rule in fields)


def _meets(rule: Rule, values: Mapping[str, str]) -> bool:
    value = values.get(rule["key"])
    wanted: Sequence[str] = rule.get("values") or ()
    match rule["operator"]:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not (value.lstrip("-").isdigit() and len(wanted) == 1):
                return False
            return int(value) > int(wanted[0]) if operator == "Gt" else int(value) < int(wanted[0])
    return False


def repelled(spec: Object, node: Object, effects: Iterable[str] = BLOCKING) -> Rule | None:
    """Return the first taint of these effects that the pod does not tolerate, None if there is none."""
    taints = [*(spec_of(node).get("taints") or ())]
    if spec_of(node).get("unschedulable"):
        taints.append(UNSCHEDULABLE)
    tolerations = spec.get("tolerations") or ()
    for taint in taints:
        if taint.get("effect") in effects and not any(_tolerates(each, taint) for each in tolerations):
            return dict(taint)
    return None


def _tolerates(toleration: Rule, taint: Rule) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") not in (None, "", taint.get("key")):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
