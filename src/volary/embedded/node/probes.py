"""Probes: read from the pod's spec, interpreted as requests to that pod, never executed.

`httpGet` and `tcpSocket` are what they say. Of `exec`, the forms that podinfo and the load tester use are understood:
`podcli check http|tcp TARGET`, and `wget` or `curl` with one URL. Anything else fails with the list of these.
Source: Kubernetes kubelet prober.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from volary.embedded.api.local import Object
from volary.embedded.node.processes import Address, Processes

KNOWN_COMMANDS = "podcli check http URL, podcli check tcp HOST:PORT, wget URL, curl URL"
SHELL_FREE = ("wget", "curl")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0")  # noqa: S104 (what a pod calls itself)


@dataclass(frozen=True, slots=True)
class Target:
    """What to ask: a path over HTTP, or a connection only (no path)."""

    port: int
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of one container. `problem` says why it can never succeed."""

    target: Target | None
    problem: str = ""
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    successes: int = 1
    failures: int = 3


def read_probe(spec: Object, container: Object) -> Probe:
    """Return a probe of a container, with Kubernetes' defaults for what it leaves out."""
    try:
        target, problem = _target(spec, container), ""
    except ValueError as why:
        target, problem = None, str(why)
    return Probe(
        target,
        problem,
        float(spec.get("initialDelaySeconds") or 0),
        max(1.0, float(spec.get("periodSeconds") or 10)),
        max(1.0, float(spec.get("timeoutSeconds") or 1)),
        max(1, int(spec.get("successThreshold") or 1)),
        max(1, int(spec.get("failureThreshold") or 3)),
    )


def _target(spec: Object, container: Object) -> Target:
    if "httpGet" in spec:
        action = spec["httpGet"]
        if str(action.get("scheme") or "HTTP").upper() != "HTTP":
            raise ValueError("an httpGet probe with scheme HTTPS is not possible here: pods speak plain HTTP")
        headers = tuple((entry["name"], str(entry["value"])) for entry in action.get("httpHeaders") or ())
        return Target(_port(action["port"], container), str(action.get("path") or "/"), headers)
    if "tcpSocket" in spec:
        return Target(_port(spec["tcpSocket"]["port"], container))
    if "exec" in spec:
        return read_command([str(word) for word in spec["exec"].get("command") or ()])
    raise ValueError("a grpc probe is not possible here: pods speak plain HTTP")


def _port(port: int | str, container: Object) -> int:
    if isinstance(port, int):
        return port
    for entry in container.get("ports") or ():
        if entry.get("name") == port:
            return int(entry["containerPort"])
    raise ValueError(f'the probe names a port "{port}" that the container does not have')


def read_command(words: Sequence[str]) -> Target:
    """Return what an exec probe asks for. Raises: ValueError with the forms that are known."""
    binary = words[0].rpartition("/")[2] if words else ""
    plain = [word for word in words[1:] if not word.startswith("-")]
    if binary == "podcli" and len(plain) == 3 and plain[0] == "check" and plain[1] in ("http", "tcp"):
        return _local(plain[2], connect_only=plain[1] == "tcp")
    urls = [word for word in plain if "://" in word or word.startswith(LOCAL_HOSTS)]
    if binary in SHELL_FREE and len(urls) == 1:
        return _local(urls[0])
    raise ValueError(f"the exec probe {' '.join(words)!r} is not run here; known are: {KNOWN_COMMANDS}")


def _local(text: str, connect_only: bool = False) -> Target:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme != "http" or parts.hostname not in LOCAL_HOSTS:
        raise ValueError(f"a probe can only ask its own pod over http, not {text!r}")
    path = parts.path or "/"
    return Target(parts.port or 80, "" if connect_only else path + (f"?{parts.query}" if parts.query else ""))


def whether_it_answers(probe: Probe, addresses: Mapping[int, Address]) -> Probe:
    """Return the probe of a program that is only pretended: whatever it asks for, what counts is that it answers."""
    return replace(probe, target=Target(next(iter(addresses))))


async def ask(processes: Processes, addresses: Mapping[int, Address], probe: Probe) -> str:
    """Make one attempt; return "" if it succeeded, else why not, in the kubelet's words."""
    if probe.target is None:
        return probe.problem
    address = addresses.get(probe.target.port)
    if address is None:
        return f"dial tcp :{probe.target.port}: connect: connection refused"
    try:
        if not probe.target.path:
            await processes.connect(address, probe.timeout)
            return ""
        status = await processes.get(address, probe.target.path, dict(probe.target.headers), probe.timeout)
    except TimeoutError:
        return f"no answer within {probe.timeout:g} s"
    except OSError as problem:
        return f"dial tcp :{probe.target.port}: {problem.strerror or problem}"
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


async def repeat(
    probe: Probe,
    attempt: Callable[[], Awaitable[str]],
    report: Callable[[bool, str], None],
    said: Callable[[str], None],
) -> None:
    """Probe for ever: `report` each time a threshold is reached, `said` for each failure."""
    await asyncio.sleep(probe.initial_delay)
    good = bad = 0
    while True:
        problem = await attempt()
        good, bad = (0, bad + 1) if problem else (good + 1, 0)
        if problem:
            said(problem)
        if good == probe.successes or bad == probe.failures:
            report(not problem, problem)
        if bad >= probe.failures:
            bad = 0
        await asyncio.sleep(probe.period)
