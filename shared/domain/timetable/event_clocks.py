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
    found = sorted(_started(anchor, facts, record), key=lambda clock: (clock.started.on, clock.position))
    match anchor.which:
        case Which.EACH:
            return tuple(found)
        case Which.FIRST:
            return tuple({clock.episode_id: clock for clock in reversed(found)}.values())[::-1]
        case Which.LATEST:
            return tuple(_restarting(found))


def _started(anchor: EventAnchor, facts: Sequence[Fact], record: ChildRecord) -> Iterator[ReviewClock]:
    for fact in facts:
        started = started_at(fact, anchor.day) if matches(anchor.pattern, fact) else None
        if started is None:
            continue
        episode = _episode_on(started.on, record.episodes)
        closing = episode_closing(None if anchor.outlives_episode else episode, record)
        if closing is not None and closing.at.precedes(started):
            continue
        yield _clock(anchor, fact, started, episode, closing)


def _clock(
    anchor: EventAnchor, fact: Fact, started: Moment, episode: Episode | None, closing: Closing | None
) -> ReviewClock:
    return ReviewClock(
        kind=anchor,
        identity=f"{fact.source} {fact.event_id}",
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


def _episode_on(day: date, episodes: Sequence[Episode]) -> Episode | None:
    """Return the episode that ran on ``day``, the latest begun if two meet on it."""
    running = [
        each
        for each in episodes
        if each.began.occurred_on <= day and (each.ended is None or day <= each.ended.occurred_on)
    ]
    return running[-1] if running else None


def _restarting(found: Sequence[ReviewClock]) -> Iterator[ReviewClock]:
    """Yield the clocks, each stopped by the next one of its episode."""
    for number, clock in enumerate(found):
        following = next((each for each in found[number + 1 :] if each.episode_id == clock.episode_id), None)
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


def _began(clock: ReviewClock, fact: Fact) -> bool:
    """Tell whether a fact started the clock, or is another such one of that day that was told before it."""
    return fact.type == clock.event_type and fact.occurred_on == clock.started.on and fact.position <= clock.position


def stopped(clock: ReviewClock, ends: Sequence[End], facts: Sequence[Fact]) -> ReviewClock:
    """Return ``clock`` closed by the first of ``facts``, which are in order, by which a rule's ``ends`` stop it."""
    if not ends:
        return clock
    for fact in facts:
        if fact.occurred_on < clock.started.on or _began(clock, fact):
            continue
        end = next((each for each in ends if matches(each.pattern, fact, clock.data)), None)
        if end is not None:
            return replace(clock, closing=earliest([clock.closing, closing_by(fact, end.because)]))
    return clock
