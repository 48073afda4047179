"""Send changed objects to a real API server and to the embedded one, and compare the answers.

    python -m tests.differential.mutations.run KIND COUNT SEED       needs DIFF_KUBECONFIG

Writes are dry runs on objects that both have in the same state, so each request stands for itself.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.differential.mutations.mutate import at, mutated
from tests.differential.mutations.samples import SAMPLES, Sample
from tests.differential.normal import normal
from tests.differential.real import RealServer
from tests.differential.record import AGENT, parsed
from tests.differential.replay import Difference, differences, new_server, split_warnings
from volary.embedded.api.call import Path as Parts
from volary.embedded.api.call import find_type
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.conversion import to_storage
from volary.embedded.api.schema import Node
from volary.embedded.api.server import ApiServer
from volary.kube.transport import Request, Response

Object = dict[str, Any]
NAMESPACE = "kinds-fuzz"
WIDTH = 330  # of a value in a report
GO_TEMPLATE = re.compile(r'Invalid value: ("\(the template\)"|\{"Volumes".*?\}): field is immutable', re.DOTALL)
JSON, MERGE, STRATEGIC = "application/json", "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"


class Kept(RealServer):
    """A real server over one connection, which is made anew when it breaks."""

    line: http.client.HTTPSConnection | None = None

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, Any, bytes]:
        for last in (False, True):
            if self.line is None:
                self.line = http.client.HTTPSConnection(
                    self.url.hostname or "", self.url.port, context=self.trust, timeout=30
                )
            try:
                self.line.request(method, path, body, {"authorization": f"Bearer {self.token}", **headers})
                answer = self.line.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.HTTPException, OSError):
                self.line.close()
                self.line = None
                if last:
                    raise
        raise AssertionError

    def close(self) -> None:
        if self.line:
            self.line.close()


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    kind: str
    body: Any
    told: str  # what was changed, for a report


@dataclass
class Outcome:
    sent: Sent
    real: Any
    ours: Any
    found: list[Difference]


def home(sample: Sample) -> str:
    """Return the namespace of a kind's objects: pods have their own, or the sets' controllers would end them."""
    return f"{NAMESPACE}-pods" if sample.plural == "pods" else NAMESPACE


class Arena:
    """The two servers, and one kind's objects in both."""

    def __init__(self, real: Kept, sample: Sample) -> None:
        self.real = real
        self.sample = sample
        self.ours = new_server()
        self._both("POST", "/api/v1/namespaces", {"metadata": {"name": home(sample)}})
        account = {"metadata": {"name": "default"}}
        self._both("POST", f"/api/v1/namespaces/{home(sample)}/serviceaccounts", account)
        group, _, version = sample.group_version.rpartition("/")
        self.type: ResourceType = find_type(self.ours.core.catalog, Parts(group, version, "", sample.plural, "", ""))
        for obj in sample.objects:
            self._both("POST", sample.collection(home(sample)), obj)

    @property
    def node(self) -> Node:
        return self.type.node

    def _both(self, method: str, path: str, body: Any) -> None:
        sent = json.dumps(body).encode()
        self.real.ask(method, path, {"content-type": JSON}, sent)
        ask(self.ours, Sent(method, path, JSON, body, ""))

    def copy_state(self, name: str) -> Object:
        """Give the embedded server the object as the real one has it now; return it."""
        found: Object = self.real.json("GET", f"{self.sample.collection(home(self.sample))}/{name}")
        self.ours.core.store.put(self.type.storage, to_storage(self.type, json.loads(json.dumps(found))))
        return found

    def play(self, sent: Sent) -> Outcome:
        headers = {"content-type": sent.kind, "accept": JSON, "user-agent": AGENT}
        status, answered, content = self.real.ask(sent.method, sent.path, headers, json.dumps(sent.body).encode())
        real = {"status": status, "body": normal(parsed(content, answered.get("content-type", "")))}
        if warnings := answered.get_all("warning"):
            real["warnings"] = warnings
        response = ask(self.ours, sent)
        ours: Object = {
            "status": response.status,
            "body": normal(parsed(response.body, response.headers.get("content-type", ""))),
        }
        if warning := response.headers.get("warning"):
            ours["warnings"] = split_warnings(warning)
        return Outcome(sent, real, ours, list(differences(fair(real), fair(ours), "")))


MAP_MEMBER = re.compile(r"\[(?!\d+\])|labels$|annotations$|nodeSelector$|selector$|matchLabels$")


ONLY_SOURCE = "must populate the given metric source only"


def fair(answer: Object) -> Object:
    """Return an answer without what is up to chance, or shows a whole object: its members' order is Go's own."""
    body = answer["body"]
    if not isinstance(body, dict) or body.get("kind") != "Status":
        return answer
    body = json.loads(json.dumps(body))
    causes = (body.get("details") or {}).get("causes") or []
    for it in (*causes, body):
        it["message"] = GO_TEMPLATE.sub("Invalid value: (the template): field is immutable", it["message"])
        it["message"] = re.sub(r"previously negative\).*", "previously negative)", it["message"], flags=re.DOTALL)
    for it in causes:
        if it.get("field") == "patch":
            it["message"] = re.split(r"[}\]]\": ", it["message"])[-1]
            body["message"] = "patch: " + it["message"]
    if any(MAP_MEMBER.search(it.get("field", "")) or it["message"].endswith(ONLY_SOURCE) for it in causes):
        causes.sort(key=lambda it: (it.get("field", ""), it["message"]))
        body["message"] = "(its causes in any order)"
    return {**answer, "body": body}


def ask(server: ApiServer, sent: Sent) -> Response:
    path, _, query = sent.path.partition("?")
    parameters = dict(it.split("=") for it in query.split("&")) if query else {}
    headers = {"content-type": sent.kind, "accept": JSON, "user-agent": AGENT}
    answer = server.handle(Request(sent.method, path, parameters, headers, json.dumps(sent.body).encode()), "admin")
    assert isinstance(answer, Response)
    return answer


def requests(arena: Arena, rng: random.Random, count: int) -> Iterator[Sent]:
    """Yield changed objects as requests of every sort."""
    sample = arena.sample
    for _ in range(count):
        original = rng.choice(sample.objects)
        obj, places = mutated(rng, original, arena.node)
        told = f"{original['metadata']['name']} " + " ".join(".".join(map(str, it)) for it in places)
        name = original["metadata"]["name"]
        way = rng.choice(("create", "create", "create", "put", "put", "merge", "strategic", "json"))
        if way == "create":
            meta = obj.get("metadata")
            if isinstance(meta, dict) and meta.get("name") == name:
                obj = {**obj, "metadata": {**meta, "name": f"{name}-new"}}
            yield Sent("POST", f"{sample.collection(home(sample))}?dryRun=All", JSON, obj, f"create {told}")
            continue
        arena.copy_state(name)
        where = f"{sample.collection(home(sample))}/{name}?dryRun=All"
        if way == "put":
            yield Sent("PUT", where, JSON, obj, f"put {told}")
        elif way == "json":
            operations = [json_operation(obj, it) for it in places if it]
            yield Sent("PATCH", where, JSON_PATCH, operations, f"json {told}")
        else:
            kind = MERGE if way == "merge" else STRATEGIC
            yield Sent("PATCH", where, kind, fragment(obj, places), f"{way} {told}")


def json_operation(obj: Object, path: tuple[str | int, ...]) -> Object:
    pointer = "/" + "/".join(str(it).replace("~", "~0").replace("/", "~1") for it in path)
    try:
        return {"op": "replace", "path": pointer, "value": at(obj, path)}
    except (KeyError, IndexError, TypeError):
        return {"op": "remove", "path": pointer}


def fragment(obj: Object, places: list[tuple[str | int, ...]]) -> Object:
    """Return a merge patch with the changed places; a list goes as a whole."""
    patch: Object = {}
    for path in places:
        cut = next((n for n, it in enumerate(path) if isinstance(it, int)), len(path))
        path = path[:cut]
        try:
            value = at(obj, path)
        except (KeyError, IndexError, TypeError):
            value = None
        target = patch
        for step in path[:-1]:
            target = target.setdefault(str(step), {})
            if not isinstance(target, dict):
                return patch
        if path:
            target[str(path[-1])] = value
    return patch


def play(kind: str, count: int, seed: int, real: Kept) -> list[Outcome]:
    arena = Arena(real, SAMPLES[kind])
    rng = random.Random(f"{kind} {seed}")
    outcomes = []
    for it in requests(arena, rng, count):
        with suppress(http.client.RemoteDisconnected):  # a few bodies make the real server panic
            outcomes.append(arena.play(it))
    return outcomes


def shape(outcome: Outcome) -> str:
    """Return what an outcome has in common with others of its sort."""
    where, real, ours = told(outcome)
    codes = f"{outcome.real['status']}/{outcome.ours['status']}"
    text = f"{codes} {where}\n      real {json.dumps(real)[:WIDTH]}\n      ours {json.dumps(ours)[:WIDTH]}"
    return re.sub(r"x{20,}", "xx", re.sub(r"\[\d+\]", "[]", text))


def told(outcome: Outcome) -> Difference:
    """Return the difference that says most."""
    messages = [it for it in outcome.found if it[0] == "body.message"]
    return (messages or outcome.found)[0]


def main() -> None:
    kinds, count, seed = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
    show = int(sys.argv[4]) if len(sys.argv) > 4 else 15
    real = Kept(Path(os.environ["DIFF_KUBECONFIG"]))
    for kind in SAMPLES if kinds == ["all"] else kinds:
        outcomes = play(kind, count, seed, real)
        wrong = [it for it in outcomes if it.found]
        print(f"== {kind}: {100 * (1 - len(wrong) / len(outcomes)):.1f} % of {len(outcomes)}")
        groups = Counter(shape(it) for it in wrong)
        for text, number in groups.most_common(show):
            first = next(it for it in wrong if shape(it) == text)
            print(f"  {number} x {first.sent.told} {text}")


if __name__ == "__main__":
    main()
