"""Measures over episodes of care that stay honest while children are still waiting.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from services.reporting.measures.cohort import Cohort, Row, cohort, row
from services.reporting.measures.definition import ACCOMMODATED_TO_RECOMMENDATION, DEFINITIONS, Definition
from services.reporting.measures.sentence import sentence
from services.reporting.model import EpisodeRecord

__all__ = [
    "ACCOMMODATED_TO_RECOMMENDATION",
    "DEFINITIONS",
    "Cohort",
    "Definition",
    "Population",
    "Report",
    "Row",
    "report",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Which episodes the question is about: by day of accommodation (both included), team, first or all."""

    accommodated_from: date | None = None
    accommodated_to: date | None = None
    team: str | None = None
    first_episodes_only: bool = False

    def holds(self, episode: EpisodeRecord) -> bool:
        """Tell whether the episode is asked about."""
        return (
            (self.accommodated_from is None or self.accommodated_from <= episode.accommodated_on)
            and (self.accommodated_to is None or episode.accommodated_on <= self.accommodated_to)
            and (self.team is None or episode.team == self.team)
            and (not self.first_episodes_only or episode.ordinal == 1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer of a measure: every episode's row, and the figures over all, first and repeated ones."""

    definition: Definition
    followed_to: date
    sentence: str
    result: Cohort
    first_episodes: Cohort
    re_accommodations: Cohort
    rows: tuple[Row, ...]


def report(episodes: Iterable[EpisodeRecord], population: Population, followed_to: date) -> Report:
    """Answer the measure *accommodated to recommendation*.

    ``episodes`` are as of ``followed_to``: nothing in them occurred after it.
    """
    definition = ACCOMMODATED_TO_RECOMMENDATION
    asked = [each for each in episodes if population.holds(each)]
    asked.sort(key=lambda each: (each.accommodated_on, each.child_id, each.ordinal))
    rows = tuple(row(each, followed_to) for each in asked)
    result = cohort(rows, definition, followed_to)
    return Report(
        definition=definition,
        followed_to=followed_to,
        sentence=sentence(result, definition),
        result=result,
        first_episodes=cohort((each for each in rows if each.episode.ordinal == 1), definition, followed_to),
        re_accommodations=cohort((each for each in rows if each.episode.ordinal > 1), definition, followed_to),
        rows=rows,
    )
