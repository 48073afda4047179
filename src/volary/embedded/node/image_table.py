"""The images that pods can run: a closed table of programs that ship with Volary.

A container's command is read, never executed: it may name its image's program and give it flags, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.api.local import Object
from volary.embedded.images import shell


@dataclass(frozen=True, slots=True)
class Program:
    """One stand-in: what it is called in images and commands, and which settings are ports."""

    name: str  # file in `images/`
    repositories: tuple[str, ...]
    binaries: tuple[str, ...]
    ports: Mapping[str, int] = field(default_factory=dict)  # flag -> default, 0: off
    env_prefix: str = ""
    has_shell: bool = False  # its command line is one of `images/shell.py`
    anything: bool = False  # is whatever its container says: every command, every port (`pretended`)


PODINFO = Program(
    "podinfo",
    ("ghcr.io/stefanprodan/podinfo", "stefanprodan/podinfo"),
    ("podinfo",),
    {"port": 9898, "port-metrics": 0},
    "PODINFO_",
)
LOADTESTER = Program(
    "loadtester",
    ("ghcr.io/fluxcd/flagger-loadtester", "weaveworks/flagger-loadtester"),
    ("loadtester",),
    {"port": 9090},
)
BUSYBOX = Program(
    "busybox",
    ("busybox", "library/busybox", "alpine", "library/alpine", "registry.k8s.io/e2e-test-images/busybox"),
    shell.SHELLS,
    has_shell=True,
)
PAUSE = Program("pause", ("registry.k8s.io/pause", "k8s.gcr.io/pause"), ("pause",))
PROGRAMS = (PODINFO, LOADTESTER, BUSYBOX, PAUSE)


class NotRunnable(Exception):
    """A command that is not in the table. `reason` is what the container waits with."""

    def __init__(self, message: str, reason: str = "RunContainerError") -> None:
        super().__init__(message)
        self.reason = reason


def known_images() -> list[str]:
    return [repository for program in PROGRAMS for repository in program.repositories]


def split_image(image: str) -> tuple[str, str]:
    """Return repository and tag; without a tag "latest", by digest alone its first letters."""
    name, _, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    short = digest.partition(":")[2][:12]
    return repository.removeprefix("docker.io/"), tag or short or "latest"


def find(image: str) -> tuple[Program, str]:
    """Return the program of an image, and its version. Raises: NotRunnable, with the images there are."""
    repository, tag = split_image(image)
    for program in PROGRAMS:
        if repository in program.repositories:
            return program, tag
    known = ", ".join(known_images())
    raise NotRunnable(f'image "{image}" is not one that this cluster can run; it has: {known}', "ErrImagePull")


def arguments(program: Program, container: Object, env: Mapping[str, str]) -> list[str]:
    """Return the flags that a container gives its program. Raises: NotRunnable for any other command."""
    words = [expand(str(word), env) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
    if program.anything:
        return words
    if program.has_shell:
        try:
            shell.read(words)
        except shell.NotKnown as problem:
            raise NotRunnable(str(problem)) from None
        return words
    if not words or words[0].startswith("-"):
        return words
    if words[0].rpartition("/")[2] not in program.binaries:
        known = " or ".join(f"./{name}" for name in program.binaries)
        raise NotRunnable(f'command "{words[0]}" is not run here: {program.name} runs {known} and its flags')
    return words[1:]


def ports(program: Program, flags: Sequence[str], env: Mapping[str, str]) -> tuple[int, ...]:
    """Return the ports on which a program with these flags listens."""
    found = []
    for flag, default in program.ports.items():
        value = _flag(flags, flag) or env.get(program.env_prefix + flag.upper().replace("-", "_")) or str(default)
        if value.isdigit() and int(value):
            found.append(int(value))
    return tuple(dict.fromkeys(found))


def _flag(flags: Sequence[str], name: str) -> str:
    found = ""
    for place, word in enumerate(flags):
        flag, equals, value = word.lstrip("-").partition("=")
        if flag == name and word.startswith("-"):
            found = value if equals else "".join(flags[place + 1 : place + 2])
    return found


def expand(text: str, env: Mapping[str, Any]) -> str:
    """Return a text with each $(NAME) replaced; an unknown name stays as it is, $$ is one $."""

    def value(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0][1:]
        return str(env.get(match[1], match[0]))

    return re.sub(r"\$?\$\(([^)]+)\)", value, text)
