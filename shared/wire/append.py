"""The answer to an append: a verdict on each event, by index and by id."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from shared.wire.problem import Problem


class Verdict(StrEnum):
    """What became of one posted event.

    ``stored``, ``duplicate`` (the same event was stored before; its positions are told),
    ``conflict`` (its source and id are taken by other content), ``invalid``; ``withheld``
    (nothing is wrong with it, but the request is atomic and another event was refused);
    ``valid`` (a dry run: it would be stored).
    """

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    INVALID = "invalid"
    WITHHELD = "withheld"
    VALID = "valid"


#: An event with one of these verdicts is not in the log and was not only tried out.
REJECTED = frozenset({Verdict.CONFLICT, Verdict.INVALID, Verdict.WITHHELD})


class AppendItem(BaseModel):
    """The verdict on one posted event."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(description="Place of the event in the request, from 0.")
    id: str | None = Field(description="`id` of the event, where one could be read.")
    status: Verdict
    position: int | None = Field(description="Place in the log of what is stored under this source and id, if any.")
    stream: str | None
    stream_position: int | None
    problem: Problem | None


class AppendAnswer(BaseModel):
    """The verdicts on a request: 200 all stored or duplicates, 207 mixed, 409 or 422 all refused."""

    model_config = ConfigDict(frozen=True)

    accepted: int = Field(description="Events stored now; in a dry run, events that would be.")
    duplicates: int = Field(description="Events that were stored before.")
    rejected: int = Field(description="Events that were not stored: in conflict, invalid or withheld.")
    items: list[AppendItem]
