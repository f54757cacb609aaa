"""Facts about the record itself, and about the timetables a council works to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared.domain.catalogue.base import CivilDate, EventData
from shared.domain.ids import Code

EventTypeName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=80)]
EventReference = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AmendmentReason(StrEnum):
    """Why a recorded fact is corrected or retracted."""

    RECORDING_ERROR = "recording_error"
    WRONG_CHILD = "wrong_child"
    DUPLICATE = "duplicate"
    NEW_INFORMATION = "new_information"
    OTHER = "other"


class RecordCorrected(EventData):
    """An earlier event of this stream was recorded wrongly; this is how it should read.

    The earlier event stays in the log.  `occurred_on` is the day of the correction.
    """

    corrects_source: EventReference = Field(description="`source` of the event that is corrected.")
    corrects_id: EventReference = Field(description="`id` of the event that is corrected.")
    corrects_type: EventTypeName = Field(description="`type` of the event that is corrected.")
    replacement: dict[str, Any] = Field(description="The whole data of the event as it should have been.")
    replacement_version: int = Field(
        default=1,
        ge=1,
        le=999,
        description="Version of the schema of `corrects_type` that `replacement` follows; as without `dataschema`, "
        "1 unless it is said.",
    )
    reason: AmendmentReason


class RecordRetracted(EventData):
    """An earlier event of this stream did not happen, or not to this child."""

    retracts_source: EventReference = Field(description="`source` of the event that is retracted.")
    retracts_id: EventReference = Field(description="`id` of the event that is retracted.")
    reason: AmendmentReason


class TimetableAdopted(EventData):
    """The council works to this timetable pack from a day on.

    Rules of the pack apply to clocks that start on or after `effective_on`.
    """

    pack: Code = Field(description="The pack, as `GET /v1/timetables` names it.")
    edition: Code = Field(description="Its edition.")
    effective_on: CivilDate = Field(description="The first day for whose clocks its rules count.")
