"""The bytes of notices, which are written without checking: that they fit what is published is checked here."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.scheduler.model import DueLook, NoticeKind
from services.scheduler.notice_schemas import NoticePayload
from services.scheduler.notice_text import notice_of_crossing
from services.scheduler.projection.thresholds import Crossing
from tests.services.scheduler.scene import Scene, accommodate, hold_review

KNOWN = datetime(2026, 2, 12, 8, tzinfo=UTC)
CROSSING = Crossing(NoticeKind.APPROACHING, -7, date(2026, 2, 19))
LOOK = DueLook(
    review_id=UUID("0b6f0c1e-6f5c-5d0a-9a43-1f3f6f6f2d10"),
    told_as=None,
    child_id="c-1",
    what="review",
    kind="looked_after_child_review",
    title="First Looked After Child Review",
    due_on=date(2026, 2, 26),
    certainty="firm",
    runs=True,
    booked_on=None,
    known_on=date(2026, 1, 15),
    pack="scotland",
    verified=False,
)


async def test_every_kind_of_notice_fits_its_published_schema(council: Scene) -> None:
    """Read by the schema and written again, each body has the same members and the same values."""
    stream = "child-c-1"
    accommodate(council.log, "2026-01-15")
    booking: dict[str, Any] = {"meeting_id": "b", "meeting_kind": "looked_after_child_review"}
    council.log.add("meeting.scheduled", stream, "2026-01-20", scheduled_for="2026-03-05", **booking)
    await council.catch_up()
    council.clock.set(datetime(2026, 3, 9, 8, tzinfo=UTC))
    await council.tick_all()
    council.log.add("meeting.cancelled", stream, "2026-03-05", meeting_id="b", reason="other")
    hold_review(council.log, "2026-03-09")
    council.log.add(
        "record.corrected",
        stream,
        "2026-03-10",
        corrects_source="/test/case-system",
        corrects_id="e5",
        corrects_type="meeting.held",
        replacement={"occurred_on": "2026-03-06", "meeting_id": "m", "meeting_kind": "looked_after_child_review"},
        reason="recording_error",
    )
    await council.catch_up()
    bodies = await council.notices()
    assert {each["type"] for each in bodies} == {kind.both[0].value for kind in NoticeKind}
    for body in bodies:
        written = {name: body[name] for name in ("type", "timestamp", "data")}
        read = NoticePayload.model_validate(written)
        again = read.model_dump(mode="json")
        again["data"] = read.data.model_dump(mode="json", exclude_unset=True)
        assert again == written


@pytest.mark.parametrize(
    ("now", "written"),
    [
        (datetime(2026, 2, 12, 8, 0, 1, 250_000, tzinfo=UTC), "2026-02-12T08:00:01.250000Z"),
        (datetime(2026, 2, 12, 8, tzinfo=UTC), "2026-02-12T08:00:00Z"),
    ],
)
def test_instants_are_written_as_ever(now: datetime, written: str) -> None:
    """A notice gives its instant in UTC with a Z, and fractions where there are any."""
    body = orjson.loads(notice_of_crossing("council", LOOK, CROSSING, now).body)
    assert body["timestamp"] == written


def test_the_same_crossing_has_the_same_id() -> None:
    """Id and key follow from council, review, due date and threshold, whenever it is told; others have others."""
    one, again = (notice_of_crossing("council", LOOK, CROSSING, now) for now in (KNOWN, KNOWN.replace(hour=9)))
    assert (one.notice_id, one.dedupe_key) == (again.notice_id, again.dedupe_key)
    other = notice_of_crossing("council", LOOK, CROSSING._replace(threshold=-1), KNOWN)
    assert other.notice_id != one.notice_id
    assert notice_of_crossing("another", LOOK, CROSSING, KNOWN).notice_id != one.notice_id
