"""Which thresholds a review crosses, and on which day: what the calendar has to tell, apart from when anybody looks.

Pure: a crossing follows from the due day, from the day on which the record first showed it, and
from what the council decided; never from when a tick ran.  So ticks that come late tell the same
notices, in the same order, as ticks that come every day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from services.scheduler.model import NoticeKind
from shared.domain.catalogue.notices import BackfillDeclared, NoticeThresholdsSet
from shared.domain.clock import civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.history import Fact, apply

#: What lay further back than so many days when it became known is about the past, and alarms nobody by itself.
ALARM_AGE = timedelta(days=30)

_ONE_DAY = timedelta(days=1)
_FIRST, _LAST = date.min.toordinal(), date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """At how many days from the due day something is told: ``named`` in order, negative before it, 0 on it.

    With ``every`` it is told again every so many days after the last of them, or after the due
    day where none lies behind it.
    """

    named: tuple[int, ...]
    every: int | None = None

    def between(self, first: int, last: int) -> Iterator[int]:
        """Yield in order the thresholds from ``first`` to ``last``, both included."""
        for threshold in self.named:
            if first <= threshold <= last:
                yield threshold
        if self.every is not None:
            base = max(0, self.named[-1]) if self.named else 0
            times = max(1, -((base - first) // self.every))
            yield from range(base + times * self.every, last + 1, self.every)


#: What holds where a council has decided nothing.
DEFAULT = Thresholds((-14, -7, -1, 0, 1), every=7)

#: By default a review is looked at so many days before it is due.
LOOKS_AHEAD = -DEFAULT.named[0]

#: Thresholds and the ordinal of the first day for whose crossings they hold, in order of days.
Spans = tuple[tuple[int, Thresholds], ...]

_ALWAYS: Spans = ((_FIRST, DEFAULT),)


@dataclass(frozen=True, slots=True)
class _Setting:
    """What one event decided, for which reviews, and at which position."""

    pack: str | None
    kind: str | None
    position: int
    thresholds: Thresholds

    def fits(self, pack: str, kind: str) -> bool:
        return self.pack in {None, pack} and self.kind in {None, kind}

    @property
    def rank(self) -> tuple[bool, bool, int]:
        return (self.kind is not None, self.pack is not None, self.position)


class Crossing(NamedTuple):
    """A threshold, in days from the due day, that was crossed on a civil day."""

    kind: NoticeKind
    threshold: int
    crossed_on: date


class Countdown(NamedTuple):
    """What the calendar goes by: a due day, and the day on which the record first showed it, if that is noted.

    ``runs`` is False for a review that can no longer be held: it is told as missed, and no more.
    """

    due_on: date
    known_on: date | None
    runs: bool = True


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """What a council decided about notices: settings by the first day on which they hold, and backfills.

    ``backfills`` are the day from which each holds, and the day before which everything is about the past.
    """

    states: tuple[tuple[int, tuple[_Setting, ...]], ...] = ()
    backfills: tuple[tuple[date, date], ...] = ()
    _spans: dict[tuple[str, str], Spans] = field(default_factory=dict, compare=False, repr=False)

    @property
    def looks_ahead(self) -> int:
        """How many days before it is due a review has to be looked at for the first time, at the latest."""
        named = (each.thresholds.named for _, settings in self.states for each in settings)
        return max([LOOKS_AHEAD, *(-thresholds[0] for thresholds in named if thresholds)])

    def spans(self, pack: str, kind: str) -> Spans:
        """Return the thresholds that hold for the reviews of a rule, from day to day."""
        found = self._spans.get((pack, kind))
        if found is None:
            told = ((day, _most_specific(settings, pack, kind)) for day, settings in self.states)
            found = self._spans[pack, kind] = (*_ALWAYS, *told)
        return found

    def about_the_past(self, day: date, known_on: date) -> bool:
        """Tell whether ``day`` was so long ago when something of it became known that nobody is to be alarmed."""
        covered = any(since <= known_on and day < before_on for since, before_on in self.backfills)
        return covered or day < known_on - ALARM_AGE


def notice_policy(council: Iterable[RecordedEvent]) -> NoticePolicy:
    """Return what the events of the authority's own stream, in any order, decide about notices.

    A setting holds from the day after its recording, and so does its correction or retraction.  A
    backfill holds from the day of its recording, as it is worded now.
    """
    held: dict[tuple[str, str], Fact] = {}
    states: list[tuple[int, tuple[_Setting, ...]]] = []
    for event in sorted(council, key=lambda each: each.position):
        changed = apply(held, event)
        if any(fact is not None and isinstance(fact.data, NoticeThresholdsSet) for fact in changed):
            states.append(((civil_date(event.recorded_at) + _ONE_DAY).toordinal(), _settings(held.values())))
    backfills = tuple(
        (civil_date(fact.recorded_at), fact.data.before_on)
        for fact in held.values()
        if isinstance(fact.data, BackfillDeclared)
    )
    return NoticePolicy(tuple(states), backfills)


def _settings(told: Iterable[Fact]) -> tuple[_Setting, ...]:
    return tuple(
        _Setting(fact.data.pack, fact.data.kind, fact.latest_position, _thresholds(fact.data))
        for fact in told
        if isinstance(fact.data, NoticeThresholdsSet)
    )


def _thresholds(data: NoticeThresholdsSet) -> Thresholds:
    named = {-days for days in data.before} | set(data.after) | ({0} if data.on_the_day else set())
    return Thresholds(tuple(sorted(named)), data.then_every_days)


def _most_specific(settings: Sequence[_Setting], pack: str, kind: str) -> Thresholds:
    fitting = [each for each in settings if each.fits(pack, kind)]
    return max(fitting, key=lambda each: each.rank).thresholds if fitting else DEFAULT


def look(
    countdown: Countdown, spans: Spans, on: date, policy: NoticePolicy, *, released: bool = False
) -> tuple[Crossing | None, bool, date | None]:
    """Return what is crossed on the day ``on``, whether that is held back, and the day on which to look again.

    ``on`` is the day for which the review was to be looked at, which may be long ago.  Of what was
    crossed by the day on which the due date became known only the latest is told: nobody could
    act on the others, and they are not true any more.  A review that was overdue for so long
    by then that it is about the past is held back as a whole, with all that it would tell
    later, until it is ``released``.
    """
    due, day = countdown.due_on.toordinal(), on.toordinal()
    overdue_from = _next(spans, due, due)
    if not countdown.runs:
        if overdue_from is None or overdue_from > day:
            return None, False, None if overdue_from is None else date.fromordinal(overdue_from)
        crossed: int | None = overdue_from
    else:
        crossed = _crossed(countdown, spans, day, overdue_from)
    again = _next(spans, due, day) if countdown.runs else None
    held_back = crossed is not None and not released and _held_back(countdown, policy, crossed, overdue_from)
    if held_back and crossed is not None and crossed > due:
        # Overdue for so long: that is held back once, and it stays silent until somebody decides.
        crossed, again = overdue_from, None
    told = None if crossed is None else _crossing(due, crossed, overdue_from)
    return told, held_back, None if again is None else date.fromordinal(again)


def _crossed(countdown: Countdown, spans: Spans, day: int, overdue_from: int | None) -> int | None:
    """Return the day of the crossing to tell, if there is one."""
    due = countdown.due_on.toordinal()
    if countdown.known_on is None or day > countdown.known_on.toordinal():
        return next(_crossings(spans, due, day, day), None)
    latest = max(_crossings(spans, due, _FIRST, day), default=None)
    # One that was overdue before anybody knew of it is told as missed, once, however long ago that was.
    return overdue_from if latest is not None and latest > due else latest


def _held_back(countdown: Countdown, policy: NoticePolicy, crossed: int, overdue_from: int | None) -> bool:
    if countdown.known_on is None:
        return False
    # A review of years ago does not become of today because it is told of every week.
    day = overdue_from if overdue_from is not None and crossed > overdue_from else crossed
    return policy.about_the_past(date.fromordinal(day), countdown.known_on)


def _crossing(due: int, crossed: int, overdue_from: int | None) -> Crossing:
    threshold = crossed - due
    if threshold < 0:
        kind = NoticeKind.APPROACHING
    elif threshold == 0:
        kind = NoticeKind.DUE
    else:
        kind = NoticeKind.MISSED if crossed == overdue_from else NoticeKind.OVERDUE
    return Crossing(kind, threshold, date.fromordinal(crossed))


def _crossings(spans: Spans, due: int, first: int, last: int) -> Iterator[int]:
    """Yield in order the days from ``first`` to ``last`` on which a threshold is crossed."""
    for (begins, thresholds), (ends, _) in pairwise((*spans, (_LAST, DEFAULT))):
        for threshold in thresholds.between(max(first, begins) - due, min(last, ends - 1) - due):
            yield due + threshold


def _next(spans: Spans, due: int, after: int) -> int | None:
    return next(_crossings(spans, due, after + 1, _LAST - 1), None)
