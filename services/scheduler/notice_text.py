"""From what is to be told to the bytes of notices, which are made once and sent at every attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.scheduler.model import DueLook, HeldBack, NewNotice, Notice, NoticeKind
from services.scheduler.projection.thresholds import Crossing
from shared.domain.clock import civil_date
from shared.domain.ids import derived_id
from shared.domain.timetable.causes import CauseKind
from shared.domain.timetable.reviews import Review
from shared.wire import strict_json

_Data = Mapping[str, Any]

#: Told of a review where it applies; what lies on a day is written as its text.
_WHERE_IT_APPLIES = (
    *("days_late", "days_early", "days_recorded_late", "booked_late_by_days"),
    *("held_on", "recorded_on", "booked_on"),
)


def notice_of(authority_id: str, notice: Notice, now: datetime) -> NewNotice:
    """Return a notice ready to be stored; the same notice always gets the same id."""
    data = _review_data(notice.review)
    if notice.moved_from is not None:
        data["moved_from"] = notice.moved_from.isoformat()
    if notice.cause is not None and notice.cause.kind is CauseKind.EVENT:
        data["cause"] = {"position": notice.cause.position, "type": notice.cause.type}
    return _ready(authority_id, (notice.kind, notice.dedupe_key), notice.review.review_id, data, now)


def notice_of_crossing(authority_id: str, look: DueLook, crossing: Crossing, now: datetime) -> NewNotice:
    """Return the notice of a threshold that was crossed, ready to be stored."""
    data = _look_data(look) | {"threshold": crossing.threshold, "crossed_on": crossing.crossed_on.isoformat()}
    return _ready(authority_id, (crossing.kind, _key(look, crossing)), look.review_id, data, now)


def held_back(
    new: NewNotice, *, review_kind: str, due_on: date | None, about_on: date, held_back_at: datetime
) -> HeldBack:
    """Return a notice as one that is held back."""
    return HeldBack(
        notice_id=new.notice_id,
        kind=new.kind,
        dedupe_key=new.dedupe_key,
        review_id=new.review_id,
        review_kind=review_kind,
        child_id=new.child_id,
        due_on=due_on,
        about_on=about_on,
        data=new.data,
        held_back_at=held_back_at,
    )


def released(held: HeldBack, now: datetime) -> NewNotice:
    """Return the notice that was held back, ready to be stored: it says since when it was."""
    data = {**held.data, "held_back_on": civil_date(held.held_back_at).isoformat()}
    return NewNotice(
        notice_id=held.notice_id,
        kind=held.kind,
        dedupe_key=held.dedupe_key,
        review_id=held.review_id,
        child_id=held.child_id,
        data=data,
        body=_body(held.kind, data, now),
    )


def _key(look: DueLook, crossing: Crossing) -> str:
    """Return what makes a notice one and the same; the first two kinds were once told at one threshold only."""
    alone = crossing.kind in {NoticeKind.MISSED, NoticeKind.DUE} or crossing.threshold == -14  # noqa: PLR2004 - as then
    return f"{crossing.kind}|{look.told_as or look.review_id}|{look.due_on}" + (
        "" if alone else f"|{crossing.threshold}"
    )


def _review_data(review: Review) -> dict[str, Any]:
    found = ((name, getattr(review, name)) for name in _WHERE_IT_APPLIES)
    given = {name: each.isoformat() if isinstance(each, date) else each for name, each in found if each is not None}
    return {
        "review_id": str(review.review_id),
        "child_id": review.child_id,
        "what": review.what.value,
        "kind": review.kind,
        "title": review.title,
        "due_on": None if review.due_on is None else review.due_on.isoformat(),
        "certainty": review.certainty.value,
        "verified": review.explanation.verified,
        "href": f"/v1/reviews/{review.review_id}",
        **given,
    }


def _look_data(look: DueLook) -> dict[str, Any]:
    data: dict[str, Any] = {
        "review_id": str(look.review_id),
        "child_id": look.child_id,
        "what": look.what,
        "kind": look.kind,
        "title": look.title,
        "due_on": look.due_on.isoformat(),
        "certainty": look.certainty,
        "verified": look.verified,
        "href": f"/v1/reviews/{look.review_id}",
    }
    if look.booked_on is not None:
        data["booked_on"] = look.booked_on.isoformat()
        if look.runs:
            data["booked_late_by_days"] = max((look.booked_on - look.due_on).days, 0)
    return data


def _ready(authority_id: str, named: tuple[NoticeKind, str], review_id: UUID, data: _Data, now: datetime) -> NewNotice:
    kind, key = named[0].about(data["what"]), named[1]
    return NewNotice(
        notice_id=derived_id("notice", authority_id, key),
        kind=kind,
        dedupe_key=key,
        review_id=review_id,
        child_id=data["child_id"],
        data=data,
        body=_body(kind, data, now),
    )


def _body(kind: NoticeKind, data: _Data, now: datetime) -> bytes:
    timestamp = now.isoformat().removesuffix("+00:00") + "Z"
    return strict_json.encode({"type": kind.value, "timestamp": timestamp, "data": data})
