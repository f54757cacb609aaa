"""Children come to be accommodated: who, when, and which brothers and sisters together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.demonstration import calibration
from services.demonstration.calibration import AgeBand
from services.demonstration.chance import Chance
from services.demonstration.days import Span, instant
from shared.domain.catalogue.child import LegalReason

_TEAMS = ("north", "south", "east", "west")
_DAYS_A_YEAR = 365.25
#: The oldest child that is accommodated; one day short of seventeen.
_OLDEST_DAYS = 17 * 365
_RE_ACCOMMODATED_DAYS = (21, 364)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One child is accommodated: an episode of care begins.

    ``family`` is shared by brothers and sisters accommodated in the same event.
    ``registered_on`` is None when the child is registered already, from an earlier episode.
    """

    child_id: str
    episode_id: str
    family: str
    born_on: date
    team: str
    registered_on: date | None
    accommodated_on: date
    accommodated_at: datetime | None
    legal_reason: LegalReason
    emergency: bool

    @property
    def age_days(self) -> int:
        """The child's age in days when accommodated."""
        return (self.accommodated_on - self.born_on).days

    @property
    def age_band(self) -> AgeBand:
        """The age band of the child when accommodated."""
        for band, span in calibration.AGES_IN_BAND.value.items():
            if self.age_days <= span.high + 2:
                return band
        return AgeBand.FROM_12_TO_16


def arrivals(span: Span, chance: Chance) -> Iterator[Arrival]:
    """Draw all first accommodations from ``span.begins_on`` to the day of loading, in order."""
    families_a_year = _families_a_year()
    passed = chance.waiting_days(_DAYS_A_YEAR / families_a_year)
    while span.begins_on + timedelta(days=int(passed)) < span.loaded_on:
        yield from _family(span.begins_on + timedelta(days=int(passed)), chance)
        passed += chance.waiting_days(_DAYS_A_YEAR / families_a_year)


def _families_a_year() -> float:
    shares = calibration.ACCOMMODATED_TOGETHER.value
    together = sum(size * share for size, share in shares.items())
    # The rest of the year's accommodations are of children who come back.
    returning = 0.015
    return calibration.ACCOMMODATIONS_A_YEAR.value * (1 - returning) / together


def _family(on: date, chance: Chance) -> Iterator[Arrival]:
    reason = chance.pick(calibration.LEGAL_REASONS.value)
    emergency = chance.happens(calibration.EMERGENCIES.value.get(reason, 0.0))
    first = Arrival(
        child_id=chance.identifier(""),
        episode_id=chance.identifier("episode-"),
        family=chance.identifier("family-"),
        born_on=on - timedelta(days=chance.days(calibration.AGES_IN_BAND.value[_band(chance)])),
        team=chance.one_of(_TEAMS),
        registered_on=on if chance.happens(0.4) else on - timedelta(days=chance.within(1, 60)),
        accommodated_on=on,
        accommodated_at=_hour_of(on, chance) if chance.happens(0.95 if emergency else 0.6) else None,
        legal_reason=reason,
        emergency=emergency,
    )
    born_on = first.born_on
    for _ in range(chance.pick(calibration.ACCOMMODATED_TOGETHER.value)):
        yield _brother_or_sister(first, born_on, chance)
        born_on = _next_birth(born_on, on, chance)


def _band(chance: Chance) -> AgeBand:
    return chance.pick(calibration.AGES.value)


def _brother_or_sister(first: Arrival, born_on: date, chance: Chance) -> Arrival:
    if born_on == first.born_on:
        return replace(first, registered_on=_not_before(first.registered_on, born_on))
    return replace(
        first,
        child_id=chance.identifier(""),
        episode_id=chance.identifier("episode-"),
        born_on=born_on,
        registered_on=_not_before(first.registered_on, born_on),
    )


def _not_before(registered_on: date | None, born_on: date) -> date | None:
    return None if registered_on is None else max(registered_on, born_on)


def _next_birth(born_on: date, accommodated_on: date, chance: Chance) -> date:
    """Draw the birth of the next child of the family: mostly younger, and under seventeen."""
    gap = timedelta(days=chance.within(330, 1500))
    younger, older = born_on + gap, born_on - gap
    if younger < accommodated_on and chance.happens(0.6):
        return younger
    if (accommodated_on - older).days < _OLDEST_DAYS:
        return older
    return younger


def _hour_of(on: date, chance: Chance) -> datetime:
    return instant(on, chance.within(8, 21), chance.within(0, 59))


def returning(earlier: Arrival, went_home_on: date, span: Span, chance: Chance) -> Arrival | None:
    """Draw whether a child who went home is accommodated again; None if not, or not yet."""
    if not chance.happens(calibration.RE_ACCOMMODATED.value):
        return None
    on = went_home_on + timedelta(days=chance.within(*_RE_ACCOMMODATED_DAYS))
    if on >= span.loaded_on or (on - earlier.born_on).days >= _OLDEST_DAYS:
        return None
    reason = chance.pick(calibration.LEGAL_REASONS.value)
    return replace(
        earlier,
        episode_id=chance.identifier("episode-"),
        family=chance.identifier("family-"),
        registered_on=None,
        accommodated_on=on,
        accommodated_at=_hour_of(on, chance),
        legal_reason=reason,
        emergency=chance.happens(calibration.EMERGENCIES.value.get(reason, 0.0)),
    )
