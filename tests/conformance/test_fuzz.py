"""One random sequence of writes, to a real API server and to the embedded one: the same answers, managers included.

Three managers apply, merge, patch, scale and write the status of three custom objects. After a difference the object
is deleted on both sides, so that one mistake counts once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.test_testbed import quiet_server
from tests.differential.normal import normal
from tests.differential.real import RealServer
from tests.differential.record import AGENT, body_of, parsed, wait_until_served
from tests.differential.replay import ask, differences, new_server
from tests.differential.scripts.custom import CRDS, definition, rollout
from tests.differential.steps import Step, apply, delete, json_patch, merge, op, post
from volary.embedded.api.server import ApiServer

pytestmark = pytest.mark.conformance
__all__ = ["quiet_server"]

STEPS = 300
LEAST_SAME = 0.98
IGNORED = ("body.message", "body.details.causes")  # of conflicts and errors: words and order; the reason counts


def spec(rng: random.Random) -> dict[str, Any]:
    """Return some fields of a Rollout, mostly valid ones."""
    names = rng.sample("abcd", rng.randint(0, 3))
    steps = [{"name": it} | ({"weight": rng.randint(0, 100)} if rng.random() < 0.7 else {}) for it in names]
    choices: dict[str, Any] = {
        "image": rng.choice(["nginx", "envoy"]),
        "replicas": rng.randint(0, 5),
        "mode": rng.choice(["Canary", "BlueGreen"]),
        "steps": steps,
        "tags": rng.sample("xyz", rng.randint(0, 3)),
        "plain": [rng.randint(0, 3) for _ in range(rng.randint(0, 3))],
        "raw": {rng.choice("pq"): {rng.choice("rs"): rng.randint(0, 2)}},
        "atom": {rng.choice("kl"): rng.choice("vw")},
        "labels": {it: rng.choice("vw") for it in rng.sample("kl", rng.randint(0, 2))},
        "maybe": rng.choice([None, "set"]),
        "nested": rng.choice([{}, {"deep": "er"}]),
    }
    return {key: choices[key] for key in sorted(rng.sample(sorted(choices), rng.randint(1, 4)))}


def step(rng: random.Random, group: str, number: int) -> Step:
    name = rng.choice(["one", "two", "three"])
    path = f"/apis/{group}/v1/namespaces/default/rollouts/{name}"
    who = rng.choice(["m1", "m2", "m3"])
    kind = rng.choices(
        ["apply", "merge", "json", "status", "apply-status", "scale", "delete"], [8, 4, 2, 2, 2, 2, 0.3]
    )[0]
    title = f"{number} {kind} {name}"
    status = {
        "phase": rng.choice("AB"),
        "conditions": [{"type": rng.choice("RS"), "status": rng.choice(["True", "False"])}],
    }
    match kind:
        case "apply":
            config = rollout(group, name, **spec(rng))
            if rng.random() < 0.3:
                config["metadata"]["labels"] = {rng.choice("ab"): rng.choice("cd")}
            return apply(title, path, config, who, force=rng.random() < 0.4)
        case "merge":
            fields = {key: None if rng.random() < 0.2 else value for key, value in spec(rng).items()}
            return merge(title, f"{path}?fieldManager={who}", {"spec": fields})
        case "json":
            return json_patch(title, f"{path}?fieldManager={who}", op("add", "/spec/tags", rng.sample("xyz", 2)))
        case "status":
            return merge(title, f"{path}/status?fieldManager={who}", {"status": status})
        case "apply-status":
            config = {"apiVersion": f"{group}/v1", "kind": "Rollout", "metadata": {"name": name}, "status": status}
            return apply(title, f"{path}/status", config, who, force=rng.random() < 0.5)
        case "scale":
            return merge(title, f"{path}/scale?fieldManager={who}", {"spec": {"replicas": rng.randint(0, 5)}})
    return delete(title, path)


def answers(real: RealServer, ours: ApiServer, one: Step) -> list[tuple[str, Any, Any]]:
    """Return where the two differ in their answers to one step."""
    headers = {"accept": "application/json", "user-agent": AGENT, **one.headers}
    status, answered, content = real.ask(one.method, one.path, headers, body_of(one.body, {}))
    kind = answered.get("content-type", "")
    theirs = {"status": status, "body": normal(parsed(content, kind))}
    answer = ask(ours, {"method": one.method, "path": one.path, "headers": one.headers, "body": one.body}, {})
    mine = {"status": answer.status, "body": normal(json.loads(answer.body))}
    return [it for it in differences(theirs, mine, "") if not it[0].startswith(IGNORED)]


def play(real: RealServer, seed: int) -> Iterator[tuple[Step, list[tuple[str, Any, Any]]]]:
    rng = random.Random(seed)
    group = f"fuzz{seed}.example.com"
    ours = new_server()
    answers(real, ours, post("namespace", "/api/v1/namespaces", {"metadata": {"name": "default"}}))
    answers(real, ours, post("define", CRDS, definition(group)))
    served = f"/apis/{group}/v1/namespaces/default/rollouts"
    wait_until_served(real, served, {"accept": "application/json"})
    for number in range(STEPS):
        one = step(rng, group, number)
        found = answers(real, ours, one)
        yield one, found
        if found:
            name = one.name.split()[-1]
            answers(real, ours, replace(delete("begin anew", f"{served}/{name}"), name="begin anew"))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_writes_have_the_same_answers(quiet_server: RealServer, seed: int) -> None:
    wrong = [(one, found) for one, found in play(quiet_server, seed) if found]
    shown = "\n".join(f"{one.name}: {json.dumps(one.body)}\n   {found[:3]}" for one, found in wrong)
    assert len(wrong) <= (1 - LEAST_SAME) * STEPS, shown
