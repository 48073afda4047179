"""Random writes to Deployments: the same kinds of writes, and strategic merge patches."""

from __future__ import annotations

import random
from typing import Any

from tests.fuzz.custom_moves import MANAGERS, CustomMoves, move_parts
from tests.fuzz.definition import INT, TEXT, array, mapping, struct
from tests.fuzz.moves import APPLY, STRATEGIC, Move

IMAGE = {**TEXT, "enum": ["web:1", "web:2"]}
ENV = struct(name=TEXT, value=TEXT)
PORT = struct(
    containerPort={**INT, "enum": [80, 81]},
    protocol={**TEXT, "enum": ["TCP", "UDP"], "default": "TCP"},
    name={**TEXT, "enum": ["http", "more"]},
)
QUANTITY = {**TEXT, "enum": ["1", "100m", "1000m", "1Gi", "1024Mi", "0.5"]}
LIMITS = {"type": "object", "properties": {"cpu": QUANTITY, "memory": QUANTITY}}
PROBE = struct(
    httpGet=struct(path={**TEXT, "enum": ["/", "/ok"]}, port={"enum": [80, "http"]}),
    periodSeconds=INT,
    timeoutSeconds={**INT, "enum": [1, 2]},
)
CONTAINER = struct(
    name={**TEXT, "enum": ["c1", "c2"]},
    image=IMAGE,
    args=array(TEXT),
    env=array({**ENV, "required": ["name"]}, "map", "name"),
    ports=array({**PORT, "required": ["containerPort"]}, "map", "containerPort", "protocol"),
    resources=struct(limits=LIMITS, requests=LIMITS),
    readinessProbe=PROBE,
    volumeMounts=array(
        {
            **struct(name={**TEXT, "enum": ["v1", "v2"]}, mountPath={**TEXT, "enum": ["/a", "/b"]}),
            "required": ["mountPath", "name"],
        },
        "map",
        "mountPath",
    ),
    imagePullPolicy={**TEXT, "enum": ["Always", "IfNotPresent"]},
)
VOLUME = struct(name={**TEXT, "enum": ["v1", "v2"]}, emptyDir=struct(), configMap=struct(name={**TEXT, "enum": ["m"]}))
TOLERATION = struct(key=TEXT, operator={**TEXT, "enum": ["Exists"]}, effect={**TEXT, "enum": ["NoSchedule"]})
POD = struct(
    containers=array({**CONTAINER, "required": ["image", "name"]}, "map", "name"),
    volumes=array({**VOLUME, "required": ["name"]}, "map", "name"),
    tolerations=array(TOLERATION),
    nodeSelector={**mapping(TEXT), "x-kubernetes-map-type": "atomic"},
    terminationGracePeriodSeconds={**INT, "enum": [0, 5, 30]},
    serviceAccountName={**TEXT, "enum": ["", "a"]},
    dnsPolicy={**TEXT, "enum": ["Default", "ClusterFirst"]},
    securityContext=struct(runAsUser=INT, runAsNonRoot={"type": "boolean"}),
    hostNetwork={"type": "boolean"},
    imagePullSecrets=array({**struct(name=TEXT), "required": ["name"]}, "map", "name"),
)
ROLLING = struct(maxSurge={"enum": [1, "25%", "50%"]}, maxUnavailable={"enum": [1, "25%"]})
STRATEGY = struct(type={**TEXT, "enum": ["RollingUpdate", "RollingUpdate", "Recreate"]}, rollingUpdate=ROLLING)
TEMPLATE = struct(metadata=struct(labels=mapping(TEXT), annotations=mapping(TEXT)), spec=POD)
SPEC = struct(
    replicas=INT,
    template=TEMPLATE,
    strategy=STRATEGY,
    minReadySeconds=INT,
    paused={"type": "boolean"},
    revisionHistoryLimit=INT,
    progressDeadlineSeconds={**INT, "enum": [60, 600]},
)
CONDITION = struct(
    type={**TEXT, "enum": ["Available", "Progressing"]}, status={**TEXT, "enum": ["True", "False"]}, reason=TEXT
)
STATUS = struct(
    observedGeneration=INT,
    replicas=INT,
    readyReplicas=INT,
    conditions=array({**CONDITION, "required": ["status", "type"]}, "map", "type"),
)
SELECTOR = {"app": "web"}
LISTS = {
    "containers": ("name", CONTAINER),
    "volumes": ("name", VOLUME),
    "imagePullSecrets": ("name", struct(name=TEXT)),
}


class DeploymentMoves(CustomMoves):
    """Draws writes to a few Deployments."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng, "apps", "deployments", {"v1": (SPEC, STATUS)})

    def next(self) -> Move:
        if self.rng.random() < 0.18:
            name = self.rng.choice(("one", "two", "three"))
            path = f"/apis/apps/v1/namespaces/default/deployments/{name}"
            move = self._strategic_status(path) if self.rng.random() < 0.15 else self._strategic(path)
            return Move(path, "strategic", *move_parts(move))
        return super().next()

    def _apply(self, name: str, version: str, path: str) -> Move:
        move = super()._apply(name, version, path)
        config = move.body
        if isinstance(config["spec"], dict) and self.rng.random() < 0.85:
            config = {**config, "spec": self.whole(config["spec"])}
        return Move("", "", "PATCH", move.path, APPLY, config)

    def _post(self, name: str, version: str, path: str) -> Move:
        move = super()._post(name, version, path)
        spec = move.body["spec"]
        return Move(
            "", "", "POST", move.path, body={**move.body, "spec": self.whole(spec if isinstance(spec, dict) else {})}
        )

    def whole(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Return the spec with what a Deployment cannot be without."""
        template = spec.get("template")
        template = dict(template) if isinstance(template, dict) else {}
        meta = template.get("metadata")
        meta = dict(meta) if isinstance(meta, dict) else {}
        labels = meta.get("labels")
        meta["labels"] = {**(labels if isinstance(labels, dict) else {}), **SELECTOR}
        pod = template.get("spec")
        pod = dict(pod) if isinstance(pod, dict) else {}
        if not pod.get("containers"):
            pod["containers"] = [{"name": "c1", "image": self.rng.choice(["web:1", "web:2"])}]
        return {**spec, "selector": {"matchLabels": SELECTOR}, "template": {**template, "metadata": meta, "spec": pod}}

    def _strategic(self, path: str) -> Move:
        body: dict[str, Any] = {"spec": self.directed(self.sparse.of(SPEC))}
        if self.rng.random() < 0.2:
            body["metadata"] = {"labels": {"a": self.rng.choice(["c", None])}}
        return Move("", "", "PATCH", path + self.query(), STRATEGIC, body)

    def _strategic_status(self, path: str) -> Move:
        return Move("", "", "PATCH", f"{path}/status{self.query()}", STRATEGIC, {"status": self.sparse.of(STATUS)})

    def directed(self, spec: Any) -> Any:
        """Return the patch with directives here and there."""
        try:
            pod = spec["template"]["spec"]
        except (KeyError, TypeError):
            return self._replaced(spec)
        if not isinstance(pod, dict):
            return spec
        for name, (key, _) in LISTS.items():
            self._direct_list(pod, name, key)
        for container in pod.get("containers") or ():
            if isinstance(container, dict):
                self._direct_list(container, "env", "name")
                self._direct_list(container, "volumeMounts", "mountPath")
        if self.rng.random() < 0.1:
            pod["$retainKeys"] = sorted(pod)
        return spec

    def _direct_list(self, owner: dict[str, Any], name: str, key: str) -> None:
        items = owner.get(name)
        if not isinstance(items, list) or not all(isinstance(it, dict) for it in items):
            return
        draw = self.rng.random()
        if draw < 0.25:
            order = [{key: it[key]} for it in items if key in it]
            self.rng.shuffle(order)
            owner[f"$setElementOrder/{name}"] = order
        elif draw < 0.35 and items:
            items[0] = {"$patch": "delete", key: items[0].get(key)}
        elif draw < 0.4:
            items.append({"$patch": "replace"})

    def _replaced(self, spec: Any) -> Any:
        if isinstance(spec, dict) and isinstance(spec.get("strategy"), dict) and self.rng.random() < 0.5:
            spec["strategy"]["$patch"] = self.rng.choice(["replace", "merge"])
        elif isinstance(spec, dict) and isinstance(spec.get("strategy"), dict) and self.rng.random() < 0.3:
            spec["strategy"]["$retainKeys"] = sorted(spec["strategy"])
        return spec


__all__ = ["MANAGERS", "DeploymentMoves"]
