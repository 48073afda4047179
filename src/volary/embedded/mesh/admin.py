"""Asks a running Envoy what it has in force, over its admin socket.

Text for people and statistics only; nothing is ever changed through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp

TIMEOUT_SECONDS = 2.0
POLL_SECONDS = 0.003


class NoAnswer(Exception):
    """Envoy did not answer: it is not up yet, or gone."""


class Admin:
    """One Envoy's admin interface on a Unix socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str) -> str:
        """Return the page at `path`. Raises: NoAnswer."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket)), timeout=timeout)
        try:
            async with self._session.get(f"http://envoy{path}") as answer:
                if answer.status != 200:
                    raise NoAnswer(f"Envoy answered {answer.status} for {path}")
                return await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer(f"Envoy's admin socket: {error or type(error).__name__}") from None

    async def stats(self, pattern: str) -> dict[str, str]:
        """Return the statistics whose names match the regular expression, as text; version texts without quotes."""
        page = await self.get(f"/stats?filter={quote(pattern, safe='')}")
        pairs = (line.rsplit(": ", 1) for line in page.splitlines() if ": " in line)
        return {name: value.strip('"') for name, value in pairs}

    async def until(self, pattern: str, done: Callable[[Mapping[str, str]], bool], seconds: float) -> bool:
        """Wait until the statistics look as wanted; False when they do not in time, or Envoy is gone."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        if done(await self.stats(pattern)):
                            return True
                    except NoAnswer:
                        pass  # starting, or restarting: ask again until the time is up
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            return False

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
