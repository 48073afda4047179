"""What a Job's author says about failed pods and about enough success: `podFailurePolicy`, `successPolicy`. Pure.

Source: Kubernetes Job controller (`pod_failure_policy.go`, `success_policy.go`), KEP-3329, KEP-3998.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from volary.embedded.api.local import Object
from volary.embedded.controllers.jobs.indexes import read_indexes
from volary.embedded.controllers.objects import name_of, namespace_of, spec_of, status_of


@dataclass(frozen=True, slots=True)
class Ruling:
    """What follows from one failed pod."""

    action: str = ""  # Ignore, Count, FailIndex, FailJob; "" where no rule speaks of it
    message: str = ""  # why the whole Job fails

    @property
    def counts(self) -> bool:
        return self.action != "Ignore"


def judge_failure(job: Object, pod: Object) -> Ruling:
    """Return what the first rule that matches says; without one the failure counts."""
    rules = (spec_of(job).get("podFailurePolicy") or {}).get("rules") or ()
    for place, rule in enumerate(rules):
        what = _by_exit_code(rule["onExitCodes"], pod) if rule.get("onExitCodes") else _by_condition(rule, pod)
        if what:
            action = str(rule["action"])
            text = f"{what} matching {action} rule at index {place}" if action == "FailJob" else ""
            return Ruling(action, text)
    return Ruling()


def _by_exit_code(wanted: Mapping[str, Any], pod: Object) -> str:
    status = status_of(pod)
    for container in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        ended = (container.get("state") or {}).get("terminated")
        if ended is None or not ended.get("exitCode"):
            continue
        if wanted.get("containerName") not in (None, container["name"]):
            continue
        if (ended["exitCode"] in wanted["values"]) == (wanted["operator"] == "In"):
            who = f"Container {container['name']} for pod {namespace_of(pod)}/{name_of(pod)}"
            return f"{who} failed with exit code {ended['exitCode']}"
    return ""


def _by_condition(rule: Mapping[str, Any], pod: Object) -> str:
    patterns = {(each["type"], each.get("status", "True")) for each in rule.get("onPodConditions") or ()}
    for entry in status_of(pod).get("conditions") or ():
        if (entry["type"], entry["status"]) in patterns:
            return f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {entry['type']}"
    return ""


def enough_success(job: Object, done: Collection[int]) -> str:
    """Return which rule of the success policy the finished indexes meet, "" if none."""
    rules = (spec_of(job).get("successPolicy") or {}).get("rules") or ()
    for place, rule in enumerate(rules) if done else ():
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            named = read_indexes(str(rule["succeededIndexes"]), int(spec_of(job).get("completions") or 0))
            met = len(named & frozenset(done))
            enough = bool(named) and (met == len(named) or (count is not None and met >= int(count)))
        else:
            enough = count is not None and len(done) >= int(count)
        if enough:
            return f"Matched rules at index {place}"
    return ""
