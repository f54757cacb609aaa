"""Which facts can only add to what is owed, so that nobody has to look for what they take back.

Most of what is told of a child lies behind everything told before it.  Then nothing that was
owed vanishes, but for forecasts, of which no trace is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import takewhile

from shared.domain.catalogue.child import ChildAccommodated, Destination, EpisodeEnded, HomeEnded, HomeStarted
from shared.domain.catalogue.meeting import MeetingHeld
from shared.domain.history import Fact


def only_adds(told: Sequence[Fact], new: Fact) -> bool:
    """Tell whether ``new``, recorded after ``told``, surely leaves everything owed that was no forecast.

    ``told`` are the facts of the types that decide which reviews there are, in order, and ``new``
    is of such a type.  False says nothing: the cases in which a clock may be counted otherwise, or
    a meeting be another review, are left to those who work it out.
    """
    on = new.occurred_on
    if not told:
        return True
    # Told ahead of a meeting it may close the clock that the meeting was held for; a death may prove wrong.
    if told[-1].occurred_on > on or _of(MeetingHeld, _on(told, on)) or any(map(_is_death, told)):
        return False
    return _adds(told, new)


def _adds(told: Sequence[Fact], new: Fact) -> bool:
    on = new.occurred_on
    match new.data:
        case MeetingHeld():
            # Told twice it may move from one sequence to another.
            return not any(_is_meeting(fact, new.data.meeting_id) for fact in told)
        case HomeStarted():
            return _is_another_home(told, new.data, on)
        case HomeEnded():
            home, left = _last_home(told)
            return home is None or (home.home_id == new.data.home_id and (left or _keeps_episode(told, on)))
        case ChildAccommodated():
            home, left = _last_home(told)
            return home is None or (left and not _of(HomeStarted, _on(told, on)))
        case EpisodeEnded():
            return not _of(HomeStarted, _on(told, on))
    return False


def _on(told: Sequence[Fact], day: date) -> Iterable[Fact]:
    """Return what is told of the last day, if that is ``day``."""
    return takewhile(lambda fact: fact.occurred_on == day, reversed(told))


def _of(kind: type[HomeStarted | ChildAccommodated | MeetingHeld], facts: Iterable[Fact]) -> bool:
    return any(isinstance(fact.data, kind) for fact in facts)


def _is_meeting(fact: Fact, meeting_id: str) -> bool:
    return isinstance(fact.data, MeetingHeld) and fact.data.meeting_id == meeting_id


def _is_death(fact: Fact) -> bool:
    return isinstance(fact.data, EpisodeEnded) and fact.data.destination is Destination.DIED


def _is_another_home(told: Sequence[Fact], data: HomeStarted, on: date) -> bool:
    """Tell whether a home is none told before, and joins no series: those are counted from an earlier home."""
    if data.short_break_series or any(
        isinstance(fact.data, HomeStarted) and fact.data.home_id == data.home_id for fact in told
    ):
        return False
    home, left = _last_home(told)
    return home is None or left or _keeps_episode(told, on)


def _keeps_episode(told: Sequence[Fact], on: date) -> bool:
    """Tell whether the last home, ending ``on``, stays in its episode: one begun that day is too late for it."""
    return not _of(ChildAccommodated, _on(told, on))


def _last_home(told: Sequence[Fact]) -> tuple[HomeStarted | None, bool]:
    """Return the home that began last, and whether its end is told."""
    ended: set[str] = set()
    for fact in reversed(told):
        if isinstance(fact.data, HomeEnded):
            ended.add(fact.data.home_id)
        elif isinstance(fact.data, HomeStarted):
            return fact.data, fact.data.home_id in ended
    return None, False
