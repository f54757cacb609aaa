"""The feed as it grows: server-sent events (WHATWG HTML, 9.2) in one answer that does not end.

Each event of the log is a message with its position as id, so an EventSource that comes
back goes on where it was.

What a reader does not take costs memory here, and there may be many that take nothing: a
laptop that was closed, a network that is gone, malice.  So the log is read page by page, and
the next page only when the one before has been taken; a page is handed to the server piece by
piece, and the server holds at most two pieces.  Together that is less than half a megabyte for
each reader, unless a single event is larger.  However slowly a reader takes it, it is served;
the connection of one that takes nothing any longer is ended as that of everybody else is
(:mod:`shared.runtime.taking`), and when the process stops so is that of one that does not end
in time.  Then its place is free, and its page forgotten.  It loses nothing: it comes back with
the id of its last message.

The log may come to end before what a reader has been sent: it was restored from an older
backup or shortened.  The reader is told with a message ``head`` where the log ends now, and
again whenever that changes, until the log has grown past the reader's own position.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from fastapi import Request, Response
from starlette.types import Message, Receive, Scope, Send

from services.events.api.disconnecting import disconnected
from services.events.api.views import event_text
from services.events.store.read import Page, Row
from services.events.wake import Waiter, Wake
from shared.domain.errors import HomewardError
from shared.runtime.auth import Authenticator, Principal
from shared.runtime.guard import waiting
from shared.wire.feed import AUTHORITY_HEADER

MEDIA_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
#: How often the key is looked at again.
KEY_SECONDS = 5.0
#: What is handed to the server at once.  It takes more only when less than so much is left of what it has.
PIECE_BYTES = 65_536

#: Reads the page behind a position, when there is a turn for it, and calls what it is given just before it looks.
ReadPage = Callable[[int, Callable[[], None]], Awaitable[Page]]

_RETRY = b"retry: 2000\n\n"
_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who follows, and whether they still may."""

    request: Request
    principal: Principal

    async def still_admitted(self) -> bool:
        """Look at the key again; a database that is away admits nobody."""
        authenticator: Authenticator = self.request.app.state.authenticator
        token = self.request.headers["authorization"].split(maxsplit=1)[1]
        try:
            await authenticator.principal(token, self.request.headers.get(AUTHORITY_HEADER))
        except Exception:  # Whatever is wrong, nobody is admitted on a doubt.
            return False
        return True


class LiveAnswer(Response):
    """An answer that goes on until the reader leaves, the key is revoked, or the process stops.

    It also ends when the log cannot be read: the reader comes back, and is told why.
    """

    def __init__(self, wake: Wake, read: ReadPage, caller: Caller, start: int, *, endless: bool) -> None:
        """Send what ``read`` gives behind ``start``; unless ``endless``, up to the head of the log as it is found."""
        super().__init__(media_type=MEDIA_TYPE, headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._wake = wake
        self._read = read
        self._caller = caller
        self._start = start
        self._endless = endless

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer.  Raises TooManyWaiting or NotReady, but only before it has begun."""
        del scope
        principal = self._caller.principal
        with self._wake.waiter(principal.authority_id, bounded=not principal.is_sister) as waiter:
            first = await self._read(self._start, waiter.watch)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            messages = _Messages(self._wake, waiter, self._read, self._caller, send, endless=self._endless)
            # It is answered: how long the reader stays, and how fast it takes what comes, says nothing about us.
            with waiting():
                async with disconnected(receive, waiter.wake) as gone:
                    await _until_over(asyncio.create_task(messages.send_all(first)), gone)


async def _until_over(sending: asyncio.Task[None], gone: asyncio.Task[None]) -> None:
    """Wait until everything is sent, or the reader has gone, or its connection was ended."""
    try:
        await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        outcome, *_ = await asyncio.gather(sending, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


class _Messages:
    """The messages of one answer, in their order."""

    def __init__(
        self,
        wake: Wake,
        waiter: Waiter,
        read: ReadPage,
        caller: Caller,
        send: Send,
        *,
        endless: bool,
    ) -> None:
        self._wake = wake
        self._waiter = waiter
        self._read = read
        self._caller = caller
        self._send = send
        self._endless = endless
        #: Where the log ended when the reader had all of it; None while it is behind.
        self._head: int | None = None
        self._sent_at = self._admitted_at = monotonic()

    async def send_all(self, first: Page) -> None:
        """Send page after page, and end the answer in good order."""
        await self._write(_RETRY)
        page: Page | None = first
        while page is not None:
            await self._write_page(page)
            page = await self._next(page)
        await self._send(_END)

    async def _next(self, page: Page) -> Page | None:
        """Return the page behind this one as soon as there may be something in it; None to end."""
        if page.at_head and not self._endless:
            return None
        self._waiter.saw(page.head)
        while page.at_head and not await self._waiter.wait(KEY_SECONDS):
            await self._beat(page)
            if not await self._admitted():
                return None
        await self._beat(page)
        if self._wake.stopping or not await self._admitted():
            return None
        try:
            return await self._read(page.next_after, self._waiter.watch)
        except HomewardError:
            return None

    async def _write_page(self, page: Page) -> None:
        """Write a page; once the end is reached say so, and again only after having been far behind.

        A log that ends before the reader's own position has lost what the reader was sent: each such end is told.
        """
        text = bytearray()
        for row in page.rows:
            text += _message(row)
            if len(text) >= PIECE_BYTES:
                await self._write(bytes(text))
                text.clear()
        head = min(page.next_after, page.head) if page.at_head else None
        lost = head is not None and head < page.next_after
        if head is not None and (self._head is None or (lost and head != self._head)):
            text += b'id: %d\nevent: head\ndata: {"position":%d}\n\n' % (page.next_after, head)
        await self._write(bytes(text))
        self._head = head

    async def _beat(self, page: Page) -> None:
        """Send a sign of life where nothing was sent for long; it also says how far the log was looked at."""
        if monotonic() - self._sent_at >= HEARTBEAT_SECONDS:
            await self._write(b": nothing new\nid: %d\n\n" % page.next_after)

    async def _admitted(self) -> bool:
        if monotonic() - self._admitted_at >= KEY_SECONDS:
            if not await self._caller.still_admitted():
                return False
            self._admitted_at = monotonic()
        return True

    async def _write(self, text: bytes) -> None:
        """Send some text piece by piece, each when the one before has been taken."""
        for begin in range(0, len(text), PIECE_BYTES):
            piece = text[begin : begin + PIECE_BYTES]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            self._sent_at = monotonic()


def _message(row: Row) -> bytes:
    """Write one event as a message.

    A line end in JSON is white space between its parts.  Each line of the text is a line of
    data, and a reader puts them together with line feeds: the same JSON, if not the same bytes.
    """
    data = b"\ndata: ".join(event_text(row).splitlines())
    return b"id: %d\nevent: recorded\ndata: %s\n\n" % (row["position"], data)
