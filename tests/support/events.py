"""Events for tests: as they are posted, and as the log holds them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import orjson

from shared.domain.catalogue import FIRST_VERSION, dataschema, event_type, read_data
from shared.domain.envelope import RecordedEvent

SOURCE = "/test/case-system"
EPOCH = datetime(2026, 1, 1, 9, tzinfo=UTC)


def cloud_event(
    type: str,  # noqa: A002 - it is called so in CloudEvents
    stream: str,
    data: dict[str, Any],
    *,
    id: str | None = None,  # noqa: A002 - as above
    source: str = SOURCE,
    **attributes: Any,
) -> dict[str, Any]:
    """Return a CloudEvent 1.0 as JSON values, ready to be posted; ``id`` is random unless given.

    Dates in ``data`` may be :class:`datetime.date`; the stream travels as ``subject``.
    """
    event = {
        "specversion": "1.0",
        "id": id or uuid4().hex,
        "source": source,
        "type": type,
        "subject": stream,
        "data": data,
        **attributes,
    }
    plain: dict[str, Any] = orjson.loads(orjson.dumps(event))
    return plain


def recorded(
    type: str,  # noqa: A002 - as above
    stream: str,
    data: dict[str, Any],
    *,
    position: int,
    recorded_at: datetime | None = None,
    stream_position: int | None = None,
    id: str | None = None,  # noqa: A002 - as above
    source: str = SOURCE,
    authority_id: str = "test-council",
    version: int | None = None,
) -> RecordedEvent:
    """Return an event as the log holds it, its data checked as on appending.

    Without ``recorded_at`` it was recorded ``position`` minutes after :data:`EPOCH`;
    without ``id`` that is ``e`` and the position; without ``version`` it names no
    ``dataschema``, so that its data follow version 1.
    """
    named = {} if version is None else {"dataschema": dataschema(event_type(type), version)}
    posted = cloud_event(type, stream, data, id=id or f"e{position}", source=source, **named)
    attributes = {name: value for name, value in posted.items() if name != "data"}
    return RecordedEvent(
        authority_id=authority_id,
        position=position,
        stream=stream,
        stream_position=stream_position or position,
        source=source,
        event_id=posted["id"],
        type=type,
        recorded_at=recorded_at or EPOCH + timedelta(minutes=position),
        recorded_by="k3y4test",
        data=read_data(type, version or FIRST_VERSION, posted["data"]),
        attributes=attributes,
    )


class Log:
    """A log written by hand: each call records the next event.

    Positions count from 1, and stream positions for each stream.
    """

    def __init__(self, authority_id: str = "test-council") -> None:
        """Begin an empty log of this authority."""
        self._authority_id = authority_id
        self._positions = count(1)
        self.events: list[RecordedEvent] = []

    def add(
        self,
        type: str,  # noqa: A002 - as above
        stream: str,
        occurred_on: date | str,
        *,
        recorded_at: datetime | None = None,
        id: str | None = None,  # noqa: A002 - as above
        version: int | None = None,
        **data: Any,
    ) -> RecordedEvent:
        """Record one event; by default at noon UTC of the day on which it occurred."""
        day = date.fromisoformat(occurred_on) if isinstance(occurred_on, str) else occurred_on
        event = recorded(
            type,
            stream,
            {"occurred_on": day.isoformat(), **data},
            position=next(self._positions),
            stream_position=1 + sum(each.stream == stream for each in self.events),
            recorded_at=recorded_at or datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            id=id,
            authority_id=self._authority_id,
            version=version,
        )
        self.events.append(event)
        return event
