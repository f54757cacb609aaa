"""What a process remembers of a log, so that it need not ask before each append."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice

from services.events.store.connection import Connection

#: Streams of one log whose ends are kept; of others the end is asked for again.
STREAMS = 10_000


class LogMemory:
    """Where a log ended when this process last appended to it, and where some of its streams did.

    It may be wrong: another process may have appended since.  It is only ever believed
    because the database compares it with the log before it stores anything that was decided
    on it.  If the log still ends with the same event, every stream still ends where it did
    then, too.

    ``position`` (0: nothing is remembered), ``link`` and ``recorded_at`` are those of the
    last event.  ``shared`` is set when another process was found to append to the log too,
    ``alone`` while requests come one after the other and not several at a time.

    ``alone_on`` is the connection on which the last event was stored by itself, None if there is
    none; ``file`` then names the file of the database that the log lay in before, if that was asked.
    """

    __slots__ = ("_streams", "alone", "alone_on", "file", "link", "position", "recorded_at", "shared")

    def __init__(self) -> None:
        self.shared = False
        self.alone = False
        self._streams: dict[str, int] = {}
        self.forget()

    def forget(self) -> None:
        """Remember nothing of the log from now on."""
        self.position = 0
        self.link = b""
        self.recorded_at: datetime | None = None
        self.alone_on: Connection = None
        self.file: int | None = None
        self._streams.clear()

    @property
    def serves(self) -> bool:
        """Whether an append had better be decided on this memory than on a look at the log."""
        return self.position > 0 and not self.shared

    def ended(self, position: int, link: bytes, recorded_at: datetime, streams: Mapping[str, int]) -> None:
        """Remember the head of the log, and the ends of those of its streams that have changed."""
        self.position, self.link, self.recorded_at = position, link, recorded_at
        self.alone_on = self.file = None
        self.learn(streams)

    def looked(self, position: int, link: bytes) -> None:
        """Take note of where a look at the log, under its lock, found its head."""
        self.shared = self.position > 0 and (position, link) != (self.position, self.link)
        if self.shared:
            self._streams.clear()

    def learn(self, streams: Mapping[str, int]) -> None:
        """Remember where these streams end, and forget those that nobody has asked about for longest."""
        for stream, position in streams.items():
            self._streams.pop(stream, None)
            self._streams[stream] = position
        if len(self._streams) > STREAMS:
            for stream in list(islice(self._streams, len(self._streams) - STREAMS)):
                del self._streams[stream]

    def stream_head(self, stream: str) -> int | None:
        """Return where the stream ends (0: it does not exist), or None if that is not remembered."""
        return self._streams.get(stream)

    def stream_heads(self, streams: Iterable[str]) -> dict[str, int]:
        """Return where each of the streams ends of which that is remembered; 0: it does not exist."""
        remembered = self._streams
        return {stream: remembered[stream] for stream in streams if stream in remembered}
