"""Keep-alive HTTP/1.1 clients that cost little, since they share the machine with the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Self

#: More than any answer: a small buffer makes a client stop and go while a page of the feed comes.
_BUFFER_BYTES = 8_000_000


def request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: benchmark", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """One connection, on which one request at a time is under way."""

    def __init__(self, port: int) -> None:
        """Connect to this machine's ``port`` when entered."""
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_BUFFER_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def send(self, message: bytes) -> int:
        """Send one request, read the whole answer, and return its status."""
        self._writer.write(message)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)
        return int(head[9:12])


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
