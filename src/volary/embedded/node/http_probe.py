"""One HTTP GET as a probe makes it: a new connection, the status, nothing kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from volary.embedded.node.processes import Address

LONGEST_LINE = 4096


async def http_status(address: Address, path: str, headers: Mapping[str, str], timeout: float) -> int:
    """Return the status code. Raises: OSError (a TimeoutError is one)."""
    host, port = address
    fields = {"host": f"{host}:{port}", "user-agent": "kube-probe/1.36", "accept": "*/*", "connection": "close"}
    fields |= {name.lower(): value for name, value in headers.items()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, port, limit=LONGEST_LINE)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode())
            answer = (await reader.readline()).split()
        except ValueError as problem:
            raise OSError("the answer is not HTTP") from problem
        finally:
            writer.close()
    if len(answer) < 2 or not answer[1].isdigit():
        raise OSError("the answer is not HTTP")
    return int(answer[1])
