"""Podinfo as people write it: Deployment, HPA and Canary, small."""

from __future__ import annotations

from typing import Any

V1, V2, V3 = (f"ghcr.io/stefanprodan/podinfo:6.{minor}.0" for minor in (0, 1, 2))
TESTER = "http://flagger-loadtester.test/"


def deployment(image: str = V1, **spec: Any) -> dict[str, Any]:
    container = {
        "name": "podinfod",
        "image": image,
        "ports": [{"name": "http", "containerPort": 9898}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "podinfo"}},
            "template": {"metadata": {"labels": {"app": "podinfo"}}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def autoscaler() -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "minReplicas": 2,
            "maxReplicas": 4,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 99}},
                }
            ],
        },
    }


def canary(interval: str = "10s", **spec: Any) -> dict[str, Any]:
    hooks = [
        {"name": "acceptance-test", "type": "pre-rollout", "url": TESTER, "timeout": "10s"},
        {"name": "load-test", "type": "rollout", "url": TESTER, "metadata": {"cmd": "hey"}},
    ]
    metrics = [
        {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
        {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "30s"},
    ]
    analysis = {
        "interval": interval,
        "threshold": 2,
        "maxWeight": 50,
        "stepWeight": 10,
        "metrics": metrics,
        "webhooks": hooks,
    }
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {
            "provider": "istio",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "autoscalerRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "podinfo"},
            "service": {"port": 9898, "targetPort": "http"},
            "analysis": analysis,
            **spec,
        },
    }
