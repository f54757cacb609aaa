"""Problem details (RFC 9457), the one shape of every error answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.errors import Fault, HomewardError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/v1/problems/"


class FaultDetail(BaseModel):
    """One thing that is wrong in the request, and where."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(
        description="JSON Pointer into the body; `?name` for a query parameter, `:name` for a header or path part.",
        examples=["/data/occurred_on"],
    )
    code: str = Field(description="Stable code of the fault.", examples=["date_parsing"])
    message: str = Field(description="What is wrong, without the value that was sent.")


class Problem(BaseModel):
    """What went wrong and what to do next; never repeats a value that was sent."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Stable identifier of the kind of problem.", examples=["/v1/problems/invalid-input"])
    title: str
    status: int
    detail: str
    errors: list[FaultDetail]


def problem_of(error: HomewardError) -> Problem:
    """Return the problem that tells of ``error``."""
    return Problem(
        type=TYPE_PREFIX + error.slug,
        title=error.title,
        status=error.status,
        detail=error.detail,
        errors=[_detail(fault) for fault in error.faults],
    )


def _detail(fault: Fault) -> FaultDetail:
    return FaultDetail(pointer=fault.pointer, code=fault.code, message=fault.message)
