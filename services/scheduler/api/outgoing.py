"""The webhooks that Homeward sends, as OpenAPI 3.1 describes them; nothing here is ever called."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header

from services.scheduler.schemas import NoticePayload

webhooks = APIRouter()

_REVIEW = "0b6f0c1e-6f5c-5d0a-9a43-1f3f6f6f2d10"


def _example(kind: str, **differs: Any) -> dict[str, Any]:
    data = {
        "review_id": _REVIEW,
        "child_id": "c-1042",
        "kind": "looked_after_child_review",
        "title": "First Looked After Child Review",
        "due_on": "2026-02-26",
        "certainty": "firm",
        "verified": False,
        "href": f"/v1/reviews/{_REVIEW}",
    }
    return {"type": kind, "timestamp": "2026-02-12T00:00:01.250000Z", "data": data | differs}


def _described(kind: str, **differs: Any) -> dict[str, Any]:
    example = {"summary": kind, "value": _example(kind, **differs)}
    return {"requestBody": {"content": {"application/json": {"examples": {kind: example}}}}}


MessageId = Annotated[str, Header(alias="webhook-id", description="The same at every attempt and replay: deduplicate.")]
MessageTime = Annotated[int, Header(alias="webhook-timestamp", description="Seconds since 1970, of this attempt.")]
Signature = Annotated[
    str, Header(alias="webhook-signature", description="`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`.")
]
Payload = Annotated[NoticePayload, Body()]


@webhooks.post("review.approaching", openapi_extra=_described("review.approaching"))
def review_approaching(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that a review is due within 14 days."""


@webhooks.post("review.missed", openapi_extra=_described("review.missed"))
def review_missed(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that a review was not held by its due date."""


_HELD = {
    "held_on": "2026-02-24",
    "days_late": 0,
    "days_early": 2,
    "recorded_on": "2026-02-27",
    "days_recorded_late": 1,
}


@webhooks.post("review.held", openapi_extra=_described("review.held", **_HELD))
def review_held(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that a review was held."""


@webhooks.post("review.moved", openapi_extra=_described("review.moved", moved_from="2026-02-20"))
def review_moved(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that the due date of an open review changed."""


_BOOKED_LATE = {"booked_on": "2026-03-03", "booked_late_by_days": 5}


@webhooks.post("review.booked_late", openapi_extra=_described("review.booked_late", **_BOOKED_LATE))
def review_booked_late(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that the meeting booked for a review is later than the review is due."""
