"""Policies of Jobs as messages show them: as the server's own types print, all fields there and with capitals.

Source: Kubernetes, pkg/apis/batch/types.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Object = Mapping[str, Any]


def as_it_is(value: Any) -> Any:
    return value


def shown_success_policy(policy: Object | None) -> Any:
    if policy is None:
        return None
    rules = [
        {"SucceededIndexes": it.get("succeededIndexes"), "SucceededCount": it.get("succeededCount")}
        for it in policy.get("rules") or ()
    ]
    return {"Rules": rules or None}


def shown_failure_policy(policy: Object | None) -> Any:
    return None if policy is None else {"Rules": [_failure_rule(it) for it in policy.get("rules") or ()] or None}


def _failure_rule(rule: Object) -> Any:
    codes = rule.get("onExitCodes")
    conditions = [
        {"Type": it.get("type") or "", "Status": it.get("status") or ""} for it in rule.get("onPodConditions") or ()
    ]
    return {
        "Action": rule.get("action") or "",
        "OnExitCodes": None
        if codes is None
        else {
            "ContainerName": codes.get("containerName"),
            "Operator": codes.get("operator") or "",
            "Values": codes.get("values"),
        },
        "OnPodConditions": conditions or None,
    }


SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "podFailurePolicy": shown_failure_policy,
    "successPolicy": shown_success_policy,
}
