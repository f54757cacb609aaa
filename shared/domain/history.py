"""From what was recorded to what is held true: corrections, retractions, two times.

``known_at`` asks what had been *recorded* by an instant; ``as_of`` asks about what had
*occurred* by a day.  Nothing is overwritten: a correction is a later event, and without
it in sight the earlier wording stands.  :func:`facts` gives ordinary readers what is held
true; :func:`fact_histories` gives authorised ones every wording with who, when and why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from shared.domain.catalogue import EventData, read_data
from shared.domain.catalogue.governance import AmendmentReason, RecordCorrected, RecordRetracted
from shared.domain.envelope import RecordedEvent

#: The members by which a fact begins, ends or satisfies something; to correct any other is clerical.
DECIDING = (
    *("occurred_on", "occurred_at", "meeting_id", "meeting_kind", "episode_id", "destination"),
    *("home_id", "home_kind", "emergency", "short_break_series"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact as it is held true, with where it was recorded.

    ``position`` and ``recorded_at`` are those of the event that first recorded the fact;
    ``amended_position`` is that of its latest correction, if any; ``redecided_position`` that
    of the latest one which was more than clerical (:data:`DECIDING`).
    """

    position: int
    source: str
    event_id: str
    type: str
    recorded_at: datetime
    data: EventData
    amended_position: int | None = None
    redecided_position: int | None = None

    @property
    def occurred_on(self) -> date:
        """The civil date on which the fact occurred."""
        return self.data.occurred_on

    @property
    def latest_position(self) -> int:
        """The position of the event that gave the fact its present wording."""
        return self.amended_position or self.position

    @property
    def decided_position(self) -> int:
        """The position from which the fact is of the day and of the kind that it has now, and about the same."""
        return self.redecided_position or self.position


def facts(
    events: Iterable[RecordedEvent],
    *,
    known_at: datetime | None = None,
    as_of: date | None = None,
) -> tuple[Fact, ...]:
    """Fold recorded events of one stream into the facts held true, in order of occurrence.

    ``events`` may come in any order; they are applied by position.  A retraction is final:
    a later correction of a retracted event changes nothing.
    """
    held: dict[tuple[str, str], Fact] = {}
    for event in _known(events, known_at):
        apply(held, event)
    return in_order(fact for fact in held.values() if as_of is None or fact.occurred_on <= as_of)


def in_order(unordered: Iterable[Fact]) -> tuple[Fact, ...]:
    """Sort facts by civil date, then by log position: the order in which they are told."""
    return tuple(sorted(unordered, key=lambda fact: (fact.occurred_on, fact.position)))


def _known(events: Iterable[RecordedEvent], known_at: datetime | None) -> list[RecordedEvent]:
    """Return in log order what had been recorded by ``known_at``."""
    recorded = (event for event in events if known_at is None or event.recorded_at <= known_at)
    return sorted(recorded, key=lambda event: event.position)


def apply(held: dict[tuple[str, str], Fact], event: RecordedEvent) -> tuple[Fact | None, Fact | None]:
    """Bring ``held``, by source and id, up to the next event; return the fact it changes, before and after.

    Either is None where there is no such fact, both where the event changes nothing.
    """
    if isinstance(event.data, RecordCorrected):
        return _correct(held, event, event.data)
    if isinstance(event.data, RecordRetracted):
        return held.pop((event.data.retracts_source, event.data.retracts_id), None), None
    key = (event.source, event.event_id)
    before = held.get(key)
    held[key] = Fact(
        position=event.position,
        source=event.source,
        event_id=event.event_id,
        type=event.type,
        recorded_at=event.recorded_at,
        data=event.data,
    )
    return before, held[key]


def _correct(
    held: dict[tuple[str, str], Fact], event: RecordedEvent, correction: RecordCorrected
) -> tuple[Fact | None, Fact | None]:
    key = (correction.corrects_source, correction.corrects_id)
    wrong = held.get(key)
    if wrong is None:
        return None, None
    data = corrected_data(wrong.type, correction)
    redecided = event.position if _deciding(wrong.data) != _deciding(data) else wrong.redecided_position
    held[key] = replace(wrong, data=data, amended_position=event.position, redecided_position=redecided)
    return wrong, held[key]


def _deciding(data: EventData) -> tuple[object, ...]:
    return tuple(getattr(data, name, None) for name in DECIDING)


def corrected_data(of_type: str, correction: RecordCorrected) -> EventData:
    """Return the replacement, in the version it names, as latest data of the corrected event's type.

    Raises KeyError if there is no such version, pydantic.ValidationError if the replacement
    does not fit it.
    """
    return read_data(of_type, correction.replacement_version, correction.replacement)


class WordingKind(StrEnum):
    """How a fact came by one of its wordings."""

    RECORDED = "recorded"
    CORRECTED = "corrected"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How one event worded a fact, or that it took the fact back.

    ``position``, ``stream_position``, ``source``, ``event_id``, ``recorded_at`` and
    ``recorded_by`` are those of that event: who told it and when; ``reason`` is why it
    amends, None for the first wording.  ``stated_on`` is the event's own day: for an
    amendment that of amending, not that of the fact.  ``data`` is None in a retraction.
    ``counts`` is False for a correction that came after the retraction, and changed nothing.
    """

    kind: WordingKind
    position: int
    stream_position: int
    source: str
    event_id: str
    recorded_at: datetime
    recorded_by: str
    stated_on: date
    reason: AmendmentReason | None = None
    data: EventData | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FactHistory:
    """Everything that was ever said of one fact, in order of position, for readers who may see it.

    ``source`` and ``event_id`` name the fact: they are those of the event that first recorded it.
    """

    source: str
    event_id: str
    type: str
    wordings: tuple[Wording, ...]

    @property
    def first(self) -> Wording:
        """The wording in which the fact was first recorded."""
        return self.wordings[0]

    @property
    def retracted(self) -> bool:
        """Whether the fact was taken back."""
        return any(wording.kind is WordingKind.RETRACTED for wording in self.wordings)


def fact_histories(events: Iterable[RecordedEvent], *, known_at: datetime | None = None) -> tuple[FactHistory, ...]:
    """Tell of each fact of one stream how it was first recorded, and every amendment since.

    ``events`` may come in any order.  With ``known_at`` later recordings are left out.
    Facts come in order of their first recording, those taken back included.  Unlike
    :func:`facts` this shows what was wrong: it is for authorised readers only.  Raises as
    :func:`corrected_data` does.
    """
    told: dict[tuple[str, str], FactHistory] = {}
    for event in _known(events, known_at):
        key = amended(event.data) or (event.source, event.event_id)
        before = told.get(key)
        if before is not None:
            told[key] = replace(before, wordings=(*before.wordings, _wording(event, before)))
        elif not isinstance(event.data, RecordCorrected | RecordRetracted):
            first = (_wording(event, None),)
            told[key] = FactHistory(source=event.source, event_id=event.event_id, type=event.type, wordings=first)
    return tuple(told.values())


def amended(data: EventData) -> tuple[str, str] | None:
    """Return source and id of the event that ``data`` amends, None if it amends none."""
    if isinstance(data, RecordCorrected):
        return data.corrects_source, data.corrects_id
    if isinstance(data, RecordRetracted):
        return data.retracts_source, data.retracts_id
    return None


def _wording(event: RecordedEvent, before: FactHistory | None) -> Wording:
    kind, data = _said(event.data, before)
    amendment = event.data if isinstance(event.data, RecordCorrected | RecordRetracted) else None
    return Wording(
        kind=kind,
        position=event.position,
        stream_position=event.stream_position,
        source=event.source,
        event_id=event.event_id,
        recorded_at=event.recorded_at,
        recorded_by=event.recorded_by,
        stated_on=event.data.occurred_on,
        reason=amendment.reason if amendment else None,
        data=data,
        counts=before is None or not before.retracted,
    )


def _said(data: EventData, before: FactHistory | None) -> tuple[WordingKind, EventData | None]:
    if isinstance(data, RecordRetracted):
        return WordingKind.RETRACTED, None
    if isinstance(data, RecordCorrected) and before is not None:
        return WordingKind.CORRECTED, corrected_data(before.type, data)
    return WordingKind.RECORDED, data
