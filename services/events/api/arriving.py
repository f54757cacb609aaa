"""Taking the body of a request that posts events, as it comes.

Connections are many and patient: one key could fill the memory with bodies that never end.
So each authority may have this process hold so many bytes of bodies that are still arriving;
what waits behind that is for the appender to bound.
"""

from __future__ import annotations

from collections import Counter

from fastapi import Request
from starlette.requests import ClientDisconnect

from shared.domain.errors import BodyTooLarge, NotReady, UnsupportedMedia
from shared.wire import limits

#: As much as may wait to be appended to one log.
ARRIVING_BYTES = 64_000_000


class Arriving:
    """The bodies that are arriving, by authority."""

    def __init__(self, most: int = ARRIVING_BYTES) -> None:
        """Hold at most so many bytes for each authority."""
        self._most = most
        self._held: Counter[str] = Counter()

    async def body(self, request: Request, authority_id: str) -> bytes:
        """Return the whole body.

        Raises BodyTooLarge as soon as it is, UnsupportedMedia for one that is compressed, and
        NotReady when too much of this authority is arriving already.
        """
        _check_headers(request)
        chunks: list[bytes] = []
        size = 0
        try:
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk = message.get("body", b"")
                chunks.append(chunk)
                size += len(chunk)
                self._held[authority_id] += len(chunk)
                if size > limits.BODY_BYTES:
                    raise _too_large()
                more = message.get("more_body", False)
                if more and self._held[authority_id] > self._most:
                    raise NotReady("Too much is being posted at once; nothing of this request was stored.")
        finally:
            self._held[authority_id] -= size
            if not self._held[authority_id]:
                del self._held[authority_id]
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check_headers(request: Request) -> None:
    headers = request.headers
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send the body as it is, without Content-Encoding.")
    # Python refuses to read a number of thousands of digits, be they zeros in front.
    declared = headers.get("content-length", "").lstrip("0")[:20]
    if declared.isdecimal() and int(declared) > limits.BODY_BYTES:
        raise _too_large()


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"A body holds at most {limits.BODY_BYTES} bytes; split the request.")
