"""Connections, of which anybody may open any number: what they may cost before a key is seen.

uvicorn with its fast parser ends a connection that is silent after an answer, and no other:
whoever sends nothing, or a byte from time to time, or takes nothing, keeps it for ever, and may
send a head of any size.  Here a head has a time and a size, an answer is taken, and there is a
bound on connections.

No number of connections is kept for each address: behind a proxy all have the same one, and so
may a whole council have without.  What makes one caller no danger to others is that where there
is no more room, the connection that has waited longest without a request makes some.
"""

from __future__ import annotations

import asyncio
import fcntl
import resource
import socket
import sys
import termios
from itertools import chain, takewhile

import httptools
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from shared.domain.errors import NotReady
from shared.runtime.problems import answer, refused

#: Whoever is being answered takes at least so many bytes in so many seconds of what waits to be sent.
TAKEN_BYTES = 32_768
TAKE_SECONDS = 60.0
#: A head, which is the line that names the operation and all headers, has this long to be whole: from the opening of
#: the connection, or from the end of the answer before.
HEAD_SECONDS = 20.0
#: The largest head, in bytes: four times the longest query that is taken, and what nginx takes.
HEAD_BYTES = 32_768
#: Connections of one process: as many as may wait for events, and as many again.
MOST_CONNECTIONS = 4_000
#: Connections that were refused and are still read, so that the other end comes to read the answer.
MOST_REFUSED = 100
#: A header takes so many bytes besides its name and its value.
_BETWEEN = len(": \r\n")

_ended = Counter(
    "homeward_connections_ended_total",
    "Connections ended by this process: a head was late, large or unreadable, an answer untaken, or there was no room",
    ["reason"],
)


class Connections(ServerState):
    """The open connections of one server, and which of them owe the head of a request."""

    def __init__(self, most: int) -> None:
        """Keep at most so many open."""
        super().__init__()
        self._most = most
        # Until when each may owe it, be read although it was refused, or leave its answer where it is.
        # In each of the three all have the same time, so that the first is the first to end.
        self._owing: dict[Connection, float] = {}
        self._refused: dict[Connection, float] = {}
        self._taking: dict[Connection, float] = {}

    def owes(self, connection: Connection, now: float) -> None:
        """Give it the time that a head has."""
        self._owing.pop(connection, None)
        self._owing[connection] = now + HEAD_SECONDS

    def owes_nothing(self, connection: Connection) -> None:
        """Let it take its time: a request is under way."""
        self._owing.pop(connection, None)

    def refuse(self, connection: Connection, now: float) -> None:
        """Count it among the open ones no more; some of those that were refused last are still read for a while."""
        self._owing.pop(connection, None)
        self.connections.discard(connection)
        self._refused[connection] = now + HEAD_SECONDS
        if len(self._refused) > MOST_REFUSED:
            self._end(self._refused, next(iter(self._refused)))

    def forget(self, connection: Connection) -> None:
        """Hear that it is gone."""
        for waiting in (self._owing, self._refused, self._taking):
            waiting.pop(connection, None)

    def takes(self, connection: Connection, now: float) -> None:
        """Give it the time in which some of its answer must be taken."""
        self._taking.pop(connection, None)
        self._taking[connection] = now + TAKE_SECONDS

    def has_taken(self, connection: Connection) -> None:
        """Hear that next to nothing is left to take."""
        self._taking.pop(connection, None)

    def end_late(self, now: float) -> None:
        """End those whose time is over; called several times a second."""
        for connection in [*_late(self._owing, now), *_late(self._refused, now)]:
            connection.end_late(now)
        for connection in _late(self._taking, now):
            connection.end_untaken(now)

    def make_room(self) -> bool:
        """Return whether there is room for one that just came; the one that owes a head for longest may make it.

        It has its answers: who still takes one does not owe a request yet.
        """
        if len(self.connections) <= self._most:
            return True
        silent = next((each for each in self._owing if not each.transport.get_write_buffer_size()), None)
        if silent is None:
            return False
        _ended.labels("no_room").inc()
        self._end(self._owing, silent)
        return True

    def end_refused(self) -> None:
        """End all that were refused."""
        for connection in list(self._refused):
            self._end(self._refused, connection)

    def _end(self, waiting: dict[Connection, float], connection: Connection) -> None:
        del waiting[connection]
        self.connections.discard(connection)
        connection.transport.abort()


def _late(waiting: dict[Connection, float], now: float) -> list[Connection]:
    """Take out those whose time is over."""
    late = list(takewhile(lambda each: waiting[each] <= now, waiting))
    for connection in late:
        del waiting[connection]
    return late


def _unacknowledged(connected: socket.socket | None) -> int:
    """Return what the kernel has taken and the other end has not acknowledged; 0 where the system does not tell."""
    if connected is None or connected.fileno() < 0 or not hasattr(termios, "TIOCOUTQ"):
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0


class Connection(HttpToolsProtocol):
    """One connection of a server whose state is :class:`Connections`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take what uvicorn gives."""
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(server_state, Connections)
        self._all = server_state
        self._in_head = False
        self._refused = False
        # Bytes received since the parser last told of anything that is not kept.
        self._untold = 0
        # Bytes that waited to be sent when it was last looked.
        self._left = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Wait for a request, if there is room."""
        super().connection_made(transport)
        if self._all.make_room():
            self._all.owes(self, self.loop.time())
        else:
            self._refuse("no_room", answer(NotReady("Too many connections are open; come back shortly.")))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._all.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as uvicorn does, but pass over what asks to speak another protocol."""
        self._unset_keepalive_if_required()
        if self._refused:
            return
        self._untold += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            if not self._refused:
                self._refuse("unreadable", refused(400, "This is no HTTP/1.1 request that can be read."))
        if self._untold > HEAD_BYTES and not self._refused:
            self._refuse_large()

    def _feed(self, data: bytes) -> None:
        rest = memoryview(data)
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

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head is too large."""
        if len(self.url) + sum(map(len, chain(*self.headers))) + _BETWEEN * len(self.headers) > HEAD_BYTES:
            self._refuse_large()
            raise httptools.HttpParserError("the head is too large")
        self._in_head, self._untold = False, 0
        self._all.owes_nothing(self)
        super().on_headers_complete()
        # What comes behind a body as more headers is not for the operation, which has begun.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._untold = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there."""
        if not self.pipeline and not self._refused:
            self._all.owes(self, self.loop.time())
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Hear that more waits to be sent than should."""
        super().pause_writing()
        self._left = self._untaken()
        self._all.takes(self, self.loop.time())

    def resume_writing(self) -> None:
        """Hear that it has been sent."""
        super().resume_writing()
        self._all.has_taken(self)

    def end_late(self, now: float) -> None:
        """End it, as no request came in time; say so to whoever has begun one."""
        if self._refused:
            self.transport.abort()
            return
        if self.flow.write_paused:
            # The answer before is still being taken, and that has bounds of its own.
            self._all.owes(self, now)
            return
        if self._in_head:
            self._refuse("late", refused(408, f"The head of a request has {HEAD_SECONDS:g} seconds to arrive."))
        self.transport.close()
        if self.transport.get_write_buffer_size():
            # It closes once what is left has been taken, and that has bounds, too.
            self._left = self._untaken()
            self._all.takes(self, now)

    def end_untaken(self, now: float) -> None:
        """End it, unless the other end has taken some of its answer."""
        left = self._untaken()
        if self._left - left >= TAKEN_BYTES:
            self._left = left
            self._all.takes(self, now)
        else:
            _ended.labels("untaken").inc()
            self.transport.abort()

    def _untaken(self) -> int:
        """Return how many bytes the other end has not taken yet: those that wait here, and those in the kernel.

        The kernel holds megabytes, and asks for more only when a third of them has been taken: a
        slow reader would seem to take nothing for a minute.
        """
        return self.transport.get_write_buffer_size() + _unacknowledged(self.transport.get_extra_info("socket"))

    def _refuse_large(self) -> None:
        self._refuse("large", refused(431, f"The URL and the headers of a request may have {HEAD_BYTES} bytes."))

    def _refuse(self, reason: str, response: JSONResponse) -> None:
        """Answer what cannot be read or served, and read no more.

        What still comes is thrown away for a while: a connection that is closed before it was
        read would take the answer with it.
        """
        self._refused = True
        _ended.labels(reason).inc()
        self._all.refuse(self, self.loop.time())
        if self.pipeline or (self.cycle is not None and not self.cycle.response_complete):
            if self.pipeline or self.cycle.response_started or not self.cycle.more_body:
                self.transport.close()  # An answer here would be taken for that to the request before.
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        fields = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
        head = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body))
        if self.transport.can_write_eof():
            self.transport.write_eof()


def room_for_connections() -> int:
    """Return how many connections this process can keep open: the system counts them as files.

    Half of those are left to everything else.  The number that a process begins with, often
    1,024, is raised as far as it may be.
    """
    files, at_most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS
    if files != resource.RLIM_INFINITY and files < wanted:
        files = wanted if at_most == resource.RLIM_INFINITY else min(wanted, at_most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, at_most))
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, files // 2)
