from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.embedded.small_cluster import Small, job, play
from volary.embedded.controllers.jobs.backoff import Record
from volary.embedded.controllers.jobs.indexes import first_free, name_prefix, read_indexes, write_indexes
from volary.embedded.controllers.jobs.look import TRACKING
from volary.embedded.controllers.jobs.policy import enough_success, judge_failure
from volary.embedded.controllers.objects import condition, format_time, meta, name_of, status_of

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "indexes"),
    [("", ()), ("0", (0,)), ("0,1", (0, 1)), ("0-2", (0, 1, 2)), ("1,3-5,7,8", (1, 3, 4, 5, 7, 8))],
)
def test_indexes_are_written_as_runs_and_read_back(text: str, indexes: tuple[int, ...]) -> None:
    assert write_indexes(indexes) == text
    assert read_indexes(text, 100) == frozenset(indexes)


def test_indexes_beyond_the_job_and_broken_ones_are_left_out() -> None:
    assert read_indexes("1-9,x,20,2-y", 4) == frozenset({1, 2, 3})
    assert first_free({0, 2}, 2, 4) == [1, 3]
    assert first_free({0, 1}, 5, 3) == [2]
    assert len(name_prefix({"metadata": {"name": "a" * 63}}, 12)) == 58


def ended(seconds: float, code: int = 1, name: str = "main") -> dict[str, Any]:
    """Return a pod that ended some seconds after noon."""
    state = {"terminated": {"exitCode": code, "finishedAt": format_time(NOON + timedelta(seconds=seconds))}}
    status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [{"name": name, "state": state}]}
    return {"metadata": {"name": "pod", "namespace": "test", "creationTimestamp": format_time(NOON)}, "status": status}


def test_each_failure_doubles_the_wait_and_a_success_ends_it() -> None:
    one = Record().after([], [ended(0)])
    assert one.wait(NOON + timedelta(seconds=4)) == 6
    three = one.after([], [ended(10), ended(11)])
    assert three.wait(NOON + timedelta(seconds=11)) == 40
    assert Record(20, NOON).wait(NOON) == 600
    assert three.after([ended(12, 0)], []) == Record()
    assert three.after([ended(12, 0)], [ended(11), ended(13)]).failures == 1


def test_the_first_rule_that_matches_judges_a_failure() -> None:
    rules: list[dict[str, Any]] = [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42], "containerName": "main"}},
        {"action": "Count", "onExitCodes": {"operator": "NotIn", "values": [3]}},
    ]
    policy = {"spec": {"podFailurePolicy": {"rules": rules}}}
    wanted = "Container main for pod test/pod failed with exit code 42 matching FailJob rule at index 1"
    assert judge_failure(policy, ended(0, 42)).message == wanted
    assert judge_failure(policy, ended(0, 42, "other")).action == "Count"
    assert judge_failure(policy, ended(0, 3)).action == ""
    gone = ended(0, 42)
    gone["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
    assert not judge_failure(policy, gone).counts


def test_a_success_policy_wants_indexes_or_a_count_of_them() -> None:
    def met(done: set[int], **rule: Any) -> str:
        return enough_success({"spec": {"completions": 5, "successPolicy": {"rules": [rule]}}}, done)

    assert met({1, 2}, succeededIndexes="1-3") == ""
    assert met({1, 2, 3}, succeededIndexes="1-3") == "Matched rules at index 0"
    assert met({1, 2}, succeededIndexes="1-3", succeededCount=2) == "Matched rules at index 0"
    assert met({0, 4}, succeededCount=2) == "Matched rules at index 0"
    assert met({0}, succeededCount=2) == ""


def test_failed_containers_are_started_again_until_there_are_too_many() -> None:
    async def story(cluster: Small) -> None:
        again = job("exit 1", restartPolicy="OnFailure", backoffLimit=2)
        cluster.local.create("batch/jobs", again, "kubectl")
        await asyncio.sleep(60)
        found = condition(cluster.get("batch/jobs", "work"), "Failed") or {}
        assert found["reason"] == "BackoffLimitExceeded"
        assert cluster.pods() == []

    play(story)


def test_a_job_of_another_controller_is_left_alone() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("batch/jobs", job(managedBy="example.com/other"), "kubectl")
        await asyncio.sleep(10)
        assert cluster.pods() == []
        assert not status_of(cluster.get("batch/jobs", "work"))

    play(story)


@pytest.mark.parametrize(("policy", "left"), [("Background", 0), ("Foreground", 0), ("Orphan", 1), ("", 1)])
def test_pods_of_a_deleted_job_lose_their_finalizer(policy: str, left: int) -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("batch/jobs", job("sleep 100"), "kubectl")
        await asyncio.sleep(5)
        cluster.local.delete("batch/jobs", "test", "work", policy=policy)
        await asyncio.sleep(5)
        assert cluster.local.get("batch/jobs", "test", "work") is None
        assert len(cluster.pods()) == left
        assert not any(TRACKING in (meta(pod).get("finalizers") or ()) for pod in cluster.pods())

    play(story)


def test_a_pod_that_fits_is_adopted_and_counted() -> None:
    async def story(cluster: Small) -> None:
        orphaned = job("sleep 5")
        cluster.local.create("batch/jobs", orphaned, "kubectl")
        await asyncio.sleep(2)
        (pod,) = cluster.pods()
        before = {**pod, "metadata": {**meta(pod), "ownerReferences": []}}
        cluster.local.update("/pods", before, "kubectl")
        await asyncio.sleep(0.1)
        assert meta(cluster.get("/pods", name_of(pod)))["ownerReferences"][0]["name"] == "work"
        await asyncio.sleep(10)
        assert status_of(cluster.get("batch/jobs", "work"))["succeeded"] == 1

    play(story)
