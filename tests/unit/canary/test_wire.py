"""Reading and writing Flagger's Canary: real files, refusals, and a status that survives Flagger's own CRD."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.canary.samples import T0, canary
from volary.canary.spec import HookType, Phase, Progress
from volary.canary.wire import definitions, moved, progress_of, spec_of, stalled_status, status_of
from volary.kube.definitions import BadField

REAL = Path(__file__).parents[4] / "shared" / "real"
ABSENT = f"{REAL} is not there: the CRDs and examples of others are compared only where it is"

TEXT = st.text("abcdef0123456789:", min_size=1, max_size=12)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
PROGRESS = st.builds(
    Progress,
    phase=st.sampled_from(sorted(set(Phase) - {Phase.NEW})),
    applied=TEXT | st.just(""),
    promoted=TEXT | st.just(""),
    tracked=st.dictionaries(st.sampled_from(["configmap/a", "secret/b"]), TEXT).map(lambda d: tuple(sorted(d.items()))),
    weight=st.integers(0, 100),
    failed_checks=st.integers(0, 20),
    since=MOMENTS,
    entered=MOMENTS,
    turned=MOMENTS,
)


def pruned(value: Any, schema: Any) -> Any:
    """Return what a server keeps of a value: what the schema names."""
    if isinstance(value, dict) and "properties" in schema:
        return {
            key: pruned(item, schema["properties"][key]) for key, item in value.items() if key in schema["properties"]
        }
    if isinstance(value, list) and "items" in schema:
        return [pruned(item, schema["items"]) for item in value]
    return value


def status_schema() -> Any:
    return definitions()[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]


@given(PROGRESS)
def test_progress_survives_the_status_of_flaggers_definition(progress: Progress) -> None:
    status = status_of(progress, {})
    assert pruned(status, status_schema()) == status
    assert progress_of({"status": status}) == progress


@given(PROGRESS, PROGRESS, MOMENTS)
def test_times_move_only_where_something_moved(old: Progress, new: Progress, now: datetime) -> None:
    after = moved(old, new, now)
    assert after.since == now
    assert after.entered in (now, old.entered)
    assert after.turned in (now, old.turned)
    assert moved(old, old, now).entered == old.entered


def test_a_status_left_by_flagger_is_read() -> None:
    status = {
        "phase": "Progressing",
        "canaryWeight": 20.0,
        "failedChecks": 1,
        "iterations": 0,
        "lastAppliedSpec": "54bbb77544",
        "lastPromotedSpec": "77bf8888bd",
        "lastTransitionTime": "2026-11-24T10:00:00Z",
        "trackedConfigs": {"configmap/a": "241889ca0604e333"},
        "conditions": [{"type": "Promoted", "status": "Unknown", "lastUpdateTime": "2026-11-24T09:00:00Z"}],
    }
    read = progress_of({"status": status})
    assert (read.phase, read.weight, read.failed_checks, read.since) == (Phase.PROGRESSING, 20, 1, T0)
    assert read.entered == T0 - timedelta(hours=1)
    assert read.tracked == (("configmap/a", "241889ca0604e333"),)


@pytest.mark.parametrize("status", [None, {}, {"phase": "Odd", "canaryWeight": "x", "lastTransitionTime": "soon"}])
def test_a_status_that_says_nothing_is_the_beginning(status: Any) -> None:
    assert progress_of({"status": status}) == Progress()


def test_cookies_of_flagger_are_kept() -> None:
    old = {"sessionAffinityCookie": "a=b", "previousSessionAffinityCookie": "c=d", "odd": 1}
    status = status_of(Progress(), old)
    assert {key: status.get(key) for key in old} == {**old, "odd": None}


def test_a_stall_is_a_second_condition_said_once() -> None:
    status = status_of(Progress(Phase.INITIALIZED), {})
    stalled = stalled_status(status, "InvalidSpec", "spec.x is wrong", T0)
    assert stalled is not None
    assert [entry["type"] for entry in stalled["conditions"]] == ["Promoted", "Stalled"]
    assert pruned(stalled, status_schema()) == stalled
    assert stalled_status(stalled, "InvalidSpec", "spec.x is wrong", T0 + timedelta(hours=1)) is None
    assert [entry["type"] for entry in status_of(Progress(), stalled)["conditions"]] == ["Promoted"]


ANALYSIS = {"interval": "10s", "threshold": 2, "maxWeight": 50, "stepWeight": 10}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"provider": "linkerd"}, 'spec.provider "linkerd" is not supported yet; allowed: istio'),
        ({"revertOnDeletion": True}, "spec.revertOnDeletion is not supported yet"),
        ({"service": None}, "spec.service is missing"),
        ({"service": {}}, "spec.service.port is missing"),
        ({"targetRef": {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "x"}}, 'spec.targetRef.kind "DaemonSet"'),
        ({"analysis": {**ANALYSIS, "interval": "0s"}}, 'spec.analysis.interval is "0s"'),
        ({"analysis": {**ANALYSIS, "interval": "soon"}}, "spec.analysis.interval"),
        (
            {"analysis": {"interval": "10s", "threshold": 1, "iterations": 5}},
            "spec.analysis.iterations is not supported",
        ),
        ({"analysis": {**ANALYSIS, "match": [{}]}}, "spec.analysis.match is not supported"),
        ({"analysis": {**ANALYSIS, "mirror": True}}, "spec.analysis.mirror is not supported"),
        ({"analysis": {**ANALYSIS, "sessionAffinity": {"cookieName": "c"}}}, "spec.analysis.sessionAffinity is not"),
        ({"analysis": {"interval": "10s", "threshold": 1}}, "spec.analysis has no steps"),
        (
            {"analysis": {"interval": "10s", "threshold": 1, "stepWeights": [5, 5]}},
            "spec.analysis stepWeights is [5, 5]",
        ),
        (
            {"analysis": {**ANALYSIS, "metrics": [{"name": "x", "templateRef": {"name": "t"}}]}},
            "spec.analysis.metrics[0].templateRef is not supported",
        ),
        ({"analysis": {**ANALYSIS, "metrics": [{"name": "x"}]}}, "spec.analysis.metrics[0] has no query"),
        (
            {"analysis": {**ANALYSIS, "webhooks": [{"name": "gate", "type": "confirm-rollout", "url": "http://g/"}]}},
            'spec.analysis.webhooks[0].type "confirm-rollout" is not supported',
        ),
        (
            {"analysis": {**ANALYSIS, "webhooks": [{"name": "gate", "url": "ftp://g/"}]}},
            'spec.analysis.webhooks[0].url is "ftp://g/"',
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_one_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadField) as caught:
        spec_of(canary(**spec))
    assert str(caught.value).startswith("Canary test/podinfo: spec.")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_defaults_are_flaggers_and_the_interval_is_not_raised() -> None:
    spec = spec_of(canary(analysis={"interval": "1s", "threshold": 0, "stepWeight": 20, "maxWeight": 50}))
    assert (spec.interval, spec.threshold, spec.weights) == (timedelta(seconds=1), 1, (20, 40, 60))
    assert (spec.service.name, spec.service.port, spec.service.target_port) == ("podinfo", 9898, "http")
    assert spec.progress_deadline == timedelta(seconds=600)


def test_alerts_are_named_as_without_effect() -> None:
    spec = spec_of(canary(analysis={**ANALYSIS, "alerts": [{"name": "a", "providerRef": {"name": "slack"}}]}))
    assert spec.ignored == ("spec.analysis.alerts is set, but this version sends no alerts; Events say the same",)


@pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT)
def test_flaggers_own_example_is_understood() -> None:
    spec = spec_of(yaml.safe_load((REAL / "flagger/artifacts/examples/istio-canary.yaml").read_text()))
    assert spec.weights == tuple(range(5, 51, 5))
    assert (spec.service.port, spec.service.target_port, spec.service.timeout) == (80, 9898, "30s")
    assert spec.service.match == ({"uri": {"prefix": "/"}},)
    assert spec.service.traffic_policy == {"tls": {"mode": "DISABLE"}}
    assert [hook.type for hook in spec.hooks] == [HookType.PRE_ROLLOUT, HookType.ROLLOUT]


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield where two schemas differ in names, types and what is kept of unknown fields."""
    for key in ("type", "enum", "pattern", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"):
        one, other = ours.get(key), theirs.get(key)
        if (sorted(one) if key == "enum" and one else one) != (sorted(other) if key == "enum" and other else other):
            yield f"{path}: {key} is {one}, theirs {other}"
    mine, yours = ours.get("properties", {}), theirs.get("properties", {})
    for name in sorted(mine.keys() ^ yours.keys()):
        yield f"{path}.{name} is only {'ours' if name in mine else 'theirs'}"
    for name in sorted(mine.keys() & yours.keys()):
        yield from differences(mine[name], yours[name], f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if (key in ours) != (key in theirs):
            yield f"{path}: {key} is only {'ours' if key in ours else 'theirs'}"
        elif key in ours:
            yield from differences(ours[key], theirs[key], f"{path}[]")


@pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT)
def test_definitions_are_flaggers_in_names_types_and_pruning() -> None:
    text = (REAL / "crds/flagger.app.yaml").read_text()
    theirs = {document["metadata"]["name"]: document for document in yaml.safe_load_all(text) if document}
    assert len(theirs) == 3
    for ours in definitions():
        other = theirs[ours["metadata"]["name"]]
        mine, yours = ours["spec"]["versions"][0], other["spec"]["versions"][0]
        assert ours["spec"]["names"] == other["spec"]["names"]
        assert mine["additionalPrinterColumns"] == yours["additionalPrinterColumns"]
        assert mine["subresources"] == yours["subresources"]
        found = [
            line
            for line in differences(mine["schema"]["openAPIV3Schema"], yours["schema"]["openAPIV3Schema"])
            if not (("gatewayRefs" in line or "backendRef" in line) and ": pattern" in line)  # Gateway API checks them
        ]
        assert not found, "\n".join(found)
