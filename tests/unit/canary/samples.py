"""Objects and facts that several tests start from: a canary of podinfo, as in the demo, and a healthy run of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from volary.canary.facts import Answer, Facts, Names, Outcome, Workload
from volary.canary.hashes import trial_of
from volary.canary.plan import HOOK, METRIC, Question
from volary.canary.rules import question_step
from volary.canary.spec import Autoscaler, Hook, HookType, Metric, Phase, Progress, Service, Spec

T0 = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)
OLD, NEW, THIRD = "v1:old", "v1:new", "v1:third"

SPEC = Spec(
    target="podinfo",
    service=Service("podinfo", 9898),
    weights=(10, 20, 30, 40, 50),
    interval=INTERVAL,
    threshold=2,
    metrics=(
        Metric("request-success-rate", timedelta(minutes=1), low=99.0),
        Metric("request-duration", timedelta(seconds=30), high=500.0, interval_text="30s"),
    ),
    hooks=(
        Hook("acceptance-test", HookType.PRE_ROLLOUT, "http://tester.test/"),
        Hook("load-test", HookType.ROLLOUT, "http://tester.test/"),
    ),
    autoscaler=Autoscaler("podinfo"),
)
READY = Workload(2, ready=True, serving=True)
NOT_READY = Workload(2, because="waiting for rollout to finish: 0 of 2 updated replicas are available")
HOPELESS = Workload(2, hopeless=True, because='deployment "podinfo" exceeded its progress deadline')
EMPTY = Workload(0, ready=True)
GOOD = Answer(Outcome.VALUE, T0 + INTERVAL, 100.0)
YES = Answer(Outcome.YES, T0 + INTERVAL)


def progress(**differs: Any) -> Progress:
    base = Progress(Phase.PROGRESSING, NEW, OLD, (), 20, 0, T0, T0, T0)
    return replace(base, **differs)


def facts(**differs: Any) -> Facts:
    """Return a run at 20 %, an interval old, with everything healthy, but for what differs."""
    base = Facts(
        names=Names("podinfo.test", "podinfo.test", "podinfo-primary.test"),
        spec=SPEC,
        progress=progress(),
        revision=NEW,
        target=READY,
        primary=READY,
        primary_trial=trial_of(OLD, ()),
        scale_to=2,
        weight=20,
    )
    return replace(base, **differs)


def at_rest(**differs: Any) -> Facts:
    base = facts(
        progress=progress(phase=Phase.SUCCEEDED, applied=OLD, promoted=OLD, weight=0),
        revision=OLD,
        same=True,
        target=EMPTY,
        weight=0,
    )
    return replace(base, **differs)


def answered(at: Progress, *answers: Answer, spec: Spec = SPEC) -> dict[Question, Answer]:
    """Return answers to the rollout hook and the metrics of a step, in this order."""
    step = question_step(at)
    asked = [
        *(
            Question(step, HOOK, index, hook.name)
            for index, hook in enumerate(spec.hooks)
            if hook.type is (HookType.ROLLOUT if at.weight else HookType.PRE_ROLLOUT)
        ),
        *(Question(step, METRIC, index, metric.name) for index, metric in enumerate(spec.metrics)),
    ]
    return dict(zip(asked, answers, strict=False))


def canary(**spec: Any) -> dict[str, Any]:
    """Return the demo's Canary as an object."""
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "test", "uid": "u1", "generation": 1, "resourceVersion": "1"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "autoscalerRef": {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "name": "podinfo",
            },
            "service": {"port": 9898, "targetPort": "http"},
            "analysis": {"interval": "10s", "threshold": 2, "maxWeight": 50, "stepWeight": 10},
            **spec,
        },
    }


def deployment(**template_spec: Any) -> dict[str, Any]:
    """Return the target as an object."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "podinfo",
            "namespace": "test",
            "uid": "d1",
            "generation": 1,
            "annotations": {"kustomize.toolkit.fluxcd.io/checksum": "x", "team": "a"},
        },
        "spec": {
            "replicas": 2,
            "minReadySeconds": 5,
            "selector": {"matchLabels": {"app": "podinfo"}},
            "template": {
                "metadata": {"labels": {"app": "podinfo"}, "annotations": {"prometheus.io/scrape": "true"}},
                "spec": {
                    "containers": [
                        {
                            "name": "podinfod",
                            "image": "podinfo:6.0.0",
                            "ports": [
                                {"name": "http", "containerPort": 9898},
                                {"name": "http-metrics", "containerPort": 9797},
                                {"containerPort": 9999},
                            ],
                        }
                    ],
                    **template_spec,
                },
            },
        },
    }
