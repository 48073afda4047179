"""Fetches an answer that lies elsewhere, a pod's log or a service's answer, and sends it piece by piece."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from volary.embedded.api.answers import Logs, Proxy
from volary.embedded.api.errors import Problem
from volary.embedded.front.incoming import Incoming
from volary.embedded.front.pieces import Pieces
from volary.embedded.front.site import BUG, Going
from volary.embedded.transport import refusal
from volary.kube.transport import Response

if TYPE_CHECKING:
    from volary.embedded.front.front import Front

log = logging.getLogger(__name__)

LOG_HEADERS = (("content-type", "text/plain"), ("cache-control", "no-cache, private"))


class Line(Protocol):
    """The connection that the answer goes out on."""

    def instead(self, response: Response) -> None:
        """Answer this: nothing is written yet."""
        ...

    def hang_up(self) -> None: ...


async def carry(front: Front, incoming: Incoming, going: Going, pieces: Pieces, line: Line) -> None:
    """Answer to the end. When it fails before anything is written the client is told so, later the line breaks."""
    whole: Response | None = None
    try:
        await fetch(front, incoming, going, pieces)
        pieces.finish()
        return
    except Problem as problem:
        whole = refusal(problem)
    except asyncio.CancelledError:
        line.hang_up()
        raise
    except ConnectionError:
        pass  # the client has gone, or what it asked for has
    except Exception:
        log.exception("a request ended in a bug", extra={"method": incoming.method, "path": incoming.target.path})
        whole = BUG
    if whole is None or pieces.status:
        line.hang_up()
    else:
        line.instead(whole)


async def fetch(front: Front, incoming: Incoming, going: Going, pieces: Pieces) -> None:
    """Send all of the answer. Raises: Problem, ConnectionError."""
    answer, outside = going.answer, going.site.outside
    if isinstance(answer, Logs):
        chunks = await outside.logs(answer)
        pieces.start(200, [*LOG_HEADERS, ("date", going.site.api.date())])
        async for chunk in chunks:
            await pieces.write(chunk)
        return
    assert isinstance(answer, Proxy)
    address = outside.address(answer)
    from volary.embedded.relay import relay  # its HTTP client costs a third of the start of the program

    await relay(front.client(), incoming, answer, address, pieces)
