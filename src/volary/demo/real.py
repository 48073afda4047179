"""`make real`: install, a good and a bad release, on one embedded cluster, with manifests that others wrote.

Flagger's own podinfo and tester kustomizations and its example `istio-canary.yaml`, under Flagger's, Flux's and
Istio's real CRDs; changed only as a user's overlay would (image tag, analysis and metric intervals). The lines that
must come are computed from that Canary's own steps. Everything is read from `../shared/real`; without it, nothing runs.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from volary.canary import messages
from volary.demo.children import Children
from volary.demo.git_server import GitServer
from volary.demo.platform import apply, prepare
from volary.demo.project import git
from volary.kube.client import Client
from volary.kube.http import connect
from volary.kube.kubeconfig import load
from volary.kube.objects import NewObject, Object, dig
from volary.kube.resources import CANARIES, EVENTS, VIRTUAL_SERVICES
from volary.runtime.clock import SystemClock
from volary.runtime.informer import Informers
from volary.runtime.scratch import scratch

REAL = Path(__file__).resolve().parents[4] / "shared" / "real"
CRDS = (
    "flagger.app",
    "istio",
    "source.toolkit.fluxcd.io_gitrepositories",
    "kustomize.toolkit.fluxcd.io_kustomizations",
)
PARTS = ("kustomize/podinfo", "kustomize/tester")
CANARY = "artifacts/examples/istio-canary.yaml"
NAME, NAMESPACE, CLUSTER = "podinfo", "test", "real"
TARGET, PRIMARY = f"{NAME}.{NAMESPACE}", f"{NAME}-primary.{NAMESPACE}"
HOST = "app.example.com"
TAGS = {"install": "6.0.0", "good": "6.0.1", "bad": "6.0.2-broken"}
ACT_SECONDS = 120.0

OVERLAY = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - namespace.yaml
  - podinfo
  - tester
  - canary.yaml
images:
  - name: ghcr.io/stefanprodan/podinfo
    newTag: {tag}
patches:
  - target: {{kind: Canary, name: podinfo}}
    patch: |-
      - {{op: replace, path: /spec/analysis/interval, value: 1s}}
      - {{op: replace, path: /spec/analysis/metrics/0/interval, value: 2s}}
      - {{op: replace, path: /spec/analysis/metrics/1/interval, value: 2s}}
"""


class Differs(Exception):
    """It did not go as it should; the text says where."""


class Repository:
    """A Git repository with the real files, and an overlay that is ours."""

    def __init__(self, folder: Path) -> None:
        self.bare = folder / "git" / "real.git"
        self.clone = folder / "real"

    async def create(self) -> None:
        self.bare.parent.mkdir(parents=True)
        await git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        await git("config", "http.receivepack", "true", cwd=self.bare)
        await git("init", "--quiet", "--initial-branch=main", str(self.clone))
        for part in PARTS:
            to = self.clone / part.rpartition("/")[2]
            to.mkdir()
            for file in sorted((REAL / "flagger" / part).iterdir()):
                (to / file.name).write_bytes(file.read_bytes())
        (self.clone / "canary.yaml").write_bytes((REAL / "flagger" / CANARY).read_bytes())
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        (self.clone / "namespace.yaml").write_text(yaml.safe_dump(namespace))

    async def release(self, url: str, tag: str) -> None:
        """Commit an image tag and push it."""
        (self.clone / "kustomization.yaml").write_text(OVERLAY.format(tag=tag))
        await git("add", "--all", cwd=self.clone)
        await git("commit", "--quiet", "-m", f"Release {tag}", cwd=self.clone)
        await git("push", "--quiet", url, "main", cwd=self.clone)


def steps_of(canary: Object) -> list[int]:
    """Return the weights that the Canary's own analysis leads through."""
    step, most = (int(dig(canary, "spec", "analysis", key)) for key in ("stepWeight", "maxWeight"))
    weights = [step]
    while weights[-1] < most:
        weights.append(weights[-1] + step)
    return weights


def good_lines(canary: Object) -> list[str]:
    """Return the lines of a good release, from the Canary's own hooks and steps."""
    hooks = dig(canary, "spec", "analysis", "webhooks") or ()
    return [
        line.message
        for line in (
            messages.new_revision(TARGET),
            messages.starting(TARGET),
            *(messages.pre_rollout_passed(hook["name"]) for hook in hooks if hook.get("type") == "pre-rollout"),
            *(messages.advance(TARGET, weight) for weight in steps_of(canary)),
            messages.copying(TARGET, PRIMARY),
            messages.routing_to_primary(),
            messages.promoted(TARGET),
        )
    ]


class Real:
    """One run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children = Children(folder / "logs")
        self.repository = Repository(folder)
        self.lines: list[tuple[str, str]] = []  # (type, message) of the Canary's events, in order
        self.lost = 0

    async def play(self) -> None:
        """Play all of it. Raises: Differs."""
        await self.repository.create()
        user, password = "real", secrets.token_urlsafe(18)
        server = GitServer(self.repository.bare.parent, user, password)
        await server.start()
        scheme, _, rest = server.url.partition("://")
        self.push_url = f"{scheme}://{user}:{password}@{rest}/real.git"
        await self.repository.release(self.push_url, TAGS["install"])
        try:
            client, gateway = await self._cluster()
            await prepare(client, list(real_definitions()))
            values = {"GIT_USER": user, "GIT_PASSWORD": password, "GIT_URL": f"{server.url}/real.git"}
            await apply(client, "real", values)
            await self._watch(client, gateway)
        finally:
            await self.children.stop("run", "load")
            await self.children.stop()
            self.children.close()
            await server.stop()

    async def _cluster(self) -> tuple[Client, str]:
        arguments = ("volary", "kube", "up", CLUSTER, "--foreground", "-o", "json", "--dir", str(self.folder / "kube"))
        process = await self.children.start("kube", *arguments)
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise Differs(self.children.last_words("kube") or "`volary kube up` ended at once")
        up = msgspec.json.decode(line)
        clock = SystemClock()
        client = Client(connect(load(clock.now, up["kubeconfig"], CLUSTER), clock.rng), "real")
        self.kubeconfig = up["kubeconfig"]
        return client, up["clusters"][CLUSTER]["gateway"]

    async def _watch(self, client: Client, gateway: str) -> None:
        informers = Informers(client, SystemClock())
        self.canaries, self.routes = (informers.get(kind, NAMESPACE) for kind in (CANARIES, VIRTUAL_SERVICES))
        informers.get(EVENTS, NAMESPACE).listen(self._event)
        features = ("--features", "canary,sync", "--metrics-server", "http://prometheus.istio-system:9090")
        await self.children.start("run", "volary", "run", "--kubeconfig", self.kubeconfig, *features)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(informers.run())
            try:
                await self._acts(gateway, group)
            finally:
                watching.cancel()
                await client.close()

    async def _acts(self, gateway: str, group: asyncio.TaskGroup) -> None:
        await self._until("the canary is not Initialized", lambda: self._phase() == "Initialized")
        say("installed: the canary is Initialized")
        target = (f"--target={gateway}", f"--host={HOST}", "--rate=100")
        load_process = await self.children.start("load", "volary.embedded.load", *target)
        group.create_task(self._count(load_process))
        await self._good()
        await self._bad()
        await self.children.stop("load")
        if self.lost:
            raise Differs(f"{self.lost} requests were lost")

    async def _good(self) -> None:
        self.lines.clear()
        await self.repository.release(self.push_url, TAGS["good"])
        await self._until("the good release did not succeed", lambda: self._phase() == "Succeeded")
        canary = self.canaries.get(NAME, NAMESPACE) or {}
        got, wanted = [text for kind, text in self.lines if kind == "Normal"], good_lines(canary)
        if got != wanted:
            raise Differs(f"the good release told {got}, not {wanted}")
        say(f"{TAGS['good']}: {len(wanted)} lines, as the Canary's own steps ask for")

    async def _bad(self) -> None:
        self.lines.clear()
        await self.repository.release(self.push_url, TAGS["bad"])
        await self._until("the bad release did not fail", lambda: self._phase() == "Failed")
        if ("Warning", messages.failed(TARGET).message) not in self.lines:
            raise Differs("the bad release was taken back without a word")
        weights = [route.get("weight") for route in dig(self._route(), "spec", "http", 0, "route") or ()]
        if weights != [100, 0]:
            raise Differs(f"after the bad release the weights are {weights}, not [100, 0]")
        say(f"{TAGS['bad']}: taken back, all traffic on the primary")

    def _phase(self) -> str:
        return str(dig(self.canaries.get(NAME, NAMESPACE), "status", "phase") or "")

    def _route(self) -> Object:
        return self.routes.get(NAME, NAMESPACE) or {}

    async def _until(self, otherwise: str, true: Callable[[], bool]) -> None:
        if not await self.canaries.until(true, ACT_SECONDS):
            last = f'; the last line was "{self.lines[-1][1]}"' if self.lines else ""
            raise Differs(f"{otherwise} within {ACT_SECONDS:.0f} s: it is {self._phase() or 'not there'}{last}")

    def _event(self, old: Object | None, new: Object | None) -> None:
        if new is not None and old is None and dig(new, "involvedObject", "kind") == "Canary":
            self.lines.append((str(new["type"]), str(new["message"])))
            say(str(new["message"]))

    async def _count(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self.lost += int(msgspec.json.decode(line)["lost"])


def real_definitions() -> Iterator[NewObject]:
    """Yield the real CRDs that this needs."""
    for name in CRDS:
        for document in yaml.safe_load_all((REAL / "crds" / f"{name}.yaml").read_text()):
            if document:
                yield document


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(given: Sequence[str] | None = None) -> int:
    """Play; return 0 if it went as it should, or if there is nothing to play with."""
    argparse.ArgumentParser(prog="make real", description=__doc__).parse_args(given)
    if not REAL.is_dir():
        say(f"skipped: the manifests that others wrote are not here ({REAL})")
        return 0
    with scratch("real") as folder:
        try:
            asyncio.run(Real(folder).play())
        except (Differs, ExceptionGroup) as error:
            say(f"make real: {reason(error)}")
            return 1
    say("Everything went as the real manifests ask.")
    return 0


def reason(error: Any) -> str:
    """Return the first sentence in an error or a group of them."""
    return reason(error.exceptions[0]) if isinstance(error, ExceptionGroup) else str(error)


if __name__ == "__main__":
    sys.exit(main())
