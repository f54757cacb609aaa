"""One child's facts, sorted into what the timetable asks about.

Nothing here knows a rule.  Spans are told from the facts in order of occurrence, so the
order in which the facts are handed over is of no consequence.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Generic, TypeVar

from shared.domain.catalogue.base import EventData
from shared.domain.catalogue.child import (
    ChildAccommodated,
    ChildRegistered,
    ChildTeamAssigned,
    Destination,
    EpisodeEnded,
    HomeEnded,
    HomeStarted,
)
from shared.domain.catalogue.meeting import (
    MeetingAdjourned,
    MeetingCancelled,
    MeetingHeld,
    MeetingKind,
    MeetingRescheduled,
    MeetingScheduled,
)
from shared.domain.clock import civil_date
from shared.domain.history import Fact, in_order
from shared.domain.timetable.intervals import Moment

Began = TypeVar("Began", bound=EventData)


@dataclass(frozen=True, slots=True)
class Span(Generic[Began]):
    """An episode of care or a stay in a home: the fact that began it, and the one that ended it.

    ``data`` is that of the fact that began it, or the strictest reading where the same home
    was told again with other details; ``retold`` is then the fact that told them last.
    ``identity`` is the recorded identifier, with a number from the second time on.  It holds
    neither a date nor a position, so correcting either keeps what derives from it.
    """

    identity: str
    data: Began
    began: Fact
    ended: Fact | None = None
    retold: Fact | None = None


Episode = Span[ChildAccommodated]
Home = Span[HomeStarted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Something that happened and may be what a rule has owed: a meeting, a visit, a decision.

    ``position`` is that of its latest wording, ``decided_position`` that from which it is of its kind and day,
    and ``recorded_on`` the civil day of that.
    """

    identity: str
    event_type: str
    held: Moment
    position: int
    decided_position: int
    recorded_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting(Occasion):
    """A meeting that was held, by its identifier; one told as of two kinds is here once as each."""

    kind: MeetingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A meeting as it is booked now; kept though cancelled, because a cancellation changes a review.

    ``made_on`` is the day on which it was booked so; ``adjourned_on`` the day on which it was
    last broken off: it was not held then.
    """

    meeting_id: str
    kind: MeetingKind
    booked_for: Moment
    made_on: date
    position: int
    cancelled: bool = False
    adjourned_on: date | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """The team that works with the child, and where that was recorded."""

    code: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRecord:
    """What is recorded of one child, each part in order of occurrence.

    ``stray_ends`` are ends of episodes whose beginning is not recorded.  ``death`` is the
    fact that ended care because the child died.  Where an episode or a home begins after
    such a fact, one of the two records is wrong: the end is then ``contradicted_death``,
    which ends its own episode and nothing else, so that a wrong destination silences no child.
    """

    episodes: tuple[Episode, ...]
    homes: tuple[Home, ...]
    stray_ends: tuple[Fact, ...]
    death: Fact | None
    contradicted_death: Fact | None
    meetings: tuple[Meeting, ...]
    bookings: tuple[Booking, ...]
    team: Team | None

    def meetings_between(self, first_on: date, last_on: date | None) -> Sequence[Meeting]:
        """Return the meetings held on these civil days, both included; ``last_on`` None is without end."""
        begin = bisect_left(self.meetings, first_on, key=_held_on)
        end = len(self.meetings) if last_on is None else bisect_right(self.meetings, last_on, key=_held_on)
        return self.meetings[begin:end]


def _held_on(meeting: Meeting) -> date:
    return meeting.held.on


def moment(fact: Fact) -> Moment:
    """Return when ``fact`` occurred."""
    return Moment(fact.data.occurred_on, fact.data.occurred_at)


def child_record(unordered: Iterable[Fact]) -> ChildRecord:
    """Sort the facts of one child; types that owe nothing are passed over."""
    facts = in_order(unordered)
    episodes, stray_ends = _episodes(facts)
    homes = _homes(facts)
    deaths = _deaths(facts, [*(episode.began for episode in episodes), *(home.began for home in homes)])
    held = tuple(_held(facts))
    return ChildRecord(
        episodes=episodes,
        homes=homes,
        stray_ends=stray_ends,
        death=next((death for death, contradicted in deaths if not contradicted), None),
        contradicted_death=next((death for death, contradicted in reversed(deaths) if contradicted), None),
        meetings=held,
        bookings=_bookings(facts, frozenset(meeting.identity for meeting in held)),
        team=_team(facts),
    )


@dataclass(slots=True)
class _Spans(Generic[Began]):
    """Pairs beginnings with ends while they are told in order.

    ``latest`` is, for each name, the index of its latest span and how many there are.
    """

    spans: list[Span[Began]] = field(default_factory=list)
    strays: list[Fact] = field(default_factory=list)
    latest: dict[str, tuple[int, int]] = field(default_factory=dict)

    def begin(self, name: str, data: Began, fact: Fact) -> None:
        _, times = self.latest.get(name, (0, 0))
        self.latest[name] = (len(self.spans), times + 1)
        self.spans.append(Span(name if times == 0 else f"{name}#{times + 1}", data, fact))

    def running(self, name: str) -> int | None:
        """Return the index of the latest span of this name if it has no end."""
        index, times = self.latest.get(name, (0, 0))
        return index if times and self.spans[index].ended is None else None

    def end(self, name: str, fact: Fact) -> None:
        index = self.running(name)
        if index is None:
            self.strays.append(fact)
            self._told_again(name, fact)
        else:
            self.spans[index] = replace(self.spans[index], ended=fact)

    def _told_again(self, name: str, fact: Fact) -> None:
        """Note an end told twice: whichever was told first in the log settled what ended."""
        index, _ = self.latest.get(name, (0, 0))
        if name in self.latest and (ended := self.spans[index].ended) is not None:
            self.spans[index] = replace(self.spans[index], ended=_first_told(ended, fact))


def _episodes(facts: Sequence[Fact]) -> tuple[tuple[Episode, ...], tuple[Fact, ...]]:
    told = _Spans[ChildAccommodated]()
    for fact in facts:
        if isinstance(fact.data, ChildAccommodated):
            # A second beginning of an episode that runs is the same fact, told twice.
            if told.running(fact.data.episode_id) is None:
                told.begin(fact.data.episode_id, fact.data, fact)
        elif isinstance(fact.data, EpisodeEnded):
            told.end(fact.data.episode_id, fact)
    return tuple(told.spans), tuple(told.strays)


def _homes(facts: Sequence[Fact]) -> tuple[Home, ...]:
    told = _Spans[HomeStarted]()
    died_after = -1
    for fact in facts:
        if isinstance(fact.data, HomeStarted):
            # Told twice, unless the child lived elsewhere, or is said to have died, in between.
            running = told.running(fact.data.home_id)
            if running is None or running != len(told.spans) - 1 or running == died_after:
                told.begin(fact.data.home_id, fact.data, fact)
            else:
                told.spans[running] = _strictest(told.spans[running], fact.data, fact)
        elif isinstance(fact.data, HomeEnded):
            told.end(fact.data.home_id, fact)
        elif _is_death(fact):
            died_after = len(told.spans) - 1
    return tuple(told.spans)


def _strictest(home: Home, again: HomeStarted, fact: Fact) -> Home:
    """Join what was told twice of one home so that no review is lost by it; the later kind of home counts."""
    known = home.data
    details = {
        "home_kind": again.home_kind,
        "emergency": known.emergency or again.emergency,
        "short_break_series": known.short_break_series and again.short_break_series,
    }
    told_alike = (again.home_kind, again.emergency, again.short_break_series)
    if told_alike == (known.home_kind, known.emergency, known.short_break_series):
        return home
    return replace(home, data=known.model_copy(update=details), retold=fact)


def _is_death(fact: Fact) -> bool:
    return isinstance(fact.data, EpisodeEnded) and fact.data.destination is Destination.DIED


def _deaths(facts: Sequence[Fact], beginnings: Iterable[Fact]) -> list[tuple[Fact, bool]]:
    """Return the deaths in order, each with whether an episode or a home begins after it."""
    begun = sorted(beginnings, key=_order)
    return [
        (death, any(_after(began, death) for began in begun[bisect_right(begun, _order(death), key=_order) :]))
        for death in facts
        if _is_death(death)
    ]


def _after(began: Fact, death: Fact) -> bool:
    """Tell whether what is told later is so, too, by the hours if both are known."""
    return not moment(began).precedes(moment(death))


def _order(fact: Fact) -> tuple[date, int]:
    return (fact.occurred_on, fact.position)


def _first_told(kept: Fact, again: Fact) -> Fact:
    """Return ``kept`` as settled when either of the two was told: they are one fact, told twice."""
    return replace(kept, redecided_position=min(kept.decided_position, again.decided_position))


def _held(facts: Sequence[Fact]) -> Iterator[Meeting]:
    found: dict[tuple[str, MeetingKind], Meeting] = {}
    for fact in facts:
        if not isinstance(fact.data, MeetingHeld):
            continue
        # Told again as of another kind it counts for that kind's rules too; a correction is how a kind is changed.
        told = (fact.data.meeting_id, fact.data.meeting_kind)
        known = found.get(told)
        if known is None:
            found[told] = _meeting(fact, fact.data)
        else:
            # The day told for the earlier day counts, and the record has it since either was told.
            found[told] = replace(
                known,
                decided_position=min(known.decided_position, fact.decided_position),
                recorded_on=min(known.recorded_on, civil_date(fact.recorded_at)),
            )
    yield from found.values()


def _meeting(fact: Fact, data: MeetingHeld) -> Meeting:
    return Meeting(identity=data.meeting_id, kind=data.meeting_kind, **_told(fact))


def occasion(fact: Fact) -> Occasion:
    """Return a fact that is no meeting as something that may be what a rule has owed."""
    return Occasion(identity=f"{fact.source} {fact.event_id}", **_told(fact))


def _told(fact: Fact) -> dict[str, Any]:
    return {
        "event_type": fact.type,
        "held": moment(fact),
        "position": fact.latest_position,
        "decided_position": fact.decided_position,
        "recorded_on": civil_date(fact.recorded_at),
    }


def _bookings(facts: Sequence[Fact], held: frozenset[str]) -> tuple[Booking, ...]:
    booked: dict[str, Booking] = {}
    for fact in facts:
        data = fact.data
        if isinstance(data, MeetingScheduled | MeetingRescheduled | MeetingAdjourned):
            booked[data.meeting_id] = _booking(fact, data, booked.get(data.meeting_id))
        elif isinstance(data, MeetingCancelled) and data.meeting_id in booked:
            was = booked[data.meeting_id]
            position = max(was.position, fact.latest_position)
            booked[data.meeting_id] = replace(was, cancelled=True, position=position)
    pending = (booking for booking in booked.values() if booking.meeting_id not in held)
    return tuple(sorted(pending, key=lambda booking: (booking.booked_for.on, booking.meeting_id)))


def _booking(
    fact: Fact, data: MeetingScheduled | MeetingRescheduled | MeetingAdjourned, was: Booking | None
) -> Booking:
    if isinstance(data, MeetingAdjourned):
        again = None if data.resumes_on is None else Moment(data.resumes_on, data.resumes_at)
        adjourned_on: date | None = fact.occurred_on
    else:
        again = Moment(data.scheduled_for, data.scheduled_at)
        adjourned_on = was.adjourned_on if was else None
    return Booking(
        meeting_id=data.meeting_id,
        kind=data.meeting_kind,
        # Without a day on which to resume it nothing is booked; the review that it was to be is told so.
        booked_for=again or moment(fact),
        made_on=fact.occurred_on,
        position=max(fact.latest_position, was.position if was else 0),
        cancelled=again is None,
        adjourned_on=adjourned_on,
    )


def _team(facts: Sequence[Fact]) -> Team | None:
    latest: Team | None = None
    for fact in facts:
        if isinstance(fact.data, ChildRegistered | ChildTeamAssigned) and fact.data.team is not None:
            latest = Team(fact.data.team, fact.latest_position)
    return latest
