"""One container of a pod: from its image to a process, its probes, its restarts.

Source: Kubernetes kubelet; the texts are those that `kubectl describe pod` shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from volary.embedded.api.local import Object
from volary.embedded.controllers.objects import spec_of
from volary.embedded.controllers.world import Line
from volary.embedded.node import image_table
from volary.embedded.node.image_table import NotRunnable, Program
from volary.embedded.node.pod_env import Given, Missing
from volary.embedded.node.pod_status import running, taken_up, terminated, waiting
from volary.embedded.node.probes import Probe, ask, read_probe, repeat, whether_it_answers
from volary.embedded.node.processes import Child, Command

if TYPE_CHECKING:
    from volary.embedded.node.pods import PodRun

LOOK_AGAIN_SECONDS = 1.0  # for a ConfigMap that is missing
PULL_RETRY_SECONDS = 10.0
CALM = timedelta(minutes=10)  # a run as long as this makes earlier failures not count
FIRST_BACK_OFF, LONGEST_BACK_OFF = 10.0, 300.0
NEVER_BEGAN = 137  # the exit code that a kubelet shows for a container that it cannot find


class Container:
    """One container while its pod is on the node."""

    def __init__(self, pod: PodRun, spec: Object) -> None:
        self.pod = pod
        self.spec = spec
        self.state = taken_up(pod.pod, spec, pod.world.now())
        self.child: Child | None = None
        self.stopping = False
        self.exit_code: int | None = None  # of the process that the end of the pod has ended
        self._given: Command | None = None
        self._anything = False  # of the program: it is whatever the spec says
        self._failures = 0  # in a row, for the back-off
        self._began: datetime = pod.world.now()

    async def live(self) -> None:
        """Start the container, and again each time it ends, as the pod's restart policy says."""
        if self.state.over:
            return
        program, version = await self._pull()
        self._anything = program.anything
        while not self.stopping:
            command = await self._prepare(program, version)
            if command is None or not self._start(command):
                await self._wait_before_restart("RunContainerError")
                continue
            code = await self._watch()
            self._ended(code)
            if not self.stopping and not self.pod.should_restart(code):
                self.state.over = True
                self.pod.write_status()
                return
            if not self.stopping:
                self.state.last_state = self.state.state  # only of a container that is started again
                await self._wait_before_restart("CrashLoopBackOff")

    async def _pull(self) -> tuple[Program, str]:
        """Return the program of the image; an image that nobody knows is tried for ever, as from a registry."""
        attempts = 0
        while True:
            image = str(self.spec.get("image") or "")
            try:
                found = self.pod.setting.find(image)
            except NotRunnable as problem:
                self._say("Failed", f'Failed to pull image "{image}": {problem}', "Warning")
                self._wait_in("ErrImagePull", str(problem))
                await asyncio.sleep(1.0)
                self._say("BackOff", f'Back-off pulling image "{image}"')
                self._wait_in("ImagePullBackOff", f'Back-off pulling image "{image}": {problem}')
                attempts += 1
                await asyncio.sleep(min(LONGEST_BACK_OFF, PULL_RETRY_SECONDS * (1 << min(attempts - 1, 8))))
            else:
                self._say("Pulled", f'Container image "{image}" already present on machine')
                return found

    async def _prepare(self, program: Program, version: str) -> Command | None:
        """Return the command once everything it needs is there; None if it cannot be run."""
        while True:
            try:
                return self._command(program, version)
            except Missing as problem:
                self._wait_in("CreateContainerConfigError", str(problem))
                self._say("Failed", f"Error: {problem}", "Warning")
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            except NotRunnable as problem:
                self._wait_in(problem.reason, str(problem))
                self._say("Failed", f"Error: {problem}", "Warning")
                return None

    def _command(self, program: Program, version: str) -> Command:
        given = Given(self.pod.world.local, self.pod.pod, self.pod.facts())
        env = given.environment(self.spec)
        flags = image_table.arguments(program, self.spec, env)
        named = [int(entry["containerPort"]) for entry in self.spec.get("ports") or ()]
        ports = tuple(dict.fromkeys(named)) or (1,) if program.anything else image_table.ports(program, flags, env)
        env = {name: value for name, value in env.items() if not name.startswith("VOLARY_")}
        return Command(
            pod="/".join((*self.pod.key, self.state.name)),
            program=program.name,
            arguments=tuple(flags),
            env={"HOSTNAME": self.pod.key[1], **env, **self.pod.own_variables(version)},
            host=self.pod.place.host,
            ports=ports,
            silent=tuple(port for port in dict.fromkeys(named) if port not in ports),
            files=given.files(),
            mounts=given.mounts(self.spec),
            folder=self.pod.folder,
            log=self.pod.log_path(self.state.name),
            image=self.state.image,
            once=spec_of(self.pod.pod).get("restartPolicy", "Always") != "Always",
        )

    def _start(self, command: Command) -> bool:
        self._say("Created", f"Created container: {self.state.name}")
        try:
            self.child = self.pod.processes.start(command)
        except OSError as problem:
            self._wait_in("RunContainerError", str(problem))
            self._say("Failed", f"Error: failed to start container {self.state.name}: {problem}", "Warning")
            return False
        self._given = command
        self._began = self.pod.world.now()
        self.state.id = self.pod.world.clock.new_id()
        self.state.state = running(self._began)
        self.state.started = "startupProbe" not in self.spec
        self._say("Started", f"Started container {self.state.name}")
        return True

    async def _watch(self) -> int:
        """Run the probes until the process ends; return its exit code."""
        child = self.child
        assert child is not None
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(self._probe(child))
            code = await child.wait()
            probing.cancel()
        return code

    async def _probe(self, child: Child) -> None:
        try:
            async with asyncio.timeout(self.pod.setting.listen_seconds):
                await child.listening()
        except TimeoutError:
            pass  # it may never listen; what the probes find then is the truth
        if "startupProbe" in self.spec:
            await self._startup(child)
        if "readinessProbe" not in self.spec:
            self.state.ready = True
        self.pod.write_status()
        async with asyncio.TaskGroup() as group:
            if "readinessProbe" in self.spec:
                group.create_task(self._repeat("Readiness", child, self._set_ready))
            if "livenessProbe" in self.spec:
                group.create_task(self._repeat("Liveness", child, self._set_live))

    async def _startup(self, child: Child) -> None:
        """Return once the startup probe has succeeded; kill the process if it fails for good."""
        self.pod.write_status()
        passed = asyncio.Event()

        def report(good: bool, problem: str) -> None:
            if good:
                self.state.started = True
                passed.set()
            else:
                self._set_live(False, problem)

        async with asyncio.TaskGroup() as group:
            probing = group.create_task(self._repeat("Startup", child, report))
            await passed.wait()
            probing.cancel()

    async def _repeat(self, kind: str, child: Child, report: object) -> None:
        probe: Probe = read_probe(self.spec[f"{kind.lower()}Probe"], self.spec)
        if self._anything:
            probe = whether_it_answers(probe, child.addresses)
        assert callable(report)

        async def attempt() -> str:
            return await ask(self.pod.processes, child.addresses, probe)

        def said(problem: str) -> None:
            self._say("Unhealthy", f"{kind} probe failed: {problem}", "Warning")

        await repeat(probe, attempt, report, said)

    def _set_ready(self, good: bool, problem: str) -> None:
        if self.state.ready != good:
            self.state.ready = good
            self.pod.write_status()

    def _set_live(self, good: bool, problem: str) -> None:
        if not good and self.child is not None:
            self._say("Killing", f"Container {self.state.name} failed liveness probe, will be restarted")
            self.child.terminate()

    def _ended(self, code: int) -> None:
        """Take the pod out of the endpoints at once, and note how the process ended."""
        now = self.pod.world.now()
        self._failures = 0 if now - self._began >= CALM else self._failures
        self.state.ready = self.state.started = False
        self.state.state = terminated(code, self._began, now, self.state.id)
        self.child = None
        self.pod.write_status()

    def settle(self) -> None:
        """Show the container as ended for good, also one that never began."""
        if "terminated" not in self.state.state:
            code = NEVER_BEGAN if self.exit_code is None else self.exit_code
            self.state.state = terminated(code, self._began, self.pod.world.now(), self.state.id)
        self.state.ready = self.state.started = False
        self.state.over = True
        self.child = None

    def fail(self, reason: str, message: str) -> None:
        """Show the container as waiting to be started."""
        self.state.ready = self.state.started = False
        self.state.state = waiting(reason, message)
        self.child = None

    async def _wait_before_restart(self, reason: str) -> None:
        """Wait the back-off: none after the first failure, then 10 s, doubled up to 5 minutes."""
        seconds = 0.0
        if self._failures or reason != "CrashLoopBackOff":
            seconds = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * (1 << min(max(self._failures - 1, 0), 8)))
        self._failures += 1
        if seconds:
            text = f"back-off {seconds:g}s restarting failed container={self.state.name} pod={self.pod.key[1]}"
            if reason == "CrashLoopBackOff":
                self._wait_in(reason, text)
            self._say("BackOff", f"Back-off restarting failed container {self.state.name}", "Warning")
            await asyncio.sleep(seconds)
        if self.state.id:
            self.state.restarts += 1

    def refresh_files(self) -> None:
        """Bring mounted ConfigMaps and Secrets up to date; variables stay as they were at the start."""
        if self._given is None or not self._given.files:
            return
        try:
            files = Given(self.pod.world.local, self.pod.pod, self.pod.facts()).files()
            if files != self._given.files:
                self._given = replace(self._given, files=files)
                self.pod.processes.write_files(self._given)
        except (Missing, OSError) as problem:
            self._say("FailedMount", f"the files stay as they were: {problem}", "Warning")

    async def run_pre_stop(self) -> None:
        """Do what the preStop hook asks, as far as it is known: sleep, or an HTTP GET to the pod itself."""
        hook = (self.spec.get("lifecycle") or {}).get("preStop") or {}
        if not hook or self.child is None:
            return
        words = [str(word) for word in (hook.get("exec") or {}).get("command") or ()]
        seconds = (hook.get("sleep") or {}).get("seconds", _sleep_of(words))
        if seconds is not None:
            await asyncio.sleep(float(seconds))
        elif "httpGet" in hook:
            await ask(self.pod.processes, self.child.addresses, read_probe(hook, self.spec))
        else:
            self._say("FailedPreStopHook", f"preStop {' '.join(words)!r} is not run here; known: sleep N", "Warning")

    def _wait_in(self, reason: str, message: str) -> None:
        self.state.ready = False
        self.state.state = waiting(reason, message)
        self.pod.write_status()

    def _say(self, reason: str, message: str, kind: str = "Normal") -> None:
        self.pod.say(Line(reason, message, kind))


def _sleep_of(words: Sequence[str]) -> float | None:
    """Return the seconds of `sleep N`, also inside `sh -c`; None for any other command."""
    if len(words) == 3 and words[0].rpartition("/")[2] in ("sh", "bash") and words[1] == "-c":
        words = words[2].split()
    number = words[1].removesuffix("s") if len(words) == 2 and words[0].rpartition("/")[2] == "sleep" else ""
    return float(number) if number.replace(".", "", 1).isdigit() else None
