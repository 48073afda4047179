"""Everything behind the curtain: folders, Git, clusters, controllers; raised in order, watched, and cleared away."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from volary import install
from volary.demo import observers, platform
from volary.demo.children import Children
from volary.demo.git_server import GitServer
from volary.demo.project import GitFailed, Project
from volary.demo.settings import Settings
from volary.demo.story import Story
from volary.demo.tail import follow_file
from volary.demo.world import APP, HUB, MEMBERS, NAMESPACE, World
from volary.kube.client import Client
from volary.kube.http import connect
from volary.kube.kubeconfig import load
from volary.kube.objects import NewObject, Object, dig
from volary.runtime.clock import SystemClock

RAISE_SECONDS = 30.0
SETTLE_SECONDS = 0.6  # the load reports every half second: what belongs to an act is heard before the next begins
RINGS = {"west": "first", "east": "second"}
RESTART_SECONDS = 0.5


class Broken(Exception):
    """The demo cannot go on; the text says what happened and what to do."""


class Stage:
    """The parts of the demo that run."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.children = Children(folder / "logs")
        self.project = Project(folder, settings.interval)
        self.gateways: dict[str, str] = {}
        self.templates: dict[tuple[str, str], bytes] = {}  # (cluster, image) -> the target's pod template
        self.restarts: list[str] = []  # what had to be started again
        self._clock = SystemClock()
        self._started = asyncio.get_running_loop().time()
        self._audit: dict[str, Path] = {}
        self._clients: dict[str, Client] = {}
        self._watching: list[asyncio.Task[Any]] = []
        self._git: GitServer | None = None
        self._world: World | None = None
        self.kubeconfig = folder / "kubeconfig"

    @property
    def world(self) -> World:
        assert self._world is not None, "the curtain is not raised yet"
        return self._world

    def seconds(self) -> float:
        """Return the seconds since the demo began."""
        return asyncio.get_running_loop().time() - self._started

    async def raise_curtain(self) -> None:
        """Start everything, up to the point where only a push is missing. Raises: Broken."""
        try:
            async with asyncio.timeout(RAISE_SECONDS):
                await self._git_side()
                await self._clusters()
                await self._platform()
                await self._controllers()
        except GitFailed as error:
            raise Broken(str(error)) from None
        except TimeoutError:
            raise Broken(
                f"the clusters did not come up within {RAISE_SECONDS:.0f} s; see {self.children.logs}"
            ) from None

    async def _git_side(self) -> None:
        await self.project.create()
        user, password = "volary", secrets.token_urlsafe(18)
        self._git = GitServer(self.project.bare.parent, user, password)
        await self._git.start()
        self._values: dict[str, str] = {
            "GIT_USER": user,
            "GIT_PASSWORD": password,
            "GIT_URL": f"{self._git.url}/podinfo.git",
        }
        scheme, _, rest = self._values["GIT_URL"].partition("://")
        await self.project.first_push(f"{scheme}://{user}:{password}@{rest}")

    async def _clusters(self) -> None:
        """Start `volary kube up` and read where it put things."""
        arguments = ("volary", "kube", "up", *self.settings.names, "--foreground", "--audit", "-o", "json")
        process = await self.children.start("kube", *arguments, "--dir", str(self.folder / "kube"))
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            await process.wait()
            raise Broken(self.children.last_words("kube") or "`volary kube up` ended at once")
        up: Mapping[str, Any] = msgspec.json.decode(line)
        self.kubeconfig = Path(up["kubeconfig"])
        for name, cluster in up["clusters"].items():
            self.gateways[name] = cluster["gateway"]
            self._audit[name] = Path(cluster["audit"])
            access = load(self._clock.now, str(self.kubeconfig), name)
            self._clients[name] = Client(connect(access, self._clock.rng), user_agent="demo")

    async def _platform(self) -> None:
        """Apply what a platform engineer applies once."""
        definitions = self._definitions()
        for client in self._clients.values():
            await platform.prepare(client, definitions)
        for name in MEMBERS:
            await platform.apply(self._clients[name], "member", {**self._values, "CLUSTER": name})
            values = {"CLUSTER": name, "RING": RINGS[name], "KUBECONFIG": self._kubeconfig_of(name)}
            await platform.apply(self._clients[HUB], "cluster", values)
        await platform.apply(self._clients[HUB], "hub", self._values)

    def _definitions(self) -> list[NewObject]:
        """Return the CRDs that every cluster gets."""
        return install.definitions()

    def _kubeconfig_of(self, name: str) -> str:
        """Return a kubeconfig that holds one cluster, as a Cluster's Secret does."""
        whole = msgspec.yaml.decode(self.kubeconfig.read_bytes())
        context = next(entry for entry in whole["contexts"] if entry["name"] == name)
        kept = {
            "clusters": [c for c in whole["clusters"] if c["name"] == context["context"]["cluster"]],
            "users": [u for u in whole["users"] if u["name"] == context["context"]["user"]],
            "contexts": [context],
        }
        return msgspec.yaml.encode({**whole, **kept, "current-context": name}).decode()

    async def _controllers(self) -> None:
        arguments = ("--kubeconfig", str(self.kubeconfig), "--context", HUB, "--log-format", "json")
        await self.children.start("run", "volary", "run", *arguments)

    async def attend(self) -> None:
        """Look after the children: without the clusters the demo is over; the controllers are started again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._attend_clusters())
            group.create_task(self._attend_controllers())

    async def _attend_clusters(self) -> None:
        process = self.children.running["kube"]
        status = await process.wait()
        if "kube" in self.children.running:
            raise Broken(f"the process that holds the API servers ended ({ending(status)}); their state was in memory")

    async def _attend_controllers(self) -> None:
        while True:
            status = await self.children.running["run"].wait()
            if "run" not in self.children.running:
                return
            await asyncio.sleep(RESTART_SECONDS)
            self.restarts.append(f"volary run ended ({ending(status)}) and was started again")
            await self._controllers()

    async def watch(self, group: asyncio.TaskGroup, story: Story) -> None:
        """Begin to observe: everything through the API, and each audit log."""
        self._world = World(self._clients, self._clock)
        observers.observe_world(self._world, story)
        for name in MEMBERS:
            self._world.deployments(name).listen(partial(self._note_template, name))
        for name, place in self._world.places.items():
            self._watching.append(group.create_task(place.informers.run()))
            told = partial(observers.write_seen, story, self._clock, name)
            self._watching.append(group.create_task(follow_file(self._audit[name], told)))

    def _note_template(self, cluster: str, _old: Object | None, new: Object | None) -> None:
        if new is not None and dig(new, "metadata", "name") == APP:
            template = dig(new, "spec", "template")
            image = str(dig(template, "spec", "containers", 0, "image"))
            self.templates[cluster, image] = msgspec.json.encode(template, order="deterministic")

    def unwatch(self) -> None:
        for task in self._watching:
            task.cancel()

    async def settle(self) -> None:
        """Wait until what belongs to the act that just ended has been reported."""
        await asyncio.sleep(SETTLE_SECONDS)

    async def clear(self) -> None:
        """Stop everything, the clusters last."""
        await self.children.stop("run", *(f"load-{name}" for name in MEMBERS))
        await self.children.stop()
        self.children.close()
        for client in self._clients.values():
            await client.close()
        if self._git is not None:
            await self._git.stop()

    def greeting(self) -> str:
        """Return how to look at the clusters from another terminal."""
        return (
            f"Look from another terminal:\n  export KUBECONFIG={self.kubeconfig}\n"
            f"  kubectl --context west get all,canary -n {NAMESPACE}\n"
        )

    def invitation(self) -> str:
        """Return what a person can do while the demo stays up."""
        gateways = "\n".join(
            f"  curl -H 'Host: {APP}.{NAMESPACE}' http://{self.gateways[name]}/    # {name}" for name in MEMBERS
        )
        return (
            f"\nEverything stays up until Ctrl-C.\n\n  export KUBECONFIG={self.kubeconfig}\n"
            f"  kubectl config use-context hub; volary get rollouts -n apps; volary why {APP} -n apps\n{gateways}\n"
            f"  cd {self.project.clone}    # edit, commit, git push\n"
        )


def ending(status: int) -> str:
    """Return how a process ended, in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
