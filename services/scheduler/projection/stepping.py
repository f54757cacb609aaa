"""One child's record, cause by cause: each event on its own day, and each day on which a fact told ahead counts.

The *fold day* of an event is the civil day on which it was recorded.  What counts at an event is what
occurred by its fold day; a fact told ahead begins to count with its day, before the next event of that
day or a later one.  So what stays on the record depends on the log alone, not on when it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from uuid import UUID

from services.scheduler.projection.council import Council
from shared.domain.clock import civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.history import Fact, apply
from shared.domain.ids import AUTHORITY_STREAM
from shared.domain.timetable.causes import Cause, of_day, of_event
from shared.domain.timetable.engine import ReviewKey, reviews_by_key
from shared.domain.timetable.reviews import Review
from shared.domain.timetable.trace import Kept, Step, step


class Stepping:
    """One child while it is folded.

    ``awaits`` is the next day on which one of its facts, or of the council's, begins to count, or None.
    """

    def __init__(
        self,
        child_id: str,
        rows: Mapping[UUID, Kept],
        keep: Callable[[Step, Cause], None],
        *,
        known: Iterable[RecordedEvent] = (),
        position: int = 0,
        awaits: date | None = None,
        forecasts: bool = False,
    ) -> None:
        """Go on behind the events ``known``, up to ``position``, which have led to ``rows``.

        ``keep`` is to bring ``rows`` up to each step.  With ``forecasts`` those that vanish are kept, too.
        """
        self.awaits = awaits
        self._child_id = child_id
        self._rows = rows
        self._keep = keep
        self._forecasts = forecasts
        self._held: dict[tuple[str, str], Fact] = {}
        self._ahead: list[date] = []
        self._at: datetime | None = None
        self._position = position
        for event in known:
            self._at = event.recorded_at if self._at is None else max(self._at, event.recorded_at)
            self._hold(event)

    def take(self, event: RecordedEvent, council: Council) -> None:
        """Fold the next event in log order that concerns the child: one of its own, or one of the council."""
        cause = self.cause_of(event, council)
        self.begin_days(cause.on, council)
        self.note(event, cause)
        self.judge(cause, council)

    def cause_of(self, event: RecordedEvent, council: Council) -> Cause:
        """Return the cause that the next event is."""
        instants = [each for each in (self._at, council.at(event.position)) if each is not None]
        return of_event(event, max(instants, default=None))

    def note(self, event: RecordedEvent, cause: Cause) -> None:
        """Know the event from here on."""
        if event.stream != AUTHORITY_STREAM:
            self._hold(event)
        self._at, self._position = cause.at, max(event.position, self._position)

    def begin_days(self, until: date, council: Council) -> None:
        """Let the facts count that were told ahead for a day up to ``until``, day by day."""
        while self.awaits is not None and self.awaits <= until:
            self.judge(of_day(self.awaits), council)

    def judge(self, cause: Cause, council: Council) -> None:
        """Bring the record up to what is owed because of ``cause``."""
        self._keep(step(self._rows, self.owed(cause.on, council), cause, forecasts=self._forecasts), cause)
        self.plan(cause.on, council)

    def owed(self, on: date, council: Council) -> dict[ReviewKey, Review]:
        """Return what the facts make owed that have occurred by a day."""
        counted = [fact for fact in self._held.values() if fact.occurred_on <= on]
        return reviews_by_key(self._child_id, counted, council.timetable(on, self._position))

    def plan(self, on: date, council: Council) -> None:
        """See when something told ahead begins to count next."""
        self._ahead = [day for day in self._ahead if day > on]
        of_council = council.next_day(on, self._position)
        self.awaits = min([*self._ahead, *([] if of_council is None else [of_council])], default=None)

    def _hold(self, event: RecordedEvent) -> None:
        _, fact = apply(self._held, event)
        if fact is not None and fact.occurred_on > civil_date(event.recorded_at):
            self._ahead.append(fact.occurred_on)
