"""The team that works with a child, and the child's date of birth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Self

from services.reporting.projection.spans import Span
from shared.domain.catalogue.child import ChildRegistered, ChildTeamAssigned
from shared.domain.history import Fact


@dataclass(frozen=True, slots=True)
class Teams:
    """The teams of a child with the days from which they worked with it, in order."""

    assigned: tuple[tuple[date, str], ...]

    @classmethod
    def of(cls, told: Iterable[Fact]) -> Self:
        """Read them from facts in told order."""
        return cls(
            tuple(
                (fact.occurred_on, fact.data.team)
                for fact in told
                if isinstance(fact.data, (ChildRegistered, ChildTeamAssigned)) and fact.data.team is not None
            )
        )

    @property
    def latest(self) -> str | None:
        """The team assigned last."""
        return self.assigned[-1][1] if self.assigned else None

    def of_span(self, span: Span) -> str | None:
        """Return the team on the day the episode began, or else the first assigned during it.

        The team of the beginning, since a later one would sort children by what happened
        to them after the clock had started.
        """
        before = [team for day, team in self.assigned if day <= span.accommodated_on]
        if before:
            return before[-1]
        return next((team for day, team in self.assigned if span.holds(day)), None)


def born_on(told: Iterable[Fact]) -> date | None:
    """Return the date of birth recorded last, if any."""
    days = [fact.data.born_on for fact in told if isinstance(fact.data, ChildRegistered)]
    return next((day for day in reversed(days) if day is not None), None)
