"""A raw HTTP client for tests of the programs that pods run."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

from volary.embedded.images.mesh_client import read_response
from volary.embedded.node.processes import Address


class Got(NamedTuple):
    code: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def call(address: Address, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Got:
    """Make one request over a connection of its own."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*address)
        fields = {
            "host": "pod",
            "connection": "close",
            "content-length": str(len(body)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        response = await read_response(reader, method)
        writer.close()
    return Got(response.code, response.headers, response.body)
