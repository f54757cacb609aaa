"""The outermost layer of every app: refuses unreadable URLs, counts, names each request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from secrets import token_hex
from time import perf_counter
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.errors import BodyTooSlow, Fault, UnreadableUrl
from shared.runtime.distribution import SECONDS, Distribution
from shared.runtime.problems import answer, unforeseen

MAX_QUERY_BYTES = 8_192
#: A sender has this long for a whole body, and for each part of it.
BODY_SECONDS = 300.0
BODY_PAUSE_SECONDS = 20.0

_seconds = Distribution(
    "homeward_http_request_seconds",
    "Time to answer, without that in which there was nothing to answer yet",
    ("service", "method", "operation", "status"),
    SECONDS,
)
_waited = Distribution(
    "homeward_http_waiting_seconds",
    "Time for which long polls and live feeds waited for something to answer; it is no part of the time to answer",
    ("service", "operation"),
    (0.1, 1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 3600.0),
)
#: Names a request among those of all processes: which process it was, and its number there.
_PROCESS = token_hex(8).encode()
_numbers = count(1)

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"private, no-store"),
)


@contextmanager
def waiting() -> Iterator[None]:
    """Leave the time spent within out of the time that the present request takes; a second one within changes nothing.

    Whoever asks to wait until something happens is not answered slowly.
    """
    watch = _present.get()
    if watch is None or watch.waits:
        yield
        return
    watch.waits, began = True, perf_counter()
    try:
        yield
    finally:
        watch.waits = False
        watch.waited += perf_counter() - began


class RequestGuard:
    """ASGI middleware around every request of a service."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        """Guard ``app``; ``service`` labels the figures."""
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a readable request; answer 400 to any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watch = _Watch(send)
        outer = _present.set(watch)
        body = _Body(receive)
        app = self._app if _readable(scope) else answer(_UNREADABLE)
        try:
            await app(scope, body.receive, watch.send)
        except Exception as error:
            # Caught here and not by a handler of the app: Starlette would raise it again behind such a
            # handler, and the server would log its text, which may hold a child's data.
            response = unforeseen(error)
            # It may hold what was posted, in a circle that only the collector would free.
            error.__traceback__ = None
            if not watch.status:
                await response(scope, receive, watch.send)
        finally:
            _present.reset(outer)
            route = getattr(scope.get("route"), "path", "other")
            taken = watch.elapsed() - watch.waited
            _seconds.observe(taken, self._service, scope["method"], route, str(watch.status))
            if watch.waited:
                _waited.observe(watch.waited, self._service, route)


class _Body:
    """Passes on the body as it arrives, as long as it arrives in time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._deadline = perf_counter() + BODY_SECONDS
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        left = min(self._deadline - perf_counter(), BODY_PAUSE_SECONDS)
        try:
            async with asyncio.timeout(left):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow from None
        self._whole = not message.get("more_body", False)
        return message


class _Watch:
    """Adds the common headers to the answer and remembers its status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._began = perf_counter()
        self.status = 0
        self.waits = False
        self.waited = 0.0

    def elapsed(self) -> float:
        return perf_counter() - self._began

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name for name, _ in message["headers"]}
            added = [(name, value) for name, value in _HEADERS if name not in present]
            message["headers"] = [
                *message["headers"],
                *added,
                (b"x-request-id", b"%s%016x" % (_PROCESS, next(_numbers))),
            ]
        await self._send(message)


#: The request that the present task answers.
_present: ContextVar[_Watch | None] = ContextVar("present", default=None)

_NOT_ENCODED = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNREADABLE = UnreadableUrl(
    faults=[
        Fault("?", "url_unreadable", "The path or query is not percent-encoded UTF-8, holds U+0000, or is too long.")
    ],
)


def _readable(scope: Scope) -> bool:
    query: bytes = scope.get("query_string", b"")
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    if len(query) > MAX_QUERY_BYTES:
        return False
    return all(_is_text(part) for part in (raw_path, query))


def _is_text(encoded: bytes) -> bool:
    if encoded.isascii() and b"%" not in encoded and b"\x00" not in encoded:
        return True
    if _NOT_ENCODED.search(encoded):
        return False
    decoded = unquote_to_bytes(encoded)
    if b"\x00" in decoded:
        return False
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
