"""Random roles and bindings, on a real API server and on the embedded one: the same questions have the same answers.

What is asked: may somebody do something, and may they give a right to somebody else.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conformance.test_testbed import quiet_server
from tests.differential.real import RealServer
from tests.differential.replay import new_server
from volary.embedded.api.server import ApiServer
from volary.kube.transport import Request, Response

pytestmark = pytest.mark.conformance
__all__ = ["quiet_server"]

GROUP = "rbac.authorization.k8s.io"
ROOT = f"/apis/{GROUP}/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
VERBS = ["get", "list", "watch", "create", "impersonate", "bind", "escalate", "*"]
GROUPS = ["", "apps", GROUP, "x.example.com", "*"]
RESOURCES = ["pods", "pods/log", "*", "*/scale", "*/log", "deployments", "deployments/scale", "pods/*", "roles"]
URLS = ["/healthz", "/logs/*", "*", "/a", "/a/*", "/a*"]
STAFF = ["staff", "builders", "system:authenticated"]
# The real server goes through bindings in the random order of a map, so its list of those that lead nowhere varies.
ABSENT = re.compile(r"(resolution errors|RBAC): .*", re.DOTALL)

Answer = tuple[int, str]


@dataclass
class Both:
    """The two servers, and a source of chance."""

    real: RealServer
    seed: int
    ours: ApiServer = field(default_factory=new_server)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.namespaces = [f"rights-{self.seed}-{it}" for it in ("a", "b")]
        self.users = ["anna", "ben", f"system:serviceaccount:{self.namespaces[0]}:robot"]
        self.made: list[str] = []

    def some(self, words: list[str], most: int = 2) -> list[str]:
        return self.rng.sample(words, self.rng.randint(1, most))

    def post(self, path: str, body: Any, **headers: str) -> tuple[Any, Any]:
        """Return what both say."""
        sent = {"content-type": "application/json", "accept": "application/json", **headers}
        raw = json.dumps(body).encode()
        status, _, content = self.real.ask("POST", path, sent, raw)
        ours = self.ours.handle(Request("POST", path, {}, sent, raw))
        assert isinstance(ours, Response)
        if status == 201 and "/namespaces/" not in path and path != REVIEWS:
            self.made.append(f"{path}/{body['metadata']['name']}")
        return (status, json.loads(content)), (ours.status, json.loads(ours.body))

    def forget(self) -> None:
        """Take away what was made in the real server."""
        for path in reversed(self.made):
            self.real.ask("DELETE", path, {}, None)


def rule(at: Both, cluster: bool) -> dict[str, Any]:
    if cluster and at.rng.random() < 0.25:
        return {"nonResourceURLs": at.some(URLS), "verbs": at.some(["get", "post", "*"])}
    found = {"verbs": at.some(VERBS), "apiGroups": at.some(GROUPS), "resources": at.some(RESOURCES)}
    return found | ({"resourceNames": at.some(["one", "two"])} if at.rng.random() < 0.3 else {})


def subject(at: Both) -> dict[str, str]:
    return at.rng.choice(
        [
            {"kind": "User", "name": at.rng.choice(at.users)},
            {"kind": "Group", "name": at.rng.choice(STAFF[:2])},
            {"kind": "ServiceAccount", "name": "robot", "namespace": at.rng.choice(at.namespaces)},
        ]
    )


def binding(at: Both, name: str, kind: str, role: str) -> dict[str, Any]:
    reference = {"apiGroup": GROUP, "kind": kind, "name": role}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject(at), subject(at)]}


def furnish(at: Both) -> None:
    for name in at.namespaces:
        at.post("/api/v1/namespaces", {"metadata": {"name": name}})
    for number in range(12):
        name, namespace = f"rights-{at.seed}-{number}", f"{ROOT}/namespaces/{at.rng.choice(at.namespaces)}"
        at.post(f"{ROOT}/clusterroles", {"metadata": {"name": name}, "rules": [rule(at, True), rule(at, True)]})
        at.post(f"{namespace}/roles", {"metadata": {"name": name}, "rules": [rule(at, False), rule(at, False)]})
        if at.rng.random() < 0.4:
            role = at.rng.choice([name, name, "rights-nowhere"])
            at.post(f"{ROOT}/clusterrolebindings", binding(at, name, "ClusterRole", role))
        at.post(f"{namespace}/rolebindings", binding(at, name, at.rng.choice(["Role", "ClusterRole"]), name))


def question(at: Both) -> dict[str, Any]:
    who = {"user": at.rng.choice(at.users), "groups": at.some(STAFF, 3)}
    choose = at.rng.choice
    if at.rng.random() < 0.2:
        path = choose(["/healthz", "/logs/x", "/a", "/a/b", "/ab", "/zzz", "/version"])
        return {"spec": {**who, "nonResourceAttributes": {"path": path, "verb": choose(["get", "post", "put"])}}}
    about = {
        "verb": choose([*VERBS[:-1], "delete"]),
        "group": choose(GROUPS[:-1]),
        "resource": choose(["pods", "deployments", "roles"]),
        "subresource": choose(["", "", "log", "scale"]),
        "namespace": choose([*at.namespaces, ""]),
        "name": choose(["", "one", "two", "three"]),
    }
    return {"spec": {**who, "resourceAttributes": about}}


def gift(at: Both, number: int) -> tuple[Answer, Answer]:
    """Let somebody make a role or a binding; return what both say."""
    headers = {"impersonate-user": at.rng.choice(at.users), "impersonate-group": at.rng.choice(STAFF[:2])}
    place = f"{ROOT}/namespaces/{at.rng.choice(at.namespaces)}"
    name = f"rights-{at.seed}-gift-{number}"
    match at.rng.randrange(3):
        case 0:
            path, body = f"{place}/roles", {"metadata": {"name": name}, "rules": [rule(at, False)]}
        case 1:
            path, body = f"{ROOT}/clusterroles", {"metadata": {"name": name}, "rules": [rule(at, True)]}
        case _:
            kind, role = at.rng.choice(["Role", "ClusterRole"]), f"rights-{at.seed}-{at.rng.randrange(13)}"
            path, body = f"{place}/rolebindings", binding(at, name, kind, role)
    real, ours = at.post(path, body, **headers)
    return told(real), told(ours)


def told(answer: tuple[int, Any]) -> Answer:
    return answer[0], ABSENT.sub(r"\1", answer[1].get("message", ""))


def settled(at: Both) -> None:
    """Wait until the real server, which hears of roles a little later, decides by the last of them."""
    last = f"rights-{at.seed}-last"
    at.post(
        f"{ROOT}/clusterroles",
        {"metadata": {"name": last}, "rules": [{"nonResourceURLs": [f"/{last}"], "verbs": ["get"]}]},
    )
    at.post(
        f"{ROOT}/clusterrolebindings",
        {**binding(at, last, "ClusterRole", last), "subjects": [{"kind": "User", "name": last}]},
    )
    spec = {"user": last, "nonResourceAttributes": {"path": f"/{last}", "verb": "get"}}
    for _ in range(1_000):
        if at.post(REVIEWS, {"spec": spec})[0][1]["status"]["allowed"]:
            return
    raise AssertionError("the real server does not hear of new roles")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_is_allowed_and_the_same_refused(quiet_server: RealServer, seed: int) -> None:
    at = Both(quiet_server, seed)
    try:
        furnish(at)
        settled(at)
        allowed = 0
        for _ in range(300):
            asked = question(at)
            real, ours = (it[1]["status"] for it in at.post(REVIEWS, asked))
            assert real["allowed"] == ours["allowed"], asked
            allowed += real["allowed"]
        assert 10 < allowed < 290, "questions that all have one answer say nothing"
        for number in range(100):
            real_told, ours_told = gift(at, number)
            assert real_told == ours_told
    finally:
        at.forget()
