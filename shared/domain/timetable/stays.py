"""Stays: homes as the timetable sees them, each within its episode of care.

A series of short breaks is one stay (regs 14, 30), however many homes are recorded for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared.domain.catalogue.child import HomeKind
from shared.domain.history import Fact
from shared.domain.timetable.record import ChildRecord, Episode, Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One home, or one series of short breaks.

    ``episode`` is the episode it belongs to, None if none is recorded.  ``followed_by``
    began the next home.  ``accommodated_from_here`` is set where the child lived with
    parents and then came into care, which ends living with parents.
    """

    spans: tuple[Home, ...]
    episode: Episode | None
    followed_by: Fact | None
    accommodated_from_here: Fact | None = None

    @property
    def first(self) -> Home:
        """The span the stay is counted from."""
        return self.spans[0]

    @property
    def last(self) -> Home:
        """The latest span of the stay."""
        return self.spans[-1]

    @property
    def began_on(self) -> date:
        """The civil day on which the stay began."""
        return self.first.began.occurred_on

    @property
    def is_series(self) -> bool:
        """Whether this is a series of short breaks."""
        return self.first.data.short_break_series

    @property
    def ended(self) -> Fact | None:
        """The recorded end, if any.

        A short break's end does not end the series while the episode of care runs: the child
        is at home between two breaks, and the review of the series stays owed.
        """
        if self.is_series and self.episode is not None:
            return None
        return self.last.ended


def stays(record: ChildRecord) -> tuple[Stay, ...]:
    """Return the stays of one child in order of their beginning."""
    found: list[Stay] = []
    series: int | None = None
    for index, home in enumerate(record.homes):
        stay = _stay(index, home, record)
        if stay.is_series and series is not None and found[series].episode is stay.episode:
            found[series] = replace(found[series], spans=(*found[series].spans, home), followed_by=stay.followed_by)
            continue
        if stay.is_series:
            series = len(found)
        elif home.data.home_kind is not HomeKind.PARENTS:
            series = None
        found.append(stay)
    return tuple(found)


def _stay(index: int, home: Home, record: ChildRecord) -> Stay:
    following = record.homes[index + 1].began if index + 1 < len(record.homes) else None
    with_parents = home.data.home_kind is HomeKind.PARENTS
    episode = _episode_of(home, record.episodes)
    later = _next_episode(home, following, record.episodes) if episode is None else None
    return Stay(
        spans=(home,),
        episode=episode if with_parents else episode or later,
        followed_by=following,
        accommodated_from_here=later.began if later and with_parents else None,
    )


def _episode_of(home: Home, episodes: Sequence[Episode]) -> Episode | None:
    """Return the episode that runs when ``home`` begins, the latest begun if two meet on that day."""
    running = [episode for episode in episodes if _runs(episode, home)]
    return running[-1] if running else None


def _runs(episode: Episode, home: Home) -> bool:
    day = home.began.occurred_on
    if day < episode.began.occurred_on:
        return False
    if episode.ended is None or day < episode.ended.occurred_on:
        return True
    # A child who goes home to parents on the day care away from home ends may still be looked after
    # there: that home is not closed with the episode.
    return day == episode.ended.occurred_on and home.data.home_kind is not HomeKind.PARENTS


def _next_episode(home: Home, following: Fact | None, episodes: Sequence[Episode]) -> Episode | None:
    """Return the episode that begins while the child still lives in ``home``."""
    ends = [fact.occurred_on for fact in (home.ended or following,) if fact is not None]
    for episode in episodes:
        began_on = episode.began.occurred_on
        if began_on > home.began.occurred_on and all(began_on < end for end in ends):
            return episode
    return None
