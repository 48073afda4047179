"""A cluster for the tests of any project: `with embedded_cluster() as kubeconfig:`, or `async with`.

With `with` the cluster runs in a thread of its own, so tests may block; with `async with` it runs in the caller's event
loop, in virtual time too if that loop is virtual. Pods are pretended: nothing is executed. When the block is left,
everything has stopped and the folder is gone. See docs/how-to/test-controllers.md.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

import msgspec
import yaml

from volary.embedded.api.server import ApiServer
from volary.embedded.clock import ComputerClock
from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.embedded.controllers import Clock
from volary.embedded.kubeconfig import write_kubeconfig
from volary.embedded.node.pretended import Fault, Pretended, pretending
from volary.kube.transport import Request, Response

__all__ = ["Fault", "Kubeconfig", "embedded_cluster"]

NAME = "test"  # of the cluster and its context
PATIENCE_SECONDS = 60.0  # for the start and the end of the thread; both take a fraction of a second
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Kubeconfig(str):
    """The path of a kubeconfig, as text so that every client takes it; and what may be changed of its cluster."""

    server: str
    faults: dict[str, Fault]  # pattern of an image -> what is wrong with it; may be changed at any time

    @property
    def path(self) -> Path:
        return Path(self)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a test asks for."""

    crds: Sequence[str | Path]
    pods: bool
    faults: dict[str, Fault]
    pod_seconds: float
    clock: Clock
    version: str


def embedded_cluster(
    *,
    crds: Iterable[str | Path] = (),
    pods: bool = True,
    faults: dict[str, Fault] | None = None,
    pod_seconds: float = 0.05,
    seed: int | None = None,
    clock: Clock | None = None,
    version: str = "",
) -> Test:
    """Return a cluster to enter by `with` or `async with`; the block is given the path of a kubeconfig (0600).

    `crds`: files, or folders of files, of CustomResourceDefinitions that are there from the start. `pods` False:
    nothing runs them, they stay Pending. `faults`: images that fail. `pod_seconds`: how long a container takes to
    start. `seed`: the same chance and ids in each run. `clock`: in place of the computer's, for virtual time.
    `version`: the minor of Kubernetes that it is ("1.33"), the newest if none is said.
    """
    faults = {} if faults is None else faults
    return Test(Asked(tuple(crds), pods, faults, pod_seconds, clock or ComputerClock(seed), version))


class Test:
    """One cluster of one test."""

    __test__ = False  # a test's means, not a test

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._inside: AbstractAsyncContextManager[Kubeconfig] | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Kubeconfig:
        self._thread = Thread(self._asked)
        return self._thread.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread, "it was entered"
        self._thread.leave()

    async def __aenter__(self) -> Kubeconfig:
        self._inside = running(self._asked)
        return await self._inside.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._inside, "it was entered"
        return await self._inside.__aexit__(kind, error, trace)


class Thread:
    """Runs a cluster in an event loop of its own."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun: Future[tuple[Kubeconfig, Callable[[], object]]] = Future()
        self._ended: Future[None] = Future()
        # Not waited for when a test runner is killed: the kernel takes its sockets back, and it has no processes.
        self._thread = threading.Thread(target=self._run, name="embedded cluster", daemon=True)
        self._stop: Callable[[], object] | None = None

    def enter(self) -> Kubeconfig:
        """Return once the cluster answers. Raises: whatever kept it from that."""
        self._thread.start()
        kubeconfig, self._stop = self._begun.result(PATIENCE_SECONDS)
        return kubeconfig

    def leave(self) -> None:
        """Return once nothing of it is left. Raises: what made it end sooner, if anything did."""
        assert self._stop, "it was entered"
        with suppress(RuntimeError):  # its loop is closed: it has ended by itself
            self._stop()
        self._thread.join(PATIENCE_SECONDS)
        self._ended.result(0)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            (self._ended if self._begun.done() else self._begun).set_exception(error)
        else:
            self._ended.set_result(None)

    async def _serve(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with running(self._asked) as kubeconfig:
            self._begun.set_result((kubeconfig, partial(loop.call_soon_threadsafe, stop.set)))
            await stop.wait()


@asynccontextmanager
async def running(asked: Asked) -> AsyncIterator[Kubeconfig]:
    """Run a cluster in the present event loop. Raises: OSError, ValueError for CRDs that cannot be had."""
    definitions = list(read(asked.crds))
    failed: BaseException | None = None
    with tempfile.TemporaryDirectory(prefix="embedded-cluster-") as folder:
        ground = pretending(Pretended(asked.faults, asked.pod_seconds))
        cluster = EmbeddedCluster(
            Wanted(NAME, pods=asked.pods, version=asked.version), Path(folder) / "cluster", asked.clock, ground
        )
        for where, definition in definitions:
            install(cluster.api, where, definition)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(cluster.run())
            await cluster.ready.wait()
            try:
                yield kubeconfig_of(cluster, Path(folder), asked)
            except BaseException as error:
                failed = error  # a group would wrap what a test says
            task.cancel()
    if failed is not None:
        raise failed


def kubeconfig_of(cluster: EmbeddedCluster, folder: Path, asked: Asked) -> Kubeconfig:
    path = folder / "kubeconfig"
    write_kubeconfig(path, {NAME: cluster.server})
    found = Kubeconfig(path)
    found.server, found.faults = cluster.server.url, asked.faults
    return found


def read(places: Sequence[str | Path]) -> Iterable[tuple[str, object]]:
    """Yield (file, object) of every document in these files and folders. Raises: OSError, ValueError."""
    for place in map(Path, places):
        files = (
            sorted(it for it in place.iterdir() if it.suffix in (".yaml", ".yml", ".json")) if place.is_dir() else []
        )
        for file in files or [place]:
            try:
                documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
            except yaml.YAMLError as error:
                raise ValueError(f"{file} is not YAML: {error}") from None
            yield from ((str(file), document) for document in documents if document is not None)


def install(api: ApiServer, where: str, definition: object) -> None:
    """Create one definition. Raises: ValueError with the server's words."""
    if not isinstance(definition, dict) or definition.get("kind") != "CustomResourceDefinition":
        raise ValueError(f"{where} holds something else than CustomResourceDefinitions")
    headers = {"content-type": "application/json", "user-agent": "embedded-cluster"}
    answer = api.handle(Request("POST", DEFINITIONS, {}, headers, msgspec.json.encode(definition)))
    if not isinstance(answer, Response) or answer.status != 201:
        said = msgspec.json.decode(answer.body).get("message") if isinstance(answer, Response) else "no answer"
        raise ValueError(f"{where}: {said}")
