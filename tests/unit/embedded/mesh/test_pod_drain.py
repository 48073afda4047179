from __future__ import annotations

import asyncio

import pytest

from volary.embedded.images import http_server
from volary.embedded.images.http_server import Answer, App, Ask, Connection, Reply, Server

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Pod(App):
    pod = "podinfo-a"

    def route(self, ask: Ask) -> tuple[str, Reply]:
        return "/", Answer(200, b"ok")


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    answer = await reader.read()
    writer.close()
    return answer


def test_a_pod_that_is_asked_to_end_serves_whoever_has_not_heard_of_it_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "LOOK_SECONDS", 0.002)

    async def run() -> list[bytes]:
        server = Server(Pod())
        listener = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", 0)
        server._listeners.append(listener)
        port = listener.sockets[0].getsockname()[1]
        _, idle = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(server._drain())
            late = [await ask(port) for _ in range(3)]  # new connections, one after the other
            assert not draining.done()
        idle.close()
        with pytest.raises(OSError, match=r"[Cc]onnect"):
            await ask(port)
        return late

    late = asyncio.run(asyncio.wait_for(run(), 20))
    assert all(answer.startswith(b"HTTP/1.1 200 OK") and b"connection: close" in answer for answer in late)
