"""Whether the other end of a connection still takes what is sent to it, however slowly.

A transport says how much waits in this process, which is of no use by itself: beneath it the
kernel holds megabytes, and asks for more only when a third of them has been taken, so that a
slow reader would seem to take nothing for many minutes.  But the kernel tells how much of what
it holds the other end has not acknowledged, and acknowledged is what the other end's system
has room for: what its program has read, and as much as that system keeps for it.

A steady reader is seen to take in steps all the same.  A system that has no more room asks for
more when a part of it is free again, a sixteenth of what it keeps: measured on Linux, a hundred
kilobytes for a program that always was slow, and two megabytes for one that took hundreds of
megabytes at full speed before.  In between nobody but that system knows.  Hence the time.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios

#: Whoever has taken nothing at all for so long, with something to take, takes nothing any longer: a program that
#: reads a kilobyte a second is left alone, and one that was fast before if it now reads 16.
TAKE_SECONDS = 120.0
#: How often it is worth looking within that time.
LOOKS = 6


class Taking:
    """What one connection's other end has to take, from when there is much of it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Look at this transport, and at the socket beneath it if there is one."""
        self._transport = transport
        self._left = 0
        self._taken_at = 0.0
        #: Since when there has been much to take, on the loop's clock.
        self.since = 0.0

    def begin(self, now: float) -> None:
        """Begin at an instant of the loop's clock."""
        self._left, self._taken_at, self.since = self._untaken(), now, now

    def is_over(self, now: float) -> bool:
        """Look, and return whether the last look at which something had been taken is too long ago."""
        left = self._untaken()
        if left < self._left:
            self._left, self._taken_at = left, now
        return now - self._taken_at >= TAKE_SECONDS

    def _untaken(self) -> int:
        return self._transport.get_write_buffer_size() + _unacknowledged(self._transport.get_extra_info("socket"))


def _unacknowledged(connected: socket.socket | None) -> int:
    """Return what the kernel has taken and the other end has not acknowledged; 0 where the system does not tell."""
    if connected is None or connected.fileno() < 0 or not hasattr(termios, "TIOCOUTQ"):
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0
