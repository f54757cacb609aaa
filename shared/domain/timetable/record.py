"""One child's facts, sorted into what the timetable asks about.

Nothing here knows a rule.  Spans are told from the facts in order of occurrence, so the
order in which the facts are handed over is of no consequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

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
from shared.domain.catalogue.meeting import MeetingCancelled, MeetingHeld, MeetingKind, MeetingScheduled
from shared.domain.history import Fact, in_order
from shared.domain.timetable.intervals import Moment

Began = TypeVar("Began", bound=EventData)


@dataclass(frozen=True, slots=True)
class Span(Generic[Began]):
    """An episode of care or a stay in a home: the fact that began it, and the one that ended it.

    ``data`` is that of the fact that began it.  ``identity`` is the recorded identifier, with a
    number from the second time on.  It holds neither a date nor a position, so correcting
    either keeps what derives from it.
    """

    identity: str
    data: Began
    began: Fact
    ended: Fact | None = None


Episode = Span[ChildAccommodated]
Home = Span[HomeStarted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A meeting that was held."""

    meeting_id: str
    kind: MeetingKind
    held: Moment
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A meeting as it is booked now; kept though cancelled, because a cancellation changes a review."""

    meeting_id: str
    kind: MeetingKind
    booked_for: Moment
    position: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Team:
    """The team that works with the child, and where that was recorded."""

    code: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRecord:
    """What is recorded of one child, each part in order of occurrence.

    ``stray_ends`` are ends of episodes whose beginning is not recorded; ``death`` is the
    fact that ended care because the child died.
    """

    episodes: tuple[Episode, ...]
    homes: tuple[Home, ...]
    stray_ends: tuple[Fact, ...]
    death: Fact | None
    meetings: tuple[Meeting, ...]
    bookings: tuple[Booking, ...]
    team: Team | None


def moment(fact: Fact) -> Moment:
    """Return when ``fact`` occurred."""
    return Moment(fact.data.occurred_on, fact.data.occurred_at)


def child_record(unordered: Iterable[Fact]) -> ChildRecord:
    """Sort the facts of one child; types that owe nothing are passed over."""
    facts = in_order(unordered)
    episodes, stray_ends = _episodes(facts)
    held = tuple(_held(facts))
    return ChildRecord(
        episodes=episodes,
        homes=_homes(facts),
        stray_ends=stray_ends,
        death=next((fact for fact in facts if _is_death(fact)), None),
        meetings=held,
        bookings=_bookings(facts, frozenset(meeting.meeting_id for meeting in held)),
        team=_team(facts),
    )


@dataclass(slots=True)
class _Spans(Generic[Began]):
    """Pairs beginnings with ends while they are told in order."""

    spans: list[Span[Began]] = field(default_factory=list)
    strays: list[Fact] = field(default_factory=list)

    def begin(self, name: str, data: Began, fact: Fact) -> None:
        times = sum(span.identity.partition("#")[0] == name for span in self.spans)
        self.spans.append(Span(name if times == 0 else f"{name}#{times + 1}", data, fact))

    def running(self, name: str) -> int | None:
        """Return the index of the latest span of this name if it has no end."""
        for index in range(len(self.spans) - 1, -1, -1):
            span = self.spans[index]
            if span.identity.partition("#")[0] == name:
                return index if span.ended is None else None
        return None

    def end(self, name: str, fact: Fact) -> None:
        index = self.running(name)
        if index is None:
            self.strays.append(fact)
        else:
            self.spans[index] = replace(self.spans[index], ended=fact)


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
    for fact in facts:
        if isinstance(fact.data, HomeStarted):
            # Told twice, unless the child lived elsewhere in between and came back.
            running = told.running(fact.data.home_id)
            if running is None or running != len(told.spans) - 1:
                told.begin(fact.data.home_id, fact.data, fact)
        elif isinstance(fact.data, HomeEnded):
            told.end(fact.data.home_id, fact)
    return tuple(told.spans)


def _is_death(fact: Fact) -> bool:
    return isinstance(fact.data, EpisodeEnded) and fact.data.destination is Destination.DIED


def _held(facts: Sequence[Fact]) -> Iterator[Meeting]:
    seen: set[str] = set()
    for fact in facts:
        if isinstance(fact.data, MeetingHeld) and fact.data.meeting_id not in seen:
            seen.add(fact.data.meeting_id)
            yield Meeting(
                meeting_id=fact.data.meeting_id,
                kind=fact.data.meeting_kind,
                held=moment(fact),
                position=fact.latest_position,
            )


def _bookings(facts: Sequence[Fact], held: frozenset[str]) -> tuple[Booking, ...]:
    booked: dict[str, Booking] = {}
    for fact in facts:
        data = fact.data
        if isinstance(data, MeetingScheduled):
            booked[data.meeting_id] = _booking(fact, data, booked.get(data.meeting_id))
        elif isinstance(data, MeetingCancelled) and data.meeting_id in booked:
            was = booked[data.meeting_id]
            position = max(was.position, fact.latest_position)
            booked[data.meeting_id] = replace(was, cancelled=True, position=position)
    pending = (booking for booking in booked.values() if booking.meeting_id not in held)
    return tuple(sorted(pending, key=lambda booking: (booking.booked_for.on, booking.meeting_id)))


def _booking(fact: Fact, data: MeetingScheduled, was: Booking | None) -> Booking:
    return Booking(
        meeting_id=data.meeting_id,
        kind=data.meeting_kind,
        booked_for=Moment(data.scheduled_for, data.scheduled_at),
        position=max(fact.latest_position, was.position if was else 0),
    )


def _team(facts: Sequence[Fact]) -> Team | None:
    latest: Team | None = None
    for fact in facts:
        if isinstance(fact.data, ChildRegistered | ChildTeamAssigned) and fact.data.team is not None:
            latest = Team(fact.data.team, fact.latest_position)
    return latest
