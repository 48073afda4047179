"""Record how a real control plane leads workloads through the stories.

    DIFF_KUBECONFIG=… python -m tests.differential.life.record [NAME …]

Needs a cluster of the testbed with three nodes: its nodes play the pods. Writes `recorded.json`; the unit tests of the
controllers play the same stories in virtual time and compare. Namespaces `life-…` are made and removed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.differential.life.digest import Change, digest
from tests.differential.life.stories import ALL, NAME, Act, Object, Story
from tests.differential.real import RealServer

RECORDED = Path(__file__).parent / "recorded.json"
OF_APPS = ("apps/daemonsets", "apps/deployments", "apps/replicasets", "apps/controllerrevisions")
WATCHED = ("batch/jobs", "/pods", "/events", *OF_APPS)
NEVER = threading.Event()  # its wait is a pause: the real control plane knows no virtual time
AT_ONCE = 6  # stories, so that the controllers keep up
PATCH = {"content-type": "application/strategic-merge-patch+json"}


def path(namespace: str, resource: str, name: str = "") -> str:
    group, _, plural = resource.partition("/")
    root = f"/apis/{group}/v1" if group else "/api/v1"
    return f"{root}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def play(server: RealServer, story: Story, number: int) -> Object:
    """Play one story in a namespace of its own; return its digest."""
    namespace = f"life-{number}-{os.getpid()}"
    server.json("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    changes: list[Change] = []
    try:
        watches = [threading.Thread(target=watch, args=(server, namespace, it, story, changes)) for it in WATCHED]
        for each in watches:
            each.start()
        NEVER.wait(0.5)  # until every watch is open
        began = time.monotonic()
        server.json("POST", path(namespace, story.resource), story.body)
        for act in story.acts:
            NEVER.wait(max(0.0, began + act.at - time.monotonic()))
            carry_out(server, namespace, story, act)
        for each in watches:
            each.join()
    finally:
        server.json("DELETE", f"/api/v1/namespaces/{namespace}")
    return digest(story, changes)


def carry_out(server: RealServer, namespace: str, story: Story, act: Act) -> None:
    if act.patch is not None:
        server.json("PATCH", path(namespace, story.resource, NAME), act.patch, PATCH)
        return
    pods = server.json("GET", path(namespace, "/pods"))["items"]
    server.json("DELETE", path(namespace, "/pods", pods[0]["metadata"]["name"]))


def watch(server: RealServer, namespace: str, resource: str, story: Story, changes: list[Change]) -> None:
    """Take in all changes of a resource until the story is over; the server ends the watch then."""
    query = f"?watch=1&timeoutSeconds={int(story.seconds) + 1}"
    _, _, content = server.ask("GET", path(namespace, resource) + query, {}, None)
    for line in content.splitlines():
        event = json.loads(line)
        changes.append((resource, event["type"], event["object"]))


def main() -> None:
    server = RealServer(Path(os.environ["DIFF_KUBECONFIG"]))
    chosen = [story for story in ALL if story.name in sys.argv[1:]] or ALL
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda place: play(server, chosen[place], place), range(len(chosen))))
    old = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    new = {story.name: digested for story, digested in zip(chosen, found, strict=True)}
    kept = {story.name: {**old, **new}[story.name] for story in ALL if story.name in {**old, **new}}
    RECORDED.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
