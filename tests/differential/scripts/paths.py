"""Discovery, health, and paths that are not there."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

from tests.differential.steps import Script, Step, get

AGGREGATED = {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"}

SCRIPTS = [
    Script(
        "paths",
        (
            get("version", "/version"),
            get("api", "/api"),
            get("core", "/api/v1"),
            get("group", "/apis/autoscaling"),
            get("apps", "/apis/apps/v1"),
            get("core, all in one", "/api", AGGREGATED),
            get("ready", "/readyz"),
            get("live", "/livez"),
            get("healthy", "/healthz"),
            get("ping", "/livez/ping"),
            get("no such check", "/livez/nope"),
            get("no such path", "/nope"),
            get("no such group", "/apis/nope"),
            get("no such version", "/apis/apps/v9"),
            get("no such core version", "/api/v2"),
            get("no such resource", "/apis/apps/v1/nopes"),
            get("no such resource of a group that is not there", "/apis/nope/v1/nopes"),
            get("no such resource in a namespace", "/apis/apps/v1/namespaces/default/nopes"),
            get("OpenAPI of nothing", "/openapi/v3/apis/nope/v1"),
            Step("a write to discovery", "POST", "/apis/apps/v1", {}, {"content-type": "application/json"}),
            Step("a write to a collection of the cluster", "PUT", "/api/v1/namespaces", {}, {"content-type": "application/json"}),
            get("namespaced kind without a namespace", "/api/v1/configmaps?fieldSelector=metadata.name%3Dnope"),
            Step("create without a namespace", "POST", "/api/v1/configmaps", {"metadata": {"name": "x"}},
                 {"content-type": "application/json"}),
            get("one without a namespace", "/api/v1/configmaps/x"),
            get("cluster kind in a namespace", "/api/v1/namespaces/default/nodes"),
            get("cluster kind by name in a namespace", "/api/v1/namespaces/default/nodes/x"),
        ),
    ),
]  # fmt: skip
