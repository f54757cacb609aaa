"""A clock that a test sets."""

from __future__ import annotations

from datetime import UTC, datetime


class SettableClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        """Start at ``now``, which must be aware."""
        self.set(now)

    def now(self) -> datetime:
        """Return the instant that was set last."""
        return self._now

    def set(self, now: datetime) -> None:
        """Move the clock to ``now``; raises ValueError if it has no zone."""
        if now.tzinfo is None:
            raise ValueError("a clock is set to an aware instant")
        self._now = now.astimezone(UTC)
