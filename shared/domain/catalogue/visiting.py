"""Visits to the child, and to those with whom the child lives, between reviews."""

from __future__ import annotations

from pydantic import Field

from shared.domain.catalogue.base import MAX_ITEMS, EventData
from shared.domain.catalogue.identifiers import HomeId, VisitId
from shared.domain.catalogue.roles import Role


class VisitMade(EventData):
    """Somebody from the council visited the child, or those with whom the child lives (SSI 2009/210 reg 46).

    Timetable: a visit that an adopted pack asks for was made, and the next one is counted from it.
    An attempt at which nobody was seen is no visit.
    """

    visit_id: VisitId
    home_id: HomeId | None = Field(default=None, description="The home that was visited, where several could be meant.")
    visited: tuple[Role, ...] = Field(
        min_length=1, max_length=MAX_ITEMS, description="Who was seen, by role.", examples=[["child", "foster_carer"]]
    )
