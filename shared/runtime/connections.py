"""Connections, of which anybody may open any number: what they may cost before a key is seen.

uvicorn with its fast parser ends a connection that is silent after an answer, and no other:
whoever sends nothing, or a byte from time to time, or takes nothing, keeps it for ever, and may
send a head of any size.  Here a head has a time and a size, an answer is taken, and there is a
bound on connections (:mod:`shared.runtime.room`).

Whoever still sends when it is answered is heard out (:mod:`shared.runtime.hearing_out`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain
from typing import Any

import httptools
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from shared.domain.errors import NotReady
from shared.runtime import hearing_out, room, taking
from shared.runtime.problems import answer, refused

#: The largest head, in bytes: four times the longest query that is taken, and what nginx takes.
HEAD_BYTES = 32_768
#: The most headers: in memory each takes twenty times the room that it took on the way, if it is short.
MOST_HEADERS = 100
#: A header takes so many bytes besides its name and its value.
_BETWEEN = len(": \r\n")
#: What is received is read in pieces of so many bytes, so that a head is found too large before it is all read.
_PIECE_BYTES = HEAD_BYTES // 4

_ended = Counter(
    "homeward_connections_ended_total",
    "Connections ended by this process, each once: a head was late, large or unreadable, an answer untaken, what came "
    "behind one overlong, there was no room, or the process was stopping",
    ["reason"],
)


class _Written:
    """What uvicorn writes an answer to: the transport, but for its end."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


class Connection(HttpToolsProtocol):
    """One connection of a server whose state is :class:`~shared.runtime.room.Connections`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take what uvicorn gives."""
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(server_state, room.Connections)
        self._all = server_state
        self._in_head = False
        # The request that is being answered; those that came behind it meanwhile wait.
        self._answered: RequestResponseCycle | None = None
        # What is read only so that what was answered is not lost; None where all that comes is served.
        self._heard_out: hearing_out.HearingOut | None = None
        # Whether it is among those that were counted as ended.
        self._is_counted = False
        # Bytes received since the parser last told of anything that is not kept.
        self._untold = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Wait for a request, if there is room."""
        super().connection_made(transport)
        self._written = _Written(transport, self._close)
        self._taken = taking.Taking(transport)
        now = self.loop.time()
        if self._all.make_room(now):
            self._all.owes(self, now)
        else:
            self._refuse("no_room", answer(NotReady("Too many connections are open; come back shortly.")))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, and let what is being answered know."""
        self._all.forget(self)
        self.pipeline.clear()
        super().connection_lost(exc)
        if self._answered is not None:
            self._answered.disconnected = True
            self._answered.message_event.set()
            self._answered = None
        # What refers to itself would be freed only by the collector, which is asked to look seldom.
        self._written.close = self.transport.close

    def data_received(self, data: bytes) -> None:
        """Read on, as uvicorn does, but pass over what asks to speak another protocol."""
        self._unset_keepalive_if_required()
        if self._serves_no_more:
            self._throw_away(data)
            return
        received = memoryview(data)
        for begin in range(0, len(data), _PIECE_BYTES):
            if not self._serves_no_more:
                self._read(received[begin : begin + _PIECE_BYTES])

    def _read(self, piece: memoryview) -> None:
        self._untold += len(piece)
        try:
            self._feed(piece)
        except httptools.HttpParserError:
            self._refuse_unreadable()
        if self._untold > HEAD_BYTES and not self._serves_no_more:
            self._refuse_large()

    def _feed(self, rest: memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
                self._read_anew()
            else:
                return

    def _read_anew(self) -> None:
        """Read the present head again as if it did not ask for another protocol, which a server need not heed.

        The parser takes such a request to have no body, and what follows to be no HTTP.  Clients
        that prefer HTTP/2 ask so for it and send their body all the same (RFC 9110, section 7.8).
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            raise httptools.HttpParserError("nothing here connects")
        kept = [b"%s: %s\r\n" % field for field in self.scope["headers"] if field[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(b"%s %s HTTP/%s\r\n%s\r\n" % (method, self.url, version, b"".join(kept)))

    def _should_upgrade(self) -> bool:
        # Has uvicorn begin nothing where the parser sees an upgrade: the head is read anew.
        return True

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head, self._untold = True, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless there are too many."""
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._refuse_large()
            raise httptools.HttpParserError("there are too many headers")

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head is too large."""
        if len(self.url) + sum(map(len, chain(*self.headers))) + _BETWEEN * len(self.headers) > HEAD_BYTES:
            self._refuse_large()
            raise httptools.HttpParserError("the head is too large")
        self._in_head, self._untold = False, 0
        self._all.owes_nothing(self)
        super().on_headers_complete()
        if self.cycle is not None:  # as it is where the first request is read anew
            self.cycle.transport = self._written  # type: ignore[assignment]  # all that an answer asks of one
        # What comes behind a body as more headers is not for the operation, which has begun.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._untold = 0
        super().on_body(body)
        self._throw_away(body)

    def on_message_complete(self) -> None:
        """End the request; whoever was answered before has sent all of it now, and owes another."""
        if self._heard_out is not None:
            self._heard_out = None
            self._all.owes(self, self.loop.time())
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there, and let the present one be whole before that."""
        now = self.loop.time()
        unread = not self.pipeline and self.cycle.more_body
        if not self.pipeline and not self._serves_no_more:
            self._all.owes(self, now)
            if unread:
                self._heard_out = hearing_out.HearingOut(now, serves_on=True)
        super().on_response_complete()
        if unread:
            self._unset_keepalive_if_required()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """Hear that more waits to be sent than should."""
        super().pause_writing()
        self._must_take(self.loop.time())

    def resume_writing(self) -> None:
        """Hear that it has been sent."""
        super().resume_writing()
        self._all.has_taken(self)

    def end_late(self, now: float) -> None:
        """End it, as no request came in time; say so to whoever has begun one."""
        if self.flow.write_paused:
            # The answer before is still being taken, and that has bounds of its own.
            if self._serves_no_more:
                self._all.linger(self, now)
            else:
                self._all.owes(self, now)
        elif self._serves_no_more:
            self.end("overlong")
        elif self._in_head:
            self._refuse("late", refused(408, f"The head of a request has {room.HEAD_SECONDS:g} seconds to arrive."))
        elif self._heard_out is not None and not self._heard_out.is_over(now):
            self._all.owes(self, now)
        else:
            self._end_silent(now)

    def end_untaken(self, now: float) -> None:
        """End it, unless the other end has taken some of its answer not long ago."""
        if self._taken.is_over(now):
            self.end("untaken")
        else:
            self._all.takes(self, now)

    def end(self, reason: str) -> None:
        """End it at once, whatever is under way."""
        self._count(reason)
        self.transport.abort()

    @property
    def takes_since(self) -> float:
        """Since when the other end has had much of its answer to take, on the loop's clock."""
        return self._taken.since

    @property
    def _serves_no_more(self) -> bool:
        return self._heard_out is not None and not self._heard_out.serves_on

    def _count(self, reason: str) -> None:
        """Count it as ended for the first reason that there is: whoever was refused may be late in going, too."""
        if not self._is_counted:
            self._is_counted = True
            _ended.labels(reason).inc()

    def _end_silent(self, now: float) -> None:
        """End it behind what it still takes: no head has begun, or the rest of a body did not come in its time."""
        if self._heard_out is not None:
            self._count("overlong")
        self.transport.close()
        if self.transport.get_write_buffer_size():
            # It closes once what is left has been taken, and that has bounds, too.
            self._must_take(now)

    def _must_take(self, now: float) -> None:
        self._taken.begin(now)
        self._all.takes(self, now)

    def _refuse_large(self) -> None:
        message = f"The URL and the headers of a request may have {HEAD_BYTES} bytes, in {MOST_HEADERS} headers."
        self._refuse("large", refused(431, message))

    def _refuse_unreadable(self) -> None:
        if self._heard_out is None:
            self._refuse("unreadable", refused(400, "This is no HTTP/1.1 request that can be read."))
        elif self._heard_out.serves_on:
            # The rest of a body that was answered: to answer it again would be an answer to nothing.
            self._count("unreadable")
            self.transport.close()

    def _refuse(self, reason: str, response: JSONResponse) -> None:
        """Answer what cannot be read or served, and serve no more."""
        self._count(reason)
        self._linger()
        if self.pipeline or (self.cycle is not None and not self.cycle.response_complete):
            if self.pipeline or self.cycle.response_started or not self.cycle.more_body:
                self.transport.close()  # An answer here would be taken for that to the request before.
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        fields = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
        head = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body))
        self._say_it_was_all()

    def _close(self) -> None:
        """End it behind an answer; when its request is not whole, as soon as that is, or has had its time."""
        if self.cycle.more_body and not self.transport.is_closing():
            self.pipeline.clear()
            self._linger()
            self._say_it_was_all()
        else:
            self.transport.close()

    def _linger(self) -> None:
        """Serve no more, and throw away what still comes."""
        now = self.loop.time()
        self._heard_out = hearing_out.HearingOut(now, serves_on=False)
        self._all.linger(self, now)
        self.flow.resume_reading()

    def _say_it_was_all(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _throw_away(self, data: bytes) -> None:
        """Count what comes, if it is only heard out, and end it where that is too much."""
        if self._heard_out is not None and self._heard_out.throw_away(data):
            self.end("overlong")
