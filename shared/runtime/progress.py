"""How far a subscription has come with one authority's log, in words and in figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from prometheus_client import Gauge

from shared.runtime.log_copy import Stop
from shared.runtime.projecting import Page

#: A step that takes longer is told as trouble; a projector is to stop well before.
SLOW_SECONDS = 60.0

_LABELS = ["subscription", "authority"]
_position = Gauge("homeward_subscription_position", "Log position reached", _LABELS)
_head = Gauge("homeward_subscription_head", "Position at which the log ended when it was last read", _LABELS)
_lag_events = Gauge("homeward_subscription_lag_events", "Events of the log that are not projected yet", _LABELS)
_lag_seconds = Gauge(
    "homeward_subscription_lag_seconds", "Age of the first event that is not projected yet; 0 if there is none", _LABELS
)
_stopped = Gauge("homeward_subscription_stopped", "1 while the subscription cannot go on", _LABELS)
_GAUGES = (_position, _head, _lag_events, _lag_seconds, _stopped)


@dataclass(slots=True)
class Progress:
    """How far a subscription has come with one authority's log, and what stops it.

    ``position`` is finished, and the log ended at ``head`` when it was last read, at
    ``read_at`` of the monotonic clock.  ``behind_since`` is when the first event that is not
    projected was recorded, or, as long as that one was not read, the last one that is.
    ``error`` is trouble that may pass by itself, ``stop`` what will not.
    """

    position: int = 0
    head: int = 0
    at_head: bool = False
    read_at: float | None = None
    behind_since: datetime | None = None
    error: str | None = None
    stop: Stop | None = None
    step_began: float | None = None

    def found(self, position: int, stop: Stop | None) -> None:
        """Take over what the checkpoint says."""
        self.position, self.stop = position, stop
        self.at_head = False

    def read(self, page: Page) -> None:
        """Take in a page of the log, of which nothing is projected yet."""
        self.head = page.head
        self.at_head = page.at_head and not page.events
        self.read_at = monotonic()
        if page.events:
            self.behind_since = page.events[0].recorded_at
        elif self.at_head:
            self.behind_since = None

    def reached(self, position: int, page: Page) -> None:
        """Move on to ``position``, having projected the page up to there."""
        behind = next((event for event in page.events if event.position > position), None)
        self.position = position
        self.at_head = page.at_head and behind is None
        self.behind_since = None if self.at_head else (behind or page.events[-1]).recorded_at
        self.error = self.stop = None

    def trouble(self) -> str | None:
        """Tell what stops it or takes too long, in words for an operator; None if nothing does."""
        lasted = 0.0 if self.step_began is None else monotonic() - self.step_began
        if lasted > SLOW_SECONDS:
            return f"one step has taken {lasted:.0f} s so far after position {self.position}"
        return self.error if self.stop is None else str(self.stop)

    def lag_events(self) -> int:
        """Return how many events of the log are not projected yet."""
        return max(self.head - self.position, 0)

    def lag_seconds(self, now: datetime) -> float:
        """Return the age of the first event that is not projected yet; 0 if there is none."""
        return 0.0 if self.behind_since is None else max((now - self.behind_since).total_seconds(), 0.0)

    def figures(self, now: datetime) -> dict[str, Any]:
        """Return position, head, lag and state, as ``/readyz`` shows them."""
        return {
            "position": self.position,
            "head": self.head,
            "lag_events": self.lag_events(),
            "lag_seconds": round(self.lag_seconds(now), 3),
            "state": "running" if self.stop is None else self.stop.state.value,
        }

    def show(self, subscription: str, authority_id: str, now: datetime) -> None:
        """Set the figures that ``/metrics`` shows."""
        labels = (subscription, authority_id)
        _position.labels(*labels).set(self.position)
        _head.labels(*labels).set(self.head)
        _lag_events.labels(*labels).set(self.lag_events())
        _lag_seconds.labels(*labels).set(self.lag_seconds(now))
        _stopped.labels(*labels).set(self.trouble() is not None)


def hide(subscription: str, authority_id: str) -> None:
    """Show no figures of this log any more: another process follows it, and shows its own."""
    for gauge in _GAUGES:
        gauge.remove(subscription, authority_id)
