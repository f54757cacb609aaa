"""From a child's facts to the journey: a pure fold, the same however the events arrived."""

from __future__ import annotations

from collections.abc import Iterable

from services.reporting.model import Journey, Outside
from services.reporting.projection.episodes import episodes
from services.reporting.projection.spans import attribute, entry, in_told_order
from services.reporting.projection.teams import Teams, born_on
from shared.domain.history import Fact

#: Raised whenever the fold gives other rows from the same facts; rows of an older edition
#: are folded anew when they are read.
EDITION = 2


def project(child_id: str, facts: Iterable[Fact]) -> Journey:
    """Fold the facts held true of one child into the journey.

    ``facts`` come from :func:`shared.domain.history.facts`, in any order.  Every fact is
    in exactly one place: an episode's timeline, ``about_child`` or ``outside``.
    """
    told = in_told_order(facts)
    teams, born = Teams.of(told), born_on(told)
    placed = attribute(told)
    return Journey(
        child_id=child_id,
        team=teams.latest,
        born_on=born,
        episodes=episodes(child_id, placed.spans, teams, born),
        about_child=tuple(entry(fact) for fact in placed.about_child),
        outside=tuple(Outside(entry=entry(fact), reason=reason) for fact, reason in placed.outside),
        latest_on=max((fact.occurred_on for fact in told), default=None),
    )
