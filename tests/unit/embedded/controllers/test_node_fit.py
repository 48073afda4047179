from __future__ import annotations

from typing import Any

import pytest

from volary.embedded.controllers.daemons.pods import belongs
from volary.embedded.controllers.node_fit import fits, named_node, repelled
from volary.embedded.node.scheduling import place

LABELS = {"zone": "a", "cores": "8"}


def node(name: str = "node-1", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": LABELS}, "spec": spec}


def affinity(*rules: tuple[str, str, list[str]], fields: bool = False) -> dict[str, Any]:
    found = [{"key": key, "operator": operator, "values": values} for key, operator, values in rules]
    term = {"matchFields" if fields else "matchExpressions": found}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    }


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, True),
        ({"nodeName": "node-2"}, False),
        ({"nodeSelector": {"zone": "a"}}, True),
        ({"nodeSelector": {"zone": "b"}}, False),
        (affinity(("zone", "In", ["a", "b"])), True),
        (affinity(("zone", "NotIn", ["a"])), False),
        (affinity(("disk", "DoesNotExist", [])), True),
        (affinity(("disk", "Exists", [])), False),
        (affinity(("cores", "Gt", ["4"]), ("cores", "Lt", ["9"])), True),
        (affinity(("cores", "Gt", ["8"])), False),
        (affinity(("disk", "Gt", ["1"])), False),
        (affinity(), False),
        (affinity(("metadata.name", "In", ["node-1"]), fields=True), True),
        (affinity(("metadata.name", "In", ["node-2"]), fields=True), False),
    ],
)
def test_name_selector_and_affinity_decide_where_a_pod_fits(spec: dict[str, Any], wanted: bool) -> None:
    assert fits(spec, node()) == wanted


def test_a_pod_made_for_a_node_names_it() -> None:
    assert named_node(affinity(("metadata.name", "In", ["node-2"]), fields=True)) == "node-2"
    assert named_node({"nodeName": "node-3"}) == "node-3"
    assert named_node(affinity(("zone", "In", ["a"]))) == ""


TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "cpu", "operator": "Exists"}, False),
    ],
)
def test_a_taint_repels_who_does_not_tolerate_it(toleration: dict[str, str], tolerated: bool) -> None:
    found = repelled({"tolerations": [toleration]}, node(taints=[TAINT]))
    assert found == (None if tolerated else TAINT)


def test_daemons_run_where_a_node_is_cordoned_and_stay_where_new_ones_would_not_come() -> None:
    daemon_set: dict[str, Any] = {"spec": {"template": {"spec": {}}}}
    assert belongs(daemon_set, node(unschedulable=True)) == (True, True)
    assert belongs(daemon_set, node(taints=[TAINT])) == (False, True)
    assert belongs(daemon_set, node(taints=[{**TAINT, "effect": "NoExecute"}])) == (False, False)


def test_our_own_node_is_preferred_and_a_refusal_says_why() -> None:
    pod: dict[str, Any] = {"spec": {}}
    assert place(pod, [node("a"), node("b")], "b") == ("b", "")
    assert place(pod, [node("a"), node("b", unschedulable=True)], "b") == ("a", "")
    nodes = [node("a", taints=[TAINT]), node("b", unschedulable=True), node("c", taints=[TAINT])]
    why = "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) had untolerated taint(s)."
    assert place(pod, nodes, "b") == ("", why)
    assert place(pod, [], "b") == ("", "no nodes available to schedule pods")
