"""What the events service answers besides appends, pages and problems."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.catalogue import EventType, dataschema
from shared.domain.ids import AUTHORITY_STREAM, CHILD_STREAM_PREFIX
from shared.wire import limits, strict_json
from shared.wire.problem_catalogue import ProblemKind


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class EventTypeView(_View):
    """One event type."""

    type: str = Field(description="Permanent name, as CloudEvents `type`.", examples=["child.accommodated"])
    schema_version: int
    summary: str
    stream: str = Field(description="Which streams its events belong to.", examples=["child-<identifier>"])
    dataschema: str = Field(description="Where its JSON Schema lies; may be sent as CloudEvents `dataschema`.")


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
    faults: int = Field(limits.FAULTS, description="Faults told of one event.")


class ProblemKindsView(_View):
    """Every kind of problem there is."""

    problems: list[ProblemKind]


def event_type_view(of: EventType) -> EventTypeView:
    """Return the view of one event type."""
    return EventTypeView(
        type=of.name,
        schema_version=of.schema_version,
        summary=of.summary,
        stream=AUTHORITY_STREAM if of.about_authority else f"{CHILD_STREAM_PREFIX}<identifier>",
        dataschema=dataschema(of),
    )
