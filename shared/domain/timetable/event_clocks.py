"""The clocks that single facts start: each is counted from one event, in the episode of care in which that lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from shared.domain.clock import civil_date
from shared.domain.history import Fact
from shared.domain.timetable.clocks import Closing, ReviewClock, closing_by, earliest, episode_closing, recorded_id
from shared.domain.timetable.intervals import Moment
from shared.domain.timetable.patterns import matches, started_at
from shared.domain.timetable.record import ChildRecord, Episode
from shared.domain.timetable.rules import End, EventAnchor, Which

_ANOTHER = "It was recorded again"


def event_clocks(anchor: EventAnchor, facts: Sequence[Fact], record: ChildRecord) -> tuple[ReviewClock, ...]:
    """Return the clocks that ``facts``, which are in order, start by ``anchor``, in order of their start."""
    found = sorted(_started(anchor, facts, record), key=_start)
    match anchor.which:
        case Which.EACH:
            return tuple(clock for _, clock in found)
        case Which.FIRST:
            # Named by the episode: whichever fact proves to be the first of it, the deadline stays the same one.
            first = dict(reversed(found))
            return tuple(replace(clock, identity=span) for span, clock in reversed(first.items()))
        case Which.LATEST:
            return tuple(_restarting(found))


#: What names the episode in which a clock starts, with the clock.
_Started = tuple[str, ReviewClock]


def _start(started: _Started) -> tuple[date, int]:
    return (started[1].started.on, started[1].position)


def _started(anchor: EventAnchor, facts: Sequence[Fact], record: ChildRecord) -> Iterator[_Started]:
    """Yield each clock with its episode; without one recorded each stands by itself."""
    for fact in facts:
        started = started_at(fact, anchor.day) if matches(anchor.pattern, fact) else None
        if started is None:
            continue
        episode = _episode_on(started.on, record.episodes)
        closing = episode_closing(None if anchor.outlives_episode else episode, record)
        if closing is not None and closing.at.precedes(started):
            continue
        clock = _clock(anchor, fact, started, episode, closing)
        yield (clock.identity if episode is None else episode.identity), clock


def _clock(
    anchor: EventAnchor, fact: Fact, started: Moment, episode: Episode | None, closing: Closing | None
) -> ReviewClock:
    return ReviewClock(
        kind=anchor,
        identity=_name(fact),
        episode_id=recorded_id(episode),
        started=started,
        event_type=fact.type,
        position=fact.latest_position,
        decided_position=fact.decided_position,
        recorded_on=civil_date(fact.recorded_at),
        description=anchor.called,
        data=fact.data,
        closing=closing,
    )


def _name(fact: Fact) -> str:
    return f"{fact.source} {fact.event_id}"


def _episode_on(day: date, episodes: Sequence[Episode]) -> Episode | None:
    """Return the episode that ran on ``day``, the latest begun if two meet on it."""
    running = [
        each
        for each in episodes
        if each.began.occurred_on <= day and (each.ended is None or day <= each.ended.occurred_on)
    ]
    return running[-1] if running else None


def _restarting(found: Sequence[_Started]) -> Iterator[ReviewClock]:
    """Yield the clocks, each stopped by the next one of its episode."""
    for number, (span, clock) in enumerate(found):
        following = next((each for other, each in found[number + 1 :] if other == span), None)
        if following is None:
            yield clock
            continue
        again = Closing(
            at=following.started,
            because=f"{_ANOTHER}.",
            event_type=following.event_type,
            position=following.position,
            decided_position=following.decided_position,
            recorded_on=following.recorded_on,
        )
        yield replace(clock, closing=earliest([clock.closing, again]))


def stopped(clock: ReviewClock, ends: Sequence[End], facts: Sequence[Fact]) -> ReviewClock:
    """Return ``clock`` closed by the first of ``facts``, which are in order, by which a rule's ``ends`` stop it.

    What was told before the clock's own fact, though of that day, ended what was before: an order is
    ended and continued on one day.
    """
    if not ends:
        return clock
    began = next((fact.position for fact in facts if fact.data is clock.data), 0)
    for fact in facts:
        if fact.occurred_on < clock.started.on or (fact.occurred_on == clock.started.on and fact.position <= began):
            continue
        end = next((each for each in ends if matches(each.pattern, fact, clock.data)), None)
        if end is not None:
            return replace(clock, closing=earliest([clock.closing, closing_by(fact, end.because)]))
    return clock
