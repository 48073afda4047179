"""The demo's stage with programs of others in place of ours: the same clusters, repository, FleetRollout and traffic.

The members' CRDs are the real ones, taken from `../shared/real`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import shutil
import signal
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.peers import FLAGGER, KUSTOMIZE, SOURCE, Peer, build
from tests.conformance.relay import Relay
from volary import install
from volary.demo.acts import ACTS, Act, play
from volary.demo.ending import read_ending
from volary.demo.judge import Ending, judge
from volary.demo.project import Project
from volary.demo.settings import Settings
from volary.demo.stage import Stage
from volary.demo.story import Observation, Story
from volary.demo.traffic import follow, start_load
from volary.demo.world import APP, HUB, MEMBERS
from volary.kube.objects import NewObject, name_of
from volary.kube.resources import CLUSTERS

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"
ABSENT = f"{REAL} is not there: other projects' CRDs are used only where they are"
DEFINITIONS = (
    "flagger.app",
    "istio",
    "source.toolkit.fluxcd.io_gitrepositories",
    "source.toolkit.fluxcd.io_externalartifacts",
    "source.toolkit.fluxcd.io_buckets",
    "source.toolkit.fluxcd.io_ocirepositories",
    "source.toolkit.fluxcd.io_helmcharts",
    "source.toolkit.fluxcd.io_helmrepositories",
    "kustomize.toolkit.fluxcd.io_kustomizations",
)
FLAGGERS_INTERVAL = "10s"  # it makes any shorter one this long
COMBINED = "(combined from similar events): "  # client-go's words before the eleventh of ten like it
MORE_SECONDS = 120.0  # that an act may take beside its intervals
INSTALL_SECONDS = 240.0
PR_SET_PDEATHSIG = 1
WEST, EAST = MEMBERS
TOLD_BY_EVENTS = re.compile(r"^act [45]: (\w+ completed \d+ promotions|the canary in \w+ did not fail)")
PHASES = {
    4: {(WEST, "Failed"): 1, (WEST, "Succeeded"): 0},
    5: {(WEST, "Succeeded"): 2, (EAST, "Failed"): 1, (EAST, "Succeeded"): 0},
}
LOADTESTER = "flagger-loadtester.test"
PROMETHEUS = "prometheus.istio-system:9090"


def needed(*peers: Peer) -> None:
    """Build what is not built yet, or skip the test with one sentence."""
    if not REAL.is_dir():
        pytest.skip(ABSENT)
    if any(not peer.binary.exists() for peer in peers) and not shutil.which("go"):
        pytest.skip("The programs of others are built with Go, which is not on this machine.")
    for peer in peers:
        build(peer)


class PeerProject(Project):
    """The demo's repository; hooks go to the relay, since Flagger runs outside of the clusters here."""

    def __init__(self, folder: Path, interval: str, url: str) -> None:
        super().__init__(folder, interval)
        self.url = url

    def _set_interval(self) -> None:
        super()._set_interval()
        for name in MEMBERS:
            path = self.clone / "clusters" / name / "kustomization.yaml"
            overlay = yaml.safe_load(path.read_text())
            url = f"{self.url}/{name}/{LOADTESTER}/"
            places = [f"/spec/analysis/webhooks/{number}/url" for number in (0, 1)]
            operations = [{"op": "replace", "path": place, "value": url} for place in places]
            patch = {"target": {"kind": "Canary", "name": APP}, "patch": yaml.safe_dump(operations)}
            overlay.setdefault("patches", []).append(patch)
            path.write_text(yaml.safe_dump(overlay, sort_keys=False))


class PeerStage(Stage):
    """The stage; `features` is what Volary itself does in the members, the others' programs do the rest."""

    def __init__(self, folder: Path, features: Sequence[str], relay: Relay) -> None:
        interval = "1s" if "canary" in features else FLAGGERS_INTERVAL
        super().__init__(folder, Settings(interval=interval))
        self.features = features
        self.relay = relay
        self.project = PeerProject(folder, interval, relay.url)
        self.story = Story(self.seconds)

    def _definitions(self) -> list[NewObject]:
        real = [document for name in DEFINITIONS for document in documents(REAL / "crds" / f"{name}.yaml")]
        known = {name_of(definition) for definition in real}
        return [*real, *install.definitions_missing_in(known)]

    async def _platform(self) -> None:
        await super()._platform()
        for name in MEMBERS:
            await self._clients[HUB].patch(CLUSTERS, name, {"spec": {"features": list(self.features)}})

    async def raise_curtain(self) -> None:
        await super().raise_curtain()
        for name in MEMBERS:
            if "canary" not in self.features:
                await self._flagger(name)
            if "sync" not in self.features:
                await self._flux(name)

    async def _flagger(self, name: str) -> None:
        metrics = f"{self.relay.url}/{name}/{PROMETHEUS}"
        arguments = (f"-kubeconfig={self._kubeconfig_file(name)}", "-log-level=info", "-mesh-provider=istio")
        await self._peer(f"flagger-{name}", FLAGGER.binary, *arguments, f"-metrics-server={metrics}", f"-port={port()}")

    async def _flux(self, name: str) -> None:
        storage, address = self.folder / f"artifacts-{name}", f"127.0.0.1:{port()}"
        storage.mkdir()
        place = (f"--storage-path={storage}", f"--storage-addr={address}", f"--storage-adv-addr={address}")
        await self._peer(f"source-{name}", SOURCE.binary, *place, *common(), kubeconfig=self._kubeconfig_file(name))
        await self._peer(f"kustomize-{name}", KUSTOMIZE.binary, *common(), kubeconfig=self._kubeconfig_file(name))

    def _kubeconfig_file(self, name: str) -> Path:
        path = self.folder / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(self._kubeconfig_of(name))
        return path

    async def _peer(self, name: str, program: Path, *arguments: str, kubeconfig: Path | None = None) -> None:
        """Start a program of others; it is stopped with our own children, and ends when this process does."""
        environment = {**os.environ, "RUNTIME_NAMESPACE": "flux-system", "NO_PROXY": "127.0.0.1"}
        if kubeconfig is not None:
            environment["KUBECONFIG"] = str(kubeconfig)
        with (self.children.logs / f"{name}.log").open("ab") as log:
            self.children.running[name] = await asyncio.create_subprocess_exec(
                str(program),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                preexec_fn=end_with_parent,
            )

    async def load(self, cluster: str) -> None:
        """Ask like a crowd of users, from the moment that the cluster's Canary is Initialized."""
        await self.world.until(lambda: self.world.canary_phase(cluster) == "Initialized", INSTALL_SECONDS)
        process = await start_load(self.children, cluster, self.gateways[cluster])
        await follow(process, cluster, self.story)


def end_with_parent() -> None:
    """Have the kernel end this program when the one that started it is gone (Linux); it holds no lifeline of ours."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def common() -> tuple[str, ...]:
    """Return what both Flux controllers are told."""
    return (
        f"--metrics-addr=127.0.0.1:{port()}",
        f"--health-addr=127.0.0.1:{port()}",
        "--events-addr=",
        "--enable-leader-election=false",
        "--log-level=info",
    )


def port() -> int:
    """Return a port that is free now; these programs cannot pick one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


def documents(path: Path) -> list[NewObject]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(path.read_text(), loader) if document]


async def tell(folder: Path, features: Sequence[str]) -> tuple[Story, list[Ending]]:
    """Play the acts; return all that was seen, and how each act ended."""
    stages: list[PeerStage] = []
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(Relay(lambda cluster: stages[0]._clients[cluster]))
        stage = PeerStage(folder, features, relay)
        stages.append(stage)
        stack.push_async_callback(stage.clear)
        await stage.raise_curtain()
        endings: list[Ending] = []
        async with asyncio.TaskGroup() as group:
            await stage.watch(group, stage.story)
            side: list[asyncio.Task[Any]] = [group.create_task(stage.attend())]
            side += [group.create_task(stage.load(name)) for name in MEMBERS]
            for act in ACTS:
                endings.append(await play_act(act, stage))
                if not endings[-1].in_time:
                    break
            for task in side:
                task.cancel()
            stage.unwatch()
    return stage.story, endings


async def play_act(act: Act, stage: PeerStage) -> Ending:
    """Play an act, with more time for it than ours needs."""
    began = stage.seconds() if stage.story.observations else 0.0
    patient = replace(act, seconds=act.seconds + MORE_SECONDS)
    in_time = await play(patient, stage.world, stage.project, stage.settings.interval_seconds)
    ended = stage.seconds()
    await stage.settle()
    until = ended if act.flows_on else stage.seconds()
    seen = [plain(one) for one in stage.story.observations if began <= one.t < until]
    print(f"act {act.number} ended after {ended - began:.1f} s")
    return await read_ending(act, in_time, seen, stage)


def judged(endings: Sequence[Ending], flagger: bool) -> list[str]:
    """Return the differences. Flagger's client drops Events after 25 about one object: later acts go by its phases."""
    found = [sentence for ending in endings for sentence in judge(ending)]
    if not flagger:
        return found
    found = [sentence for sentence in found if not TOLD_BY_EVENTS.search(sentence)]
    return found + [sentence for ending in endings for sentence in by_phases(ending)]


def by_phases(ending: Ending) -> list[str]:
    """Return how often the canaries came to a phase, where that is not as the story says."""
    entered: Counter[tuple[str, str]] = Counter()
    last: dict[str, str] = {}
    for one in ending.seen:
        if one.type == "phase" and last.get(one.cluster) != one.details["phase"]:
            last[one.cluster] = str(one.details["phase"])
            entered[one.cluster, last[one.cluster]] += 1
    wanted = PHASES.get(ending.number, {})
    return [
        f"act {ending.number}: {cluster} was {phase} {entered[cluster, phase]} times, not {count}"
        for (cluster, phase), count in wanted.items()
        if entered[cluster, phase] != count
    ]


def plain(seen: Observation) -> Observation:
    """Return what was seen without what client-go puts before a line that it takes for one of many alike."""
    message = str(seen.details.get("message", ""))
    return replace(seen, details={**seen.details, "message": message.removeprefix(COMBINED)})
