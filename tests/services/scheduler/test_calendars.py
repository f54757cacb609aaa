"""What a council decides about its working days, followed by the scheduler on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.scheduler.model import NoticeKind, StoredReview
from shared.domain.envelope import RecordedEvent
from shared.domain.timetable.reviews import Outcome
from tests.services.scheduler.scene import Scene
from tests.services.scheduler.served import Served
from tests.support.events import Log

#: Edinburgh's Monday in the middle of May 2026.
EDINBURGH = {"calendar": "scot_bank_holidays", "holiday_on": "2026-05-18"}
EMERGENCY = "emergency_review"
STATUTORY = "looked_after_child_review"


def placed_in_emergency(log: Log, child: str, on: str = "2026-05-14") -> None:
    """Record that a child came to live with foster carers in an emergency, on a Thursday."""
    stream = f"child-{child}"
    log.add("child.accommodated", stream, on, episode_id=f"ep-{child}", legal_reason="section_25")
    log.add("home.started", stream, on, home_id=f"home-{child}", home_kind="foster", emergency=True)


def held(log: Log, child: str, on: str) -> None:
    log.add("meeting.held", f"child-{child}", on, meeting_id=f"m-{child}", meeting_kind=EMERGENCY)


def declare(log: Log, on: str, **data: Any) -> RecordedEvent:
    return log.add("holiday.declared", "authority", on, **{**EDINBURGH, **data})


def retract(log: Log, wrong: RecordedEvent, on: str) -> None:
    named: dict[str, Any] = {"retracts_source": wrong.source, "retracts_id": wrong.event_id}
    log.add("record.retracted", "authority", on, **named, reason="recording_error")


def of_kind(reviews: dict[UUID, StoredReview], kind: str) -> list[tuple[date | None, Outcome, int | None]]:
    """Return due day, outcome and lateness of each review of a kind, in order."""
    found = sorted((each.review for each in reviews.values() if each.review.kind == kind), key=lambda r: r.ordinal)
    return [(review.due_on, review.outcome, review.days_late) for review in found]


async def test_trap_10_a_declared_holiday_moves_open_working_days_only(council: Scene) -> None:
    """Edinburgh's 18 May 2026: the open emergency review moves and is told once; weeks, and what was held, do not."""
    council.clock.set(datetime(2026, 5, 21, 9, tzinfo=UTC))
    for child in ("open", "in-time", "late"):
        placed_in_emergency(council.log, child)
    held(council.log, "in-time", "2026-05-19")
    held(council.log, "late", "2026-05-20")
    await council.catch_up()
    before = {child: await council.reviews(child) for child in ("open", "in-time", "late")}
    assert of_kind(before["open"], EMERGENCY) == [(date(2026, 5, 19), Outcome.OPEN, None)]
    statutory = of_kind(before["open"], STATUTORY)

    declare(council.log, "2026-05-21")
    await council.catch_up()

    after = await council.reviews("open")
    assert of_kind(after, EMERGENCY) == [(date(2026, 5, 20), Outcome.OPEN, None)]
    assert of_kind(after, STATUTORY) == statutory
    assert of_kind(await council.reviews("in-time"), EMERGENCY) == [(date(2026, 5, 19), Outcome.HELD, 0)]
    assert of_kind(await council.reviews("late"), EMERGENCY) == [(date(2026, 5, 19), Outcome.HELD, 1)]
    [moved] = await council.notices(NoticeKind.MOVED)
    assert (moved["data"]["moved_from"], moved["data"]["due_on"]) == ("2026-05-19", "2026-05-20")

    # Nor does another day, nor a step over again, tell it a second time.
    council.clock.set(datetime(2026, 5, 22, 9, tzinfo=UTC))
    await council.refresher().round()
    assert len(await council.notices(NoticeKind.MOVED)) == 1


async def test_what_was_held_after_the_decision_was_known_stays_so_when_it_is_retracted(council: Scene) -> None:
    """The open review moves back, and that is told; the one that was held meanwhile keeps its day."""
    council.clock.set(datetime(2026, 5, 21, 9, tzinfo=UTC))
    wrong = declare(council.log, "2026-05-01")
    for child in ("open", "held"):
        placed_in_emergency(council.log, child)
    held(council.log, "held", "2026-05-20")
    await council.catch_up()
    assert of_kind(await council.reviews("held"), EMERGENCY) == [(date(2026, 5, 20), Outcome.HELD, 0)]

    retract(council.log, wrong, "2026-05-21")
    await council.catch_up()

    assert of_kind(await council.reviews("open"), EMERGENCY) == [(date(2026, 5, 19), Outcome.OPEN, None)]
    assert of_kind(await council.reviews("held"), EMERGENCY) == [(date(2026, 5, 20), Outcome.HELD, 0)]
    [moved] = await council.notices(NoticeKind.MOVED)
    assert (moved["data"]["moved_from"], moved["data"]["due_on"]) == ("2026-05-20", "2026-05-19")


async def emergency_due(running: Served, **when: str) -> list[str]:
    answer = await running.get("/v1/reviews", kind=EMERGENCY, **when)
    return [item["due_on"] for item in answer["items"]]


async def test_two_times_reach_calendars_too(running: Served) -> None:
    """As known, or as of a day, before the decision the date is the one of then; as of now it is the moved one."""
    running.clock.set(datetime(2026, 5, 16, 9, tzinfo=UTC))
    placed_in_emergency(running.log, "c-1")
    declare(running.log, "2026-05-15", reason="local_holiday")
    await running.catch_up()
    assert await emergency_due(running) == ["2026-05-20"]
    assert await emergency_due(running, known_at="2026-05-15T23:00:00Z") == ["2026-05-20"]
    assert await emergency_due(running, as_of="2026-05-14") == ["2026-05-19"]
    assert await emergency_due(running, known_at="2026-05-14T23:00:00Z") == ["2026-05-19"]


async def test_timetables_show_the_calendars_in_use(running: Served) -> None:
    """Title, source, the council's own days from when, and what a calendar follows; as of earlier, without them."""
    first = declare(running.log, "2026-05-15", reason="local_holiday")
    council_calendar: dict[str, Any] = {"calendar": "council"}
    running.log.add("holiday.removed", "authority", "2026-05-16", **council_calendar, holiday_on="2026-11-30")
    running.log.add("working_calendar.set", "authority", "2026-05-17", **council_calendar, follows="weekdays_only")
    running.log.add("holiday.declared", "authority", "2026-05-18", calendar="lunar", holiday_on="2026-05-19")
    placed_in_emergency(running.log, "c-1")
    await running.catch_up()
    answer = await running.get("/v1/timetables")
    own, scottish = answer["calendars"]
    assert (scottish["calendar"], scottish["council_days"], scottish["follows"]) == ("scot_bank_holidays", 1, None)
    assert scottish["source"].startswith("Python library holidays")
    assert (scottish["holidays_from"], scottish["holidays_to"]) == ("2000-01-01", "2100-12-31")
    assert scottish["changed"] == [
        {
            "holiday_on": "2026-05-18",
            "worked": False,
            "reason": "local_holiday",
            "decided_on": "2026-05-15",
            "position": first.position,
        }
    ]
    assert own["follows"] == {"calendar": "weekdays_only", "decided_on": "2026-05-17", "position": 3}
    assert (own["holidays_from"], own["title"]) == (None, "weekends, as changed by the council,")
    assert [(each["holiday_on"], each["worked"]) for each in own["changed"]] == [("2026-11-30", True)]
    assert answer["unknown_calendars"] == ["lunar"]
    [only] = (await running.get("/v1/timetables", as_of="2026-05-01"))["calendars"]
    assert (only["calendar"], only["changed"]) == ("scot_bank_holidays", [])
