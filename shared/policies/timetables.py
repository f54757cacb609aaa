"""The timetable of a council, from the packs and calendars shipped with Homeward."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from shared.domain.history import Fact
from shared.domain.timetable.engine import Timetable, adopted_timetable
from shared.policies.calendars import COUNCIL, calendars
from shared.policies.loader import known_packs


def council_timetable(authority_facts: Sequence[Fact], *, closures: Iterable[date] = ()) -> Timetable:
    """Return the timetable that a council's own facts make, with the packs at hand.

    ``closures`` are days, besides weekends and bank holidays, on which the council does
    not work; with any given, working days are counted on the council's own calendar.
    """
    closed = frozenset(closures)
    return adopted_timetable(
        authority_facts,
        packs=known_packs(),
        calendars=calendars(closed),
        working_calendar=COUNCIL if closed else None,
    )
