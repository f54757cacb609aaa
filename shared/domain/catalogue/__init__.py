"""Every event type there is: its permanent name, its data, and its schema version.

Names are permanent.  Data within one schema version only ever gains optional members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shared.domain.catalogue import child, governance, meeting, permanence
from shared.domain.catalogue.base import EventData

__all__ = ["CATALOGUE", "EventData", "EventType", "dataschema", "event_type", "json_schema", "type_of"]


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type: permanent name, schema version, the model of its data."""

    name: str
    schema_version: int
    data: type[EventData]
    #: True when the event belongs to the authority's own stream instead of a child's.
    about_authority: bool = False

    @property
    def summary(self) -> str:
        """What the event says, in one sentence."""
        return (self.data.__doc__ or "").strip().splitlines()[0]


_TYPES = (
    EventType("child.registered", 1, child.ChildRegistered),
    EventType("child.team_assigned", 1, child.ChildTeamAssigned),
    EventType("child.accommodated", 1, child.ChildAccommodated),
    EventType("home.started", 1, child.HomeStarted),
    EventType("home.ended", 1, child.HomeEnded),
    EventType("episode.ended", 1, child.EpisodeEnded),
    EventType("meeting.scheduled", 1, meeting.MeetingScheduled),
    EventType("meeting.held", 1, meeting.MeetingHeld),
    EventType("meeting.cancelled", 1, meeting.MeetingCancelled),
    EventType("care_plan.agreed", 1, permanence.CarePlanAgreed),
    EventType("parenting_capacity_assessment.started", 1, permanence.ParentingCapacityAssessmentStarted),
    EventType("parenting_capacity_assessment.completed", 1, permanence.ParentingCapacityAssessmentCompleted),
    EventType("permanence.recommended", 1, permanence.PermanenceRecommended),
    EventType("panel.recommended", 1, permanence.PanelRecommended),
    EventType("agency_decision.made", 1, permanence.AgencyDecisionMade),
    EventType("application.lodged", 1, permanence.ApplicationLodged),
    EventType("order.granted", 1, permanence.OrderGranted),
    EventType("record.corrected", 1, governance.RecordCorrected),
    EventType("record.retracted", 1, governance.RecordRetracted),
    EventType("timetable.adopted", 1, governance.TimetableAdopted, about_authority=True),
)

CATALOGUE: Mapping[str, EventType] = MappingProxyType({each.name: each for each in _TYPES})
_NAMES: Mapping[type[EventData], EventType] = MappingProxyType({each.data: each for each in _TYPES})


def event_type(name: str) -> EventType:
    """Return the event type of this name; raises KeyError if there is none."""
    return CATALOGUE[name]


def type_of(data: EventData) -> EventType:
    """Return the event type whose data this is."""
    return _NAMES[type(data)]


def dataschema(of: EventType) -> str:
    """Return the path of the JSON Schema of this type and version, as CloudEvents ``dataschema``."""
    return f"/v1/event-types/{of.name}/{of.schema_version}"


def json_schema(of: EventType) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the data of this event type."""
    schema = of.data.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": dataschema(of), **schema}
