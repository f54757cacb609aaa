"""Keep-alive HTTP/1.1 clients that cost little, since they share the machine with the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Self

#: What a connection has room for at first; a page of the feed gets more.
_BUFFER_BYTES = 65_536
_END_OF_HEAD = b"\r\n\r\n"


def request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: benchmark", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Answers(asyncio.BufferedProtocol):
    """Receives one answer at a time, in place: asyncio's streams take longer over a page than the server does."""

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER_BYTES)
        self._received = 0
        self._length = 0
        self._whole: asyncio.Future[bytes] | None = None

    def expect(self) -> asyncio.Future[bytes]:
        """Promise the next answer, head and body."""
        self._received = self._length = 0
        self._whole = asyncio.get_running_loop().create_future()
        return self._whole

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes next."""
        del sizehint
        return memoryview(self._buffer)[self._received :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what came, and keep the promise once it is all there."""
        self._received += nbytes
        if not self._length:
            self._read_head()
        if self._length and self._received >= self._length and self._whole is not None:
            self._whole.set_result(bytes(memoryview(self._buffer)[: self._length]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Break the promise."""
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(exc or ConnectionResetError())

    def _read_head(self) -> None:
        end = self._buffer.find(_END_OF_HEAD, 0, self._received)
        if end >= 0:
            length = self._buffer[:end].lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
            self._length = end + len(_END_OF_HEAD) + int(length)
            if self._length > len(self._buffer):
                # And some more: the loop wants room for what may come next.
                self._buffer = self._buffer[: self._received] + bytearray(self._length + _BUFFER_BYTES)


class Connection:
    """One connection, on which one request at a time is under way."""

    def __init__(self, port: int) -> None:
        """Connect to this machine's ``port`` when entered."""
        self._port = port

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, self._answers = await loop.create_connection(_Answers, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    async def send(self, message: bytes) -> int:
        """Send one request, read the whole answer, and return its status."""
        return int((await self._answer(message))[9:12])

    async def ask(self, message: bytes) -> bytes:
        """Send one request and return the body of its answer."""
        return (await self._answer(message)).split(_END_OF_HEAD, 1)[1]

    async def _answer(self, message: bytes) -> bytes:
        whole = self._answers.expect()
        self._transport.write(message)
        return await whole


@dataclass(frozen=True, slots=True)
class Load:
    """Requests answered in a second, and the median time of one in milliseconds."""

    rate: float
    milliseconds: float


async def load(port: int, clients: int, seconds: float, next_request: Callable[[], bytes]) -> Load:
    """Let ``clients`` send request after request for ``seconds``; raises RuntimeError for any status but 200."""
    durations: list[float] = []
    began = perf_counter()
    until = began + seconds

    async def one_client() -> None:
        async with Connection(port) as connection:
            while (sent_at := perf_counter()) < until:
                status = await connection.send(next_request())
                if status != 200:  # noqa: PLR2004 - HTTP's own number
                    raise RuntimeError(f"a request of the benchmark was answered {status}")
                durations.append(perf_counter() - sent_at)

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return Load(len(durations) / (perf_counter() - began), median(durations) * 1000)
