"""From what was recorded to what is held true: corrections, retractions, two times.

``known_at`` asks what had been *recorded* by an instant; ``as_of`` asks about what had
*occurred* by a day.  Nothing is overwritten: a correction is a later event, and without
it in sight the earlier wording stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from shared.domain.catalogue import EventData, event_type
from shared.domain.catalogue.governance import RecordCorrected, RecordRetracted
from shared.domain.envelope import RecordedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact as it is held true, with where it was recorded.

    ``position`` and ``recorded_at`` are those of the event that first recorded the fact;
    ``amended_position`` is that of its latest correction, if any.
    """

    position: int
    source: str
    event_id: str
    type: str
    recorded_at: datetime
    data: EventData
    amended_position: int | None = None

    @property
    def occurred_on(self) -> date:
        """The civil date on which the fact occurred."""
        return self.data.occurred_on

    @property
    def latest_position(self) -> int:
        """The position of the event that gave the fact its present wording."""
        return self.amended_position or self.position


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
    known = sorted(
        (event for event in events if known_at is None or event.recorded_at <= known_at),
        key=lambda event: event.position,
    )
    held: dict[tuple[str, str], Fact] = {}
    for event in known:
        _apply(held, event)
    return in_order(fact for fact in held.values() if as_of is None or fact.occurred_on <= as_of)


def in_order(unordered: Iterable[Fact]) -> tuple[Fact, ...]:
    """Sort facts by civil date, then by log position: the order in which they are told."""
    return tuple(sorted(unordered, key=lambda fact: (fact.occurred_on, fact.position)))


def _apply(held: dict[tuple[str, str], Fact], event: RecordedEvent) -> None:
    if isinstance(event.data, RecordCorrected):
        _correct(held, event, event.data)
    elif isinstance(event.data, RecordRetracted):
        held.pop((event.data.retracts_source, event.data.retracts_id), None)
    else:
        held[event.source, event.event_id] = Fact(
            position=event.position,
            source=event.source,
            event_id=event.event_id,
            type=event.type,
            recorded_at=event.recorded_at,
            data=event.data,
        )


def _correct(held: dict[tuple[str, str], Fact], event: RecordedEvent, correction: RecordCorrected) -> None:
    key = (correction.corrects_source, correction.corrects_id)
    wrong = held.get(key)
    if wrong is None:
        return
    held[key] = replace(wrong, data=corrected_data(wrong.type, correction), amended_position=event.position)


def corrected_data(of_type: str, correction: RecordCorrected) -> EventData:
    """Return the replacement as data of the corrected event's type.

    Raises pydantic.ValidationError if the replacement does not fit that type.
    """
    # Replacements come from JSON, where dates are strings: hence the lax instance of the model.
    return event_type(of_type).data.model_validate(correction.replacement, strict=False)
