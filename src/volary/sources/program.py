"""Runs the git program: no prompts, no configuration but ours, a deadline, a limit on what it may write.

Secrets go to it in its environment or in files that only we can read, never in its arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from volary.sources import SourceError

LARGEST_FILE = 2 << 30  # bytes; a pack that is larger is not configuration
LONGEST_COMPLAINT = 400  # characters of git's stderr in a sentence
LOCAL_SECONDS = 60.0  # for commands that ask nobody
SLOWEST_BYTES, SLOW_SECONDS = "1000", "20"  # a transfer that is slower than this for so long is given up

# Of our own environment git sees only this: how to find programs, a home for nothing, the proxy, the language.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY")
SETTINGS = {
    "core.hooksPath": "/dev/null",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.version": "2",
    "http.lowSpeedLimit": SLOWEST_BYTES,
    "http.lowSpeedTime": SLOW_SECONDS,
    "http.followRedirects": "initial",
    "credential.helper": "",
    "fetch.unpackLimit": "1",  # keep packs: one file a fetch, not one an object
}


class GitFailed(Exception):
    """The program ended with another status than 0."""

    def __init__(self, status: int, complaint: str) -> None:
        super().__init__(complaint)
        self.status = status


async def run_git(
    arguments: tuple[str, ...],
    folder: Path | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout_seconds: float = LOCAL_SECONDS,
) -> bytes:
    """Return what git writes to stdout. Raises: GitFailed, SourceError when there is no git or time is up."""
    process = await start(arguments, folder, settings or {}, environment or {}, told=bool(stdin))
    try:
        async with asyncio.timeout(timeout_seconds):
            out, err = await process.communicate(stdin or None)
    except TimeoutError:
        message = f"git {arguments[0]} took longer than {timeout_seconds:g}s and was stopped"
        raise SourceError("GitOperationFailed", message) from None
    finally:
        await stop(process)
    if process.returncode:
        raise GitFailed(process.returncode, complaint_of(err))
    return out


async def start(
    arguments: tuple[str, ...],
    folder: Path | None,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    told: bool = False,
) -> asyncio.subprocess.Process:
    """Start git in a process group of its own, so that what it starts can be stopped with it.

    Only one that is `told` something gets a pipe for it: uvloop raises when a program ends before anything was written.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            stdin=asyncio.subprocess.PIPE if told else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=environment_for(folder, settings, environment),
            start_new_session=True,
            limit=1 << 20,
        )
    except FileNotFoundError:
        message = "there is no git program; install Git 2.32 or newer and make sure that it is on the PATH"
        raise SourceError("GitOperationFailed", message) from None
    limit_files(process.pid)
    return process


async def stop(process: asyncio.subprocess.Process) -> None:
    """Kill the program and all it started, if it still runs."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())


def environment_for(folder: Path | None, settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a git program. Settings go in here because arguments can be read by anybody."""
    made = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    made |= {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "http:https:ssh",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }
    if folder is not None:
        made["GIT_DIR"] = str(folder)
    both = {**SETTINGS, **settings}
    made["GIT_CONFIG_COUNT"] = str(len(both))
    for index, (key, value) in enumerate(both.items()):
        made[f"GIT_CONFIG_KEY_{index}"], made[f"GIT_CONFIG_VALUE_{index}"] = key, value
    return made | dict(environment)


def limit_files(pid: int) -> None:
    """Limit how much the program may write into one file; where the system cannot (macOS), the deadline must do."""
    if sys.platform == "linux":
        import resource

        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def complaint_of(stderr: bytes) -> str:
    """Return what git complains of, in one line."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ERROR:"))] or lines
    text = "; ".join(line.removeprefix("fatal: ").removeprefix("error: ") for line in telling)
    return text[:LONGEST_COMPLAINT] or "git gave no reason"
