"""The open connections of a server: how many there may be, and which are ended when.

Anybody who reaches the port can open one, and so far has shown no key.  No number is kept for
each address: behind a proxy all have the same, and so may a whole council have without.  What
makes one caller no danger to others is that where there is no more room, the connection that
has waited longest without a request makes some, or else one that has taken its answer for long.
"""

from __future__ import annotations

import resource
from itertools import takewhile
from typing import TYPE_CHECKING, cast

from uvicorn.server import ServerState

from shared.runtime import hearing_out, taking

if TYPE_CHECKING:
    from shared.runtime.connections import Connection

#: A head, which is the line that names the operation and all headers, has this long to be whole: from the opening of
#: the connection, or from the end of the answer before.
HEAD_SECONDS = 20.0
#: Connections of one process: as many as may wait for events, and as many again.
MOST_CONNECTIONS = 4_000
#: Connections that will serve no more and are read for that reason alone.
MOST_LINGERING = 100
#: Whoever has been taking one answer for so long may have to make room for others: a reader of the feed goes on where
#: it was, and a page or a document is taken sooner.
SLOW_SECONDS = 60.0


class Connections(ServerState):
    """The open connections of one server, and which of them owe the head of a request."""

    def __init__(self, most: int) -> None:
        """Keep at most so many open."""
        super().__init__()
        self._most = most
        # The instants at which each has owed a head, or has been read though it serves no more, for too long, and at
        # which to look whether it has taken some of its answer.  In each of the three all are given the same time, so
        # that the first is the first to end.
        self._owing: dict[Connection, float] = {}
        self._lingering: dict[Connection, float] = {}
        self._taking: dict[Connection, float] = {}

    def owes(self, connection: Connection, now: float) -> None:
        """Give it the time that a head has."""
        self._owing.pop(connection, None)
        self._owing[connection] = now + HEAD_SECONDS

    def owes_nothing(self, connection: Connection) -> None:
        """Let it take its time: a request is under way."""
        self._owing.pop(connection, None)

    def linger(self, connection: Connection, now: float) -> None:
        """Count it among the open ones no more; some of those that came to this last are still read for a while."""
        self._owing.pop(connection, None)
        self._lingering.pop(connection, None)
        self.connections.discard(connection)
        self._lingering[connection] = now + hearing_out.LINGER_SECONDS
        if len(self._lingering) > MOST_LINGERING:
            self._end(self._lingering, next(iter(self._lingering)), "no_room")

    def forget(self, connection: Connection) -> None:
        """Hear that it is gone."""
        for waiting in (self._owing, self._lingering, self._taking):
            waiting.pop(connection, None)

    def takes(self, connection: Connection, now: float) -> None:
        """Look later whether it has taken some of its answer."""
        self._taking.pop(connection, None)
        self._taking[connection] = now + taking.TAKE_SECONDS / taking.LOOKS

    def has_taken(self, connection: Connection) -> None:
        """Hear that next to nothing is left to take."""
        self._taking.pop(connection, None)

    def end_late(self, now: float) -> None:
        """End those whose time is over; called several times a second."""
        for connection in [*_late(self._owing, now), *_late(self._lingering, now)]:
            connection.end_late(now)
        for connection in _late(self._taking, now):
            connection.end_untaken(now)

    def make_room(self, now: float) -> bool:
        """Return whether there is room for one that just came; the one that owes a head for longest may make it.

        It has its answers: who still takes one does not owe a request yet.  Where nobody owes
        one, whoever has been taking one for longest makes room, unless that is not long: those
        who are slow on purpose could else keep everybody out.
        """
        if len(self.connections) <= self._most:
            return True
        silent = next((each for each in self._owing if not each.transport.get_write_buffer_size()), None)
        if silent is not None:
            self._end(self._owing, silent, "no_room")
            return True
        slow = min(self._taking, key=_takes_since, default=None)
        if slow is None or slow.takes_since > now - SLOW_SECONDS:
            return False
        self._end(self._taking, slow, "no_room")
        return True

    def end_lingering(self) -> None:
        """End those that will serve no more."""
        for connection in list(self._lingering):
            self._end(self._lingering, connection, "stopping")

    def cut_off(self) -> None:
        """End all that are open, whatever is under way."""
        for connection in list(self.connections):
            cast("Connection", connection).end("stopping")

    def _end(self, waiting: dict[Connection, float], connection: Connection, reason: str) -> None:
        del waiting[connection]
        self.connections.discard(connection)
        connection.end(reason)


def _takes_since(connection: Connection) -> float:
    return connection.takes_since


def _late(waiting: dict[Connection, float], now: float) -> list[Connection]:
    """Take out those whose time is over."""
    late = list(takewhile(lambda each: waiting[each] <= now, waiting))
    for connection in late:
        del waiting[connection]
    return late


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
