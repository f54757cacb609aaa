"""The webhooks that Homeward sends, as OpenAPI 3.1 describes them; nothing here is ever called."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header

from services.scheduler.notice_schemas import NoticePayload

webhooks = APIRouter()

_REVIEW = "0b6f0c1e-6f5c-5d0a-9a43-1f3f6f6f2d10"


def _example(told: str, **differs: Any) -> dict[str, Any]:
    data = {
        "review_id": _REVIEW,
        "child_id": "c-1042",
        "what": "review",
        "kind": "looked_after_child_review",
        "title": "First Looked After Child Review",
        "due_on": "2026-02-26",
        "certainty": "firm",
        "verified": False,
        "href": f"/v1/reviews/{_REVIEW}",
    }
    return {"type": told, "timestamp": "2026-02-12T00:00:01.250000Z", "data": data | differs}


def _described(told: str, **differs: Any) -> dict[str, Any]:
    example = {"summary": told, "value": _example(told, **differs)}
    return {"requestBody": {"content": {"application/json": {"examples": {told: example}}}}}


MessageId = Annotated[str, Header(alias="webhook-id", description="The same at every attempt and replay: deduplicate.")]
MessageTime = Annotated[int, Header(alias="webhook-timestamp", description="Seconds since 1970, of this attempt.")]
Signature = Annotated[
    str, Header(alias="webhook-signature", description="`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`.")
]
Payload = Annotated[NoticePayload, Body()]


def _crossed(threshold: int, crossed_on: str) -> dict[str, Any]:
    return {"threshold": threshold, "crossed_on": crossed_on}


@webhooks.post("review.approaching", openapi_extra=_described("review.approaching", **_crossed(-14, "2026-02-12")))
def review_approaching(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that a review is due in so many days: 14, 7 and 1, unless the council decided otherwise."""


@webhooks.post("review.due", openapi_extra=_described("review.due", **_crossed(0, "2026-02-26")))
def review_due(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that a review is due today."""


@webhooks.post("review.missed", openapi_extra=_described("review.missed", **_crossed(1, "2026-02-27")))
def review_missed(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell that a review was not held by its due date; once for each review and due date."""


@webhooks.post("review.overdue", openapi_extra=_described("review.overdue", **_crossed(8, "2026-03-06")))
def review_overdue(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell again, every week unless the council decided otherwise, that a review that was missed is still open."""


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


def _told_of_deadline(_id: MessageId, _time: MessageTime, _signature: Signature, _body: Payload) -> None:
    """Tell the same of a deadline that is no review."""


#: A visit, as the example of what is no review.
_VISIT = {"what": "visit", "kind": "visit", "title": "First visit, within one week"}
_OF_DEADLINES: dict[str, tuple[str, dict[str, Any]]] = {
    "approaching": ("is due in so many days", _crossed(-14, "2026-02-12")),
    "due": ("is due today", _crossed(0, "2026-02-26")),
    "missed": ("was not met by its due date", _crossed(1, "2026-02-27")),
    "overdue": ("that was missed is still open", _crossed(8, "2026-03-06")),
    "held": ("was satisfied: a visit made, a decision taken", _HELD),
    "moved": ("has another due date", {"moved_from": "2026-02-20"}),
    "booked_late": ("has a meeting booked for later than it is due", _BOOKED_LATE),
}
for _name, (_what, _differs) in _OF_DEADLINES.items():
    _kind = f"deadline.{_name}"
    webhooks.post(
        _kind,
        name=f"deadline_{_name}",
        description=f"Tell that a deadline other than a review {_what}.",
        openapi_extra=_described(_kind, **_VISIT, **_differs),
    )(_told_of_deadline)
