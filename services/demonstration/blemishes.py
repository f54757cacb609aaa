"""What goes wrong at the keyboard: wrong dates corrected later, meetings entered for the wrong child.

Every blemish is put right before the day of loading, so that what is held true after all
amendments is what happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.demonstration import calibration
from services.demonstration.chance import Chance
from services.demonstration.days import instant, working_day_from
from services.demonstration.recording import Entry
from shared.domain.catalogue import type_of, version_of
from shared.domain.catalogue.child import ChildAccommodated, EpisodeEnded
from shared.domain.catalogue.governance import AmendmentReason, RecordCorrected, RecordRetracted
from shared.domain.catalogue.meeting import MeetingHeld
from shared.domain.clock import civil_date

#: Dates slip back by a day, by a week, or by ten days: a wrong digit.
_SLIPS = {1: 0.3, 7: 0.4, 10: 0.3}


@dataclass(slots=True)
class _Care:
    """One episode as the case system sees it: whose, since when, recorded when, until when."""

    stream: str
    since_on: date
    recorded_at: datetime
    until_on: date | None = None

    def is_open(self, on: date, at: datetime) -> bool:
        """Tell whether the child was in care on ``on``, and known to be by ``at``."""
        return self.since_on < on and self.recorded_at < at and (self.until_on is None or on < self.until_on)


class Blemishes:
    """Mixes errors and their amendments into the entries of a case system."""

    def __init__(
        self, entries: Sequence[Entry], *, source: str, ids: Iterator[str], loaded_at: datetime, chance: Chance
    ) -> None:
        """Blemish ``entries``; amendments refer to events of ``source`` and take their own id from ``ids``."""
        self._entries = entries
        self._source = source
        self._ids = ids
        self._loaded_at = loaded_at
        self._chance = chance
        self._cares = _cares(entries)

    def mixed_in(self) -> Iterator[Entry]:
        """Yield all entries, some of them wrong at first, and the amendments; in no particular order."""
        dates, children = calibration.DATES_CORRECTED.value, calibration.WRONG_CHILD.value
        for entry in self._entries:
            draw = self._chance.fraction()
            # Where the hour is known it was taken from the calendar, and is not mistyped.
            if (
                not isinstance(entry.data, MeetingHeld)
                or entry.data.occurred_at is not None
                or draw >= dates + children
            ):
                yield entry
            elif draw < dates:
                yield from self._wrong_date(entry, entry.data)
            else:
                yield entry
                yield from self._wrong_child(entry, entry.data)

    def _wrong_date(self, entry: Entry, held: MeetingHeld) -> Iterator[Entry]:
        amended_at = self._amended_at(entry)
        wrong_on = held.occurred_on - timedelta(days=self._chance.pick(_SLIPS))
        in_care = any(
            care.stream == entry.stream and care.since_on < wrong_on <= (care.until_on or wrong_on)
            for care in self._cares
        )
        if amended_at >= self._loaded_at or not in_care:
            yield entry
            return
        wrong = held.model_copy(update={"occurred_on": wrong_on})
        yield replace(entry, data=wrong)
        correction = RecordCorrected(
            occurred_on=civil_date(amended_at),
            corrects_source=self._source,
            corrects_id=entry.event_id,
            corrects_type=type_of(held).name,
            replacement=held.model_dump(mode="json", exclude_none=True),
            replacement_version=version_of(held),
            reason=AmendmentReason.RECORDING_ERROR,
        )
        yield Entry(amended_at, entry.stream, next(self._ids), correction)

    def _wrong_child(self, entry: Entry, held: MeetingHeld) -> Iterator[Entry]:
        others = [
            care.stream
            for care in self._cares
            if care.stream != entry.stream and care.is_open(held.occurred_on, entry.recorded_at)
        ]
        strayed_at = entry.recorded_at - timedelta(minutes=self._chance.within(2, 9))
        stray = replace(
            entry,
            recorded_at=max(strayed_at, instant(held.occurred_on, 8)),
            event_id=next(self._ids),
            data=held.model_copy(update={"meeting_id": self._chance.identifier("meeting-")}),
        )
        amended_at = self._amended_at(entry)
        if not others or amended_at >= self._loaded_at:
            return
        stray = replace(stray, stream=self._chance.one_of(others))
        yield stray
        retraction = RecordRetracted(
            occurred_on=civil_date(amended_at),
            retracts_source=self._source,
            retracts_id=stray.event_id,
            reason=AmendmentReason.WRONG_CHILD,
        )
        yield Entry(amended_at, stray.stream, next(self._ids), retraction)

    def _amended_at(self, entry: Entry) -> datetime:
        on = working_day_from(civil_date(entry.recorded_at) + timedelta(days=self._chance.within(1, 35)))
        return instant(on, self._chance.within(9, 16), self._chance.within(0, 59), self._chance.within(0, 59))


def _cares(entries: Sequence[Entry]) -> list[_Care]:
    """Return every episode of every stream, in the order of the entries."""
    cares: list[_Care] = []
    latest: dict[str, _Care] = {}
    for entry in sorted(entries, key=lambda entry: (entry.data.occurred_on, entry.recorded_at, entry.stream)):
        if isinstance(entry.data, ChildAccommodated):
            latest[entry.stream] = _Care(entry.stream, entry.data.occurred_on, entry.recorded_at)
            cares.append(latest[entry.stream])
        elif isinstance(entry.data, EpisodeEnded):
            latest[entry.stream].until_on = entry.data.occurred_on
    return cares
