"""Hearing out whoever still sends when it is answered: for a while it is read on, and what comes is thrown away.

A connection that is closed before all of it was read takes the answer with it, and many clients
read only when they have sent everything.
"""

from __future__ import annotations

from shared.wire.limits import BODY_BYTES

#: What still comes behind an answer is thrown away for so long, and so much of it, before the connection is ended.
LINGER_SECONDS = 60.0
LINGER_BYTES = 10 * BODY_BYTES


class HearingOut:
    """What one connection sends behind an answer: the rest of a body, or whatever comes on one that serves no more."""

    def __init__(self, now: float, *, serves_on: bool) -> None:
        """Begin at an instant of the loop's clock; the connection ``serves_on`` once the body is whole, or no more."""
        self.serves_on = serves_on
        self._until = now + LINGER_SECONDS
        self._thrown_away = 0

    def is_over(self, now: float) -> bool:
        """Return whether it has been heard for long enough."""
        return now >= self._until

    def throw_away(self, data: bytes) -> bool:
        """Keep nothing of this; return whether it has sent enough."""
        self._thrown_away += len(data)
        return self._thrown_away > LINGER_BYTES
