"""What the events service answers besides appends, pages and problems."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.catalogue import EventData, EventType, dataschema
from shared.domain.catalogue.governance import AmendmentReason
from shared.domain.history import Fact, FactHistory, Wording, WordingKind
from shared.domain.ids import AUTHORITY_STREAM, CHILD_STREAM_PREFIX
from shared.wire import limits, strict_json
from shared.wire.cloudevents import RECORD_TYPES
from shared.wire.problem_catalogue import ProblemKind


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class SchemaVersionView(_View):
    """One version of an event type's data; it is taken and served for ever."""

    version: int = Field(description="An event that names no `dataschema` follows version 1.")
    dataschema: str = Field(description="Where its JSON Schema lies; to be sent as CloudEvents `dataschema`.")


class EventTypeView(_View):
    """One event type."""

    type: str = Field(description="Permanent name, as CloudEvents `type`.", examples=["child.accommodated"])
    schema_version: int = Field(description="The latest version of its data.")
    summary: str
    stream: str = Field(description="Which streams its events belong to.", examples=["child-<identifier>"])
    dataschema: str = Field(description="Where the JSON Schema of the latest version lies.")
    versions: list[SchemaVersionView] = Field(description="Every version there is, from 1 on.")


class EventTypesView(_View):
    """Every event type there is."""

    event_types: list[EventTypeView]


class LimitsView(_View):
    """The limits of this interface; beyond them a request is refused with a problem that says which."""

    body_bytes: int = Field(limits.BODY_BYTES, description="Size of a request body.")
    event_bytes: int = Field(limits.EVENT_BYTES, description="Size of one event, and of one NDJSON line.")
    events_in_batch: int = Field(limits.EVENTS_IN_BATCH, description="Events in an application/cloudevents-batch+json.")
    events_in_ndjson: int = Field(limits.EVENTS_IN_NDJSON, description="Events in an application/x-ndjson body.")
    id_characters: int = Field(limits.IDENTITY_CHARACTERS, description="Characters of `id`, and of `source`.")
    extensions: int = Field(limits.EXTENSIONS, description="Extension attributes of one event.")
    extension_name_characters: int = limits.EXTENSION_NAME_CHARACTERS
    extension_value_characters: int = limits.EXTENSION_VALUE_CHARACTERS
    nesting: int = Field(strict_json.MAX_DEPTH, description="Levels of nesting in JSON.")
    page_events: int = Field(limits.PAGE_EVENTS, description="Events in one page of a read.")
    page_bytes: int = Field(
        limits.PAGE_BYTES, description="A page ends early rather than grow much larger: follow `next_after`."
    )
    long_poll_seconds: int = Field(limits.LONG_POLL_SECONDS, description="Longest `wait` of a read of the feed.")
    waiting_readers: int = Field(
        limits.WAITING_READERS, description="Long polls and live feeds of one authority that may be open at once."
    )
    proof_events: int = Field(limits.PROOF_EVENTS, description="Events that one call verifies or exports as a proof.")
    faults: int = Field(limits.FAULTS, description="Faults told of one event.")


class FactView(_View):
    """One fact as it is held true."""

    position: int = Field(description="Log position of the event that first recorded the fact.")
    amended_position: int | None = Field(description="That of its latest correction; null if there is none.")
    source: str = Field(description="With `id` it names the fact: give both to correct or retract it.")
    id: str
    type: str
    occurred_on: date
    recorded_at: datetime = Field(description="When the fact was first recorded (UTC).")
    data: dict[str, Any] = Field(description="Follows the latest version of the schema of the type.")


class FactsPage(_View):
    """Facts of one stream as they are held true, in order of occurrence; what was retracted is not among them."""

    stream: str
    as_of: date
    known_at: datetime | None
    items: list[FactView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class WordingView(_View):
    """What one event said of a fact."""

    kind: WordingKind
    position: int
    stream_position: int
    source: str
    id: str
    recorded_at: datetime
    recorded_by: str = Field(description="Id of the API key that appended the event.")
    stated_on: date = Field(description="The day the event itself gives; for an amendment that of amending.")
    reason: AmendmentReason | None = Field(description="Why it amends; null for the first wording.")
    data: dict[str, Any] | None = Field(description="By the latest version of the schema; null in a retraction.")
    counts: bool = Field(description="False for a correction after the retraction: it changed nothing.")


class FactHistoryView(_View):
    """Everything that was ever said of one fact."""

    source: str
    id: str
    type: str
    retracted: bool
    wordings: list[WordingView] = Field(description="In the order of their positions; the first recorded the fact.")


class HistoryPage(_View):
    """The histories of the facts of one stream, in the order in which they were first recorded."""

    stream: str
    known_at: datetime | None
    items: list[FactHistoryView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class ProblemKindsView(_View):
    """Every kind of problem there is."""

    problems: list[ProblemKind]


def event_type_view(of: EventType) -> EventTypeView:
    """Return the view of one event type."""
    return EventTypeView(
        type=of.name,
        schema_version=of.schema_version,
        summary=of.summary,
        stream=_streams(of),
        dataschema=dataschema(of),
        versions=[SchemaVersionView(version=version, dataschema=dataschema(of, version)) for version in of.schemas],
    )


def _streams(of: EventType) -> str:
    """Say in words where events of a type belong; amendments lie beside what they amend."""
    child = f"{CHILD_STREAM_PREFIX}<identifier>"
    if of.name in RECORD_TYPES:
        return f"{child} or {AUTHORITY_STREAM}"
    return AUTHORITY_STREAM if of.about_authority else child


def fact_view(fact: Fact) -> FactView:
    """Return the view of a fact."""
    return FactView(
        position=fact.position,
        amended_position=fact.amended_position,
        source=fact.source,
        id=fact.event_id,
        type=fact.type,
        occurred_on=fact.occurred_on,
        recorded_at=fact.recorded_at,
        data=_data(fact.data),
    )


def history_view(history: FactHistory) -> FactHistoryView:
    """Return the view of the history of a fact."""
    return FactHistoryView(
        source=history.source,
        id=history.event_id,
        type=history.type,
        retracted=history.retracted,
        wordings=[_wording_view(wording) for wording in history.wordings],
    )


def _wording_view(wording: Wording) -> WordingView:
    return WordingView(
        kind=wording.kind,
        position=wording.position,
        stream_position=wording.stream_position,
        source=wording.source,
        id=wording.event_id,
        recorded_at=wording.recorded_at,
        recorded_by=wording.recorded_by,
        stated_on=wording.stated_on,
        reason=wording.reason,
        data=None if wording.data is None else _data(wording.data),
        counts=wording.counts,
    )


def _data(data: EventData) -> dict[str, Any]:
    return data.model_dump(mode="json", exclude_none=True)
