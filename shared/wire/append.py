"""The answer to an append: a verdict on each event, by index and by id."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from shared.wire.problem import Problem


class Verdict(StrEnum):
    """What became of one posted event."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    INVALID = "invalid"


class AppendItem(BaseModel):
    """The verdict on one posted event."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(description="Place of the event in the request, from 0.")
    id: str | None = Field(description="`id` of the event, where one could be read.")
    status: Verdict
    position: int | None = Field(description="Place in the log, when stored now or before.")
    stream: str | None
    stream_position: int | None
    problem: Problem | None


class AppendAnswer(BaseModel):
    """The verdicts on a request: 200 all stored or duplicates, 207 mixed, otherwise a problem's status."""

    model_config = ConfigDict(frozen=True)

    accepted: int
    duplicates: int
    rejected: int
    items: list[AppendItem]
