"""Serves bare repositories over smart HTTP on loopback, behind a user and a password.

A thin gate in front of Git's own `git http-backend`: it checks the password, lets only the smart protocol through,
bounds sizes and times, and passes everything else on unread.
Source: Git, `git-http-backend` (CGI), `gitprotocol-http`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import os
import signal
from pathlib import Path

from aiohttp import web

SERVICES = ("git-upload-pack", "git-receive-pack")
LARGEST_PUSH = 64 << 20  # bytes
LARGEST_HEADER = 16 << 10  # of the program's answer
LONGEST_SECONDS = 60.0  # for one request
CHUNK = 1 << 16


class GitServer:
    """The repositories below `folder`, each at `URL/NAME.git`. Use as an async context manager, or start and stop."""

    def __init__(self, folder: Path, user: str, password: str) -> None:
        self.folder = folder
        self.asked = 0  # requests that were let in, for tests
        self.refused = 0
        self._login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._user = user
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Return the URL in front of the repositories' names."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 means any that is free."""
        app = web.Application(client_max_size=LARGEST_PUSH)
        app.router.add_get("/{repository}/info/refs", self._refs)
        app.router.add_post("/{repository}/{service}", self._service)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> GitServer:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _refs(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("service") not in SERVICES:
            self._check(request)
            raise web.HTTPForbidden(text="only the smart protocol is served\n")
        return await self._pass_on(request, "/info/refs")

    async def _service(self, request: web.Request) -> web.StreamResponse:
        service = request.match_info["service"]
        if service not in SERVICES:
            self._check(request)
            raise web.HTTPNotFound
        return await self._pass_on(request, f"/{service}")

    def _check(self, request: web.Request) -> Path:
        """Return the repository asked for, or answer 401 or 404."""
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._login.encode()):
            self.refused += 1
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="git"'})
        self.asked += 1
        name = request.match_info["repository"]
        repository = self.folder / name
        if name.startswith(".") or "/" in name or not (repository / "HEAD").is_file():
            raise web.HTTPNotFound(text=f"no repository {name}\n")
        return repository

    async def _pass_on(self, request: web.Request, path: str) -> web.StreamResponse:
        repository = self._check(request)
        body = await request.read()
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment(request, f"/{repository.name}{path}", len(body)),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(LONGEST_SECONDS), asyncio.TaskGroup() as group:
                group.create_task(feed(process, body))
                return await answer(request, process)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await asyncio.shield(process.wait())

    def _environment(self, request: web.Request, path: str, length: int) -> dict[str, str]:
        made = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": request.rel_url.raw_query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "REMOTE_USER": self._user,  # with a user, http-backend accepts pushes
            "REMOTE_ADDR": request.remote or "127.0.0.1",
        }
        protocol = request.headers.get("Git-Protocol")
        if protocol:
            made["GIT_PROTOCOL"] = protocol
        return made


async def feed(process: asyncio.subprocess.Process, body: bytes) -> None:
    """Give the program the request's body; one that does not want it all is fine."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(body)
        await process.stdin.drain()
    process.stdin.close()


async def answer(request: web.Request, process: asyncio.subprocess.Process) -> web.StreamResponse:
    """Send what the program answers: CGI headers, an empty line, the body."""
    assert process.stdout is not None
    try:
        head = await process.stdout.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise web.HTTPBadGateway(text="git http-backend gave no answer\n") from None
    headers = dict(line.split(": ", 1) for line in head[:LARGEST_HEADER].decode().split("\r\n") if ": " in line)
    response = web.StreamResponse(status=int(headers.pop("Status", "200 OK").split()[0]), headers=headers)
    with contextlib.suppress(ConnectionError):  # the client went away: nobody is left to be told
        await response.prepare(request)
        while chunk := await process.stdout.read(CHUNK):
            await response.write(chunk)
        await response.write_eof()
        await process.wait()
    return response
