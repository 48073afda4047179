"""Send spoilt requests to the embedded server: python -m tests.fuzz.mutated --requests 100000 --seed 1."""

from __future__ import annotations

import argparse
import random
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.differential.replay import ask, new_server
from tests.fuzz.definition import plains, widgets
from tests.fuzz.invariants import Witness, check_all, check_answer
from tests.fuzz.mutations import Mutator
from volary.embedded.api.server import ApiServer
from volary.kube.transport import Request, Response

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
AFRESH = 5_000  # requests until a new server: of one that has taken more, most objects are spoilt for good
WHOLE = 500  # requests between two looks at the whole store


@dataclass(frozen=True)
class Failure:
    """A request that broke something."""

    number: int
    request: Request
    error: str


def server(known: list[Request]) -> ApiServer:
    """Return a server with the namespaces, definitions and most objects that the recorded requests are about."""
    made = new_server()
    spaces = sorted({it.path.split("/")[4] for it in known if it.path.startswith("/api/v1/namespaces/")})
    for name in ["default", *spaces]:
        post(made, "/api/v1/namespaces", {"metadata": {"name": name}})
    for body in (widgets("fuzz.example.com"), plains("fuzz.example.com")):
        post(made, CRDS, body)
    for request in known:
        if request.method in ("POST", "PATCH"):
            made.handle(request)
    return made


def post(api: ApiServer, path: str, body: object) -> None:
    headers = {"content-type": "application/json"}
    ask(api, {"method": "POST", "path": path, "headers": headers, "body": body}, {})


def play(seed: int, requests: int, statuses: Counter[int] | None = None) -> Iterator[Failure]:
    """Yield what broke."""
    mutator = Mutator(random.Random(seed))
    witness = Witness(server(mutator.corpus))
    for number in range(requests):
        if number % AFRESH == AFRESH - 1:
            witness = Witness(server(mutator.corpus))
        request = mutator.next()
        try:
            answer = witness.api.handle(request)
            check_answer(request, answer)
            witness.check()
            if number % WHOLE == 0:
                check_all(witness)
        except Exception:
            yield Failure(number, request, traceback.format_exc(limit=-4))
            witness = Witness(server(mutator.corpus))
            continue
        if statuses is not None:
            statuses[answer.status if isinstance(answer, Response) else 200] += 1


def told(failure: Failure) -> str:
    it = failure.request
    query = "&".join(f"{key}={value!r}" for key, value in it.query.items())
    lines = (
        f"request {failure.number}: {it.method} {it.path!r} ? {query}",
        str(dict(it.headers)),
        repr(it.body[:600]),
        failure.error,
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=20, help="how many failures to show, of each kind one")
    options = parser.parse_args()
    statuses: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    for failure in play(options.seed, options.requests, statuses):
        kind = "".join(failure.error.splitlines()[-3:])
        kinds[kind] += 1
        if kinds[kind] == 1 and len(kinds) <= options.most:
            print(told(failure).encode("utf-8", "backslashreplace").decode(), flush=True)
    print(f"seed {options.seed}: {options.requests} requests, {kinds.total()} failures of {len(kinds)} kinds")
    print("  " + ", ".join(f"{code}: {count}" for code, count in sorted(statuses.items())))


if __name__ == "__main__":
    main()
