"""One client: requests come in, answers go out in the same order, and neither may cost more than the limits say.

While an answer goes on (a watch, a log, a proxied service) or the client does not read, further requests wait: those
that are read already in `_waiting`, the bytes behind them unread in `_held`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from volary.embedded.api.answers import Logs, Proxy
from volary.embedded.api.errors import Problem
from volary.embedded.front.carrying import carry
from volary.embedded.front.head import CONTINUE, refused, watch_head, whole
from volary.embedded.front.incoming import Incoming
from volary.embedded.front.peer import peer_of
from volary.embedded.front.pieces import Pieces
from volary.embedded.front.reader import Reader, Refused
from volary.embedded.front.site import Going, Stream
from volary.embedded.front.upload import Upload
from volary.embedded.front.watching import WatchStream
from volary.embedded.transport import refusal
from volary.kube.transport import Response

if TYPE_CHECKING:
    from volary.embedded.front.front import Front


class Connection(asyncio.Protocol):
    """One client. The front looks at it every second by `sweep`."""

    def __init__(self, front: Front) -> None:
        self.paused = False  # the client has not read what was written
        self._front = front
        self._limits = front.limits
        self._reader = Reader(self, front.limits)
        self._going: tuple[Incoming, Going, Stream] | None = None
        self._upload: Upload | None = None  # a body that is passing through
        self._waiting: deque[Incoming] = deque()
        self._held = bytearray()
        self._reading = True  # does the transport read?
        self._deaf = False  # what else comes is thrown away
        self._lingers = False  # for the client to read why
        self._discarded = 0
        self._partial = False  # in the middle of a request
        self._since = front.moment  # when the present phase began, or the last request came
        self._written = 0
        self._taken = (0, 0)  # how much the client has read, and since when no more than that

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._peer = peer_of(transport)
        if not self._front.admit(self):
            self._refuse(Refused(503, "503 Service Unavailable: too many connections"))

    def connection_lost(self, error: Exception | None) -> None:
        self._deaf = True
        self._front.left(self)
        for incoming in (*self._waiting, *filter(None, (self._reader.current,))):
            self._forget(incoming)
        self._waiting.clear()
        self._held.clear()
        if self._upload:
            self._upload.fail()
        if self._going:
            _, going, stream = self._going
            self._going = None
            stream.drop()
            going.finish(stream)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self._discard(len(data))
        elif (self._going or self.paused or self._waiting) and self._upload is None:
            self._held += data
            self._regulate()
        else:
            self._read(data)

    def pause_writing(self) -> None:
        self.paused = True
        self._taken = (0, self._front.moment)

    def resume_writing(self) -> None:
        self.paused = False
        self._since = self._front.moment
        if self._going:
            self._going[2].flush()
        else:
            self._go_on()

    # What the reader calls.

    def begun(self, incoming: Incoming) -> None:
        if self._deaf or not incoming.has_body:
            return
        if incoming.target.proxied:
            self._upload = incoming.upload = Upload(self._regulate)
            self._line_up(incoming)
            return
        if (incoming.length or 0) > self._limits.body:
            incoming.too_large = True
        if self._going or self.paused or self._waiting:
            return
        if incoming.too_large or not self._known(incoming):
            self._answer_early(incoming)
        elif incoming.headers.get("expect", "").lower() == "100-continue":
            self.write(CONTINUE)

    def more(self, incoming: Incoming, piece: bytes) -> None:
        if self._deaf:
            return
        if incoming.upload:
            self._since = self._front.moment
            incoming.upload.feed(piece)
            self._regulate()
            return
        if incoming.too_large:
            return
        incoming.size += len(piece)
        self._front.bodies += len(piece)
        if self._front.bodies > self._limits.bodies:
            self._refuse(Refused(503, "503 Service Unavailable: too much is coming in at once"))
        elif incoming.size <= self._limits.body:
            incoming.body.append(piece)
        else:
            incoming.too_large = True
            self._forget(incoming)
            if not (self._going or self.paused or self._waiting):
                self._answer_early(incoming)

    def arrived(self, incoming: Incoming) -> None:
        if self._deaf:
            return
        if incoming.upload:
            incoming.upload.end()
            self._upload = None
        else:
            self._line_up(incoming)

    # What streams call.

    def write(self, piece: bytes) -> None:
        self._written += len(piece)
        self._transport.write(piece)

    def hang_up(self) -> None:
        """Break the line now, whatever waits on it."""
        self._deaf = True
        self._transport.abort()

    def ended(self) -> None:
        """The answer that went on is all written."""
        if self._going is None:
            return
        incoming, going, stream = self._going
        self._going = None
        going.finish(stream)
        self._after(incoming.keep_alive and stream.keeps_line and (incoming.upload is None or incoming.upload.whole))

    def instead(self, response: Response) -> None:
        """Nothing of the answer that was to go on is written, and this is to be answered instead."""
        if self._going is None:
            return
        incoming, going, stream = self._going
        self._going = None
        stream.status = response.status
        going.finish(stream)
        if incoming.upload is not None and not incoming.upload.whole:
            incoming.keep_alive = False
        self._send(incoming, response, going.site.date(self._front))
        self._go_on()

    # What the front calls.

    def stop(self) -> None:
        """Come to an end: the server stops."""
        if self._going:
            self._going[2].end()
        elif not self._lingers:
            self._deaf = True
            self._transport.close()

    def sweep(self, moment: int) -> None:
        """Hang up on a client that is too slow; `moment` counts seconds."""
        limits, age = self._limits, moment - self._since
        if self._lingers:
            if age > limits.linger_seconds:
                self._transport.abort()
        elif self.paused or self._deaf:
            taken = self._written - self._transport.get_write_buffer_size()
            if taken != self._taken[0]:
                self._taken = (taken, moment)
            elif moment - self._taken[1] > limits.stall_seconds:
                self.hang_up()
        elif self._upload is not None:
            if self._reading and age > limits.body_seconds:
                self.hang_up()
        elif self._partial:
            if age > (limits.body_seconds if self._reader.in_body else limits.head_seconds):
                self.hang_up()
        elif self._going is None and age > limits.idle_seconds:
            self.stop()

    # The rest is our own.

    def _read(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
        except Refused as why:
            self._refuse(why)
        if self._reader.partial != self._partial:
            self._partial = self._reader.partial
            self._since = self._front.moment

    def _line_up(self, incoming: Incoming) -> None:
        if self._going or self.paused or self._waiting:
            self._waiting.append(incoming)
        else:
            self._answer(incoming)

    def _known(self, incoming: Incoming) -> bool:
        """Is the sender of this head somebody? Who is not need not send a body."""
        site = self._front.site(incoming.target.cluster)
        return site is not None and site.user(incoming.headers, self._peer) is not None

    def _answer_early(self, incoming: Incoming) -> None:
        """Answer in the middle of a request; the rest of it is thrown away."""
        incoming.keep_alive = False
        self._answer(incoming)

    def _answer(self, incoming: Incoming) -> None:
        front = self._front
        self._since = front.moment
        site = front.site(incoming.target.cluster)
        if site is None:
            name = incoming.target.cluster
            missing = Problem(404, "NotFound", f'clusters "{name}" not found', {"name": name, "kind": "clusters"})
            self._forget(incoming)
            self._send(incoming, refusal(missing), b"")
            return
        found = site.answer(incoming, site.user(incoming.headers, self._peer), self._peer.address)
        self._forget(incoming)
        if isinstance(found, Going):
            self._carry(incoming, found)
        else:
            self._send(incoming, found, site.date(front))

    def _forget(self, incoming: Incoming) -> None:
        """Let go of a body."""
        self._front.bodies -= incoming.size
        incoming.size = 0
        incoming.body = []

    def _send(self, incoming: Incoming, response: Response, date: bytes) -> None:
        stays = incoming.keep_alive and not self._front.stopping
        takes_gzip = "gzip" in incoming.headers.get("accept-encoding", "")
        for piece in whole(response, date, takes_gzip, not stays, incoming.method == "HEAD"):
            self.write(piece)
        if not stays:
            self._after(stays)

    def _carry(self, incoming: Incoming, going: Going) -> None:
        """Begin an answer that goes on."""
        answer = going.answer
        if isinstance(answer, Logs | Proxy):
            incoming.remote = self._peer.address
            pieces = Pieces(self, incoming.modern, incoming.method == "HEAD")
            self._going = (incoming, going, pieces)
            going.begin(pieces)
            pieces.task = self._front.spawn(carry(self._front, incoming, going, pieces, self))
            return
        chunks = self._front.chunks if incoming.modern else None
        stream = WatchStream(self, answer, chunks, self._front.turn, self._limits)
        self._going = (incoming, going, stream)
        going.begin(stream)
        self.write(watch_head(answer.headers, going.site.date(self._front), incoming.modern))
        stream.open()

    def _after(self, stays: bool) -> None:
        """Go on after an answer, or come to an end."""
        self._since = self._front.moment
        if stays and not self._front.stopping:
            self._go_on()
        elif self._reader.in_body:
            self._linger()
        else:
            self._deaf = True
            self._transport.close()

    def _go_on(self) -> None:
        """Answer what has been waiting, as far as that goes."""
        while self._waiting and not (self._going or self.paused or self._deaf):
            self._answer(self._waiting.popleft())
        if self._held and not (self._going or self.paused or self._deaf):
            held, self._held = bytes(self._held), bytearray()
            self._read(held)
        self._regulate()

    def _refuse(self, why: Refused) -> None:
        """Say what is wrong with what came and hang up; into an answer that goes on nothing can be said."""
        if self._deaf:
            return
        if self._going or self._waiting:
            self.hang_up()
            return
        self.write(refused(why.status, why.text))
        self._linger()

    def _linger(self) -> None:
        """Hang up once the client has had time to read: closing at once could cost it what we said last."""
        self._deaf = self._lingers = True
        self._since = self._front.moment
        self._held.clear()
        self._regulate()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > self._limits.discarded:
            self._transport.close()

    def _regulate(self) -> None:
        """Read from the client, or let it wait."""
        full = len(self._held) > self._limits.ahead or (self._upload is not None and self._upload.full)
        reading = not full or self._deaf
        if reading != self._reading and not self._transport.is_closing():
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()
