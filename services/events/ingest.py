"""What Homeward asks of an event beyond its schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache

from shared.domain.catalogue import EventData
from shared.domain.catalogue.agreements import ReviewFrequencyAgreed
from shared.domain.catalogue.calendars import HolidayDeclared, HolidayRemoved, WorkingCalendarSet
from shared.domain.catalogue.governance import RecordCorrected, TimetableAdopted
from shared.domain.catalogue.notices import BackfillDeclared, NoticeThresholdsSet
from shared.domain.errors import Fault
from shared.domain.timetable.council_calendars import DECISIONS
from shared.policies.calendars import CALENDAR_NAMES
from shared.policies.loader import known_packs
from shared.wire.cloudevents import corrected_wording

#: A fact may be told on the day before: clocks differ, and some systems write at midnight.
DAYS_AHEAD = 1
#: Of all other data only the day is asked.
_ASKED_MORE: frozenset[type[EventData]] = frozenset(
    {RecordCorrected, TimetableAdopted, NoticeThresholdsSet, BackfillDeclared, ReviewFrequencyAgreed, *DECISIONS}
)


class Rules:
    """The rules on one day, with the editions of timetable packs that are known, as (pack, edition)."""

    def __init__(self, today: date, editions: frozenset[tuple[str, str]]) -> None:
        """Hold events to the rules of ``today``, a civil date (Europe/London)."""
        self._today = today
        self._latest = today + timedelta(days=DAYS_AHEAD)
        self._editions = editions

    def faults(self, data: EventData) -> Sequence[Fault]:
        """Name what is wrong with the data of an event that is valid by its schema; pointers lead into the event."""
        # By its type: pydantic takes as long to say whether something is an instance as to read it.
        if data.occurred_on <= self._latest and type(data) not in _ASKED_MORE:
            return ()
        faults = self._faults(data, "/data")
        replacement = corrected_wording(data)
        return faults if replacement is None else [*faults, *self._faults(replacement, "/data/replacement")]

    def _faults(self, data: EventData, pointer: str) -> list[Fault]:
        faults: list[Fault] = []
        if data.occurred_on > self._latest:
            message = "What has occurred lies in the past; a booking says in scheduled_for when it is for."
            faults.append(Fault(f"{pointer}/occurred_on", "in_the_future", message))
        if isinstance(data, TimetableAdopted) and (data.pack, data.edition) not in self._editions:
            known = ", ".join(f"{pack} {edition}" for pack, edition in sorted(self._editions))
            message = f"No such timetable pack is known; known are: {known}"
            faults.append(Fault(f"{pointer}/pack", "unknown_pack", message))
        if isinstance(data, DECISIONS):
            faults += self._calendar_faults(data, pointer)
        if isinstance(data, (*DECISIONS, BackfillDeclared)) and self._today < data.occurred_on <= self._latest:
            # What is told or held after a decision goes by it, so from its recording on it must count.
            message = "A decision counts as soon as it is recorded; send it on the day of the decision, or later."
            faults.append(Fault(f"{pointer}/occurred_on", "in_the_future", message))
        if isinstance(data, ReviewFrequencyAgreed) and data.review_kind not in {None, *_agreed_kinds()}:
            message = "No rule that leaves its frequency to agreement has this key; leave it out, or correct it."
            faults.append(Fault(f"{pointer}/review_kind", "unknown_kind", message))
        if isinstance(data, NoticeThresholdsSet):
            faults += _threshold_faults(data, pointer)
        if isinstance(data, BackfillDeclared) and data.before_on > data.occurred_on:
            message = "A backfill keeps back nothing that is to come: before_on is at the latest occurred_on."
            faults.append(Fault(f"{pointer}/before_on", "in_the_future", message))
        return faults

    def _calendar_faults(
        self, data: HolidayDeclared | HolidayRemoved | WorkingCalendarSet, pointer: str
    ) -> Iterator[Fault]:
        named = {"calendar": data.calendar}
        if isinstance(data, WorkingCalendarSet):
            named["follows"] = data.follows
        for member, name in named.items():
            if name not in CALENDAR_NAMES:
                message = f"No such calendar is known; known are: {', '.join(sorted(CALENDAR_NAMES))}"
                yield Fault(f"{pointer}/{member}", "unknown_calendar", message)


@cache
def _agreed_kinds() -> frozenset[str]:
    """Return the keys of the rules that leave to agreement how often something is owed."""
    rules = (rule for pack in known_packs() for rule in pack.rules)
    return frozenset(rule.key for rule in rules if any(step.is_agreed for step in rule.steps))


def _threshold_faults(data: NoticeThresholdsSet, pointer: str) -> Iterator[Fault]:
    """Name what no review can fit: a setting that is misspelt would be passed over in silence."""
    packs = [pack for pack in known_packs() if data.pack in {None, pack.pack}]
    if not packs:
        yield Fault(
            f"{pointer}/pack", "unknown_pack", "No such timetable pack is known; GET /v1/timetables lists them."
        )
    elif data.kind is not None and all(rule.key != data.kind for pack in packs for rule in pack.rules):
        message = "No rule of this pack, or of any, has this key; GET /v1/timetables lists them."
        yield Fault(f"{pointer}/kind", "unknown_kind", message)
