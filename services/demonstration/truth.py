"""What is true in the made-up council, whether or not it has happened or been recorded yet.

The events show what a case system knew on the day of loading.  The truth also holds how
each story goes on, so that the bias and coverage of a statistic can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.domain.catalogue.permanence import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeTruth:
    """One episode of care as it really goes.

    ``days_to_recommendation`` counts from ``accommodated_on`` and may reach beyond the day
    of loading; None for a child who leaves care before any recommendation.  ``ended_on``
    is None where the episode outlasts the story.  ``after_change`` tells whether it began
    on or after the change of practice.
    """

    child_id: str
    episode_id: str
    accommodated_on: date
    after_change: bool
    route: Route | None
    days_to_recommendation: int | None
    ended_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTruth:
    """One statutory review as the council planned it.

    ``ordinal`` counts from 1 within the home.  ``held_on`` is None where no meeting was
    held for it; ``home_ended_on`` is the end of the home, None where it outlasts the story.
    ``left_out`` marks a review that nobody held in its time, ``brought_forward`` one held
    sooner than it would have been because something had to be decided.
    """

    child_id: str
    home_id: str
    ordinal: int
    due_on: date
    held_on: date | None
    home_ended_on: date | None
    left_out: bool
    brought_forward: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything true of one council; ``changed_on`` is when its practice changed."""

    changed_on: date
    loaded_on: date
    episodes: tuple[EpisodeTruth, ...]
    reviews: tuple[ReviewTruth, ...]
