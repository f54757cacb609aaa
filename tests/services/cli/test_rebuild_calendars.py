"""A rebuild counts working days as the live side did when each thing was recorded."""

from __future__ import annotations

from typing import Any

from tests.services.cli.rebuilding import Site
from tests.support.events import cloud_event

SCOTLAND = "scot_bank_holidays"


def placed(child: str) -> list[dict[str, Any]]:
    """Return the events of a child placed in an emergency on Thursday 14 May 2026."""
    on = "2026-05-14"
    episode = {"occurred_on": on, "episode_id": f"episode-{child}", "legal_reason": "section_25"}
    home = {"occurred_on": on, "home_id": f"home-{child}", "home_kind": "foster", "emergency": True}
    return [cloud_event("child.accommodated", child, episode), cloud_event("home.started", child, home)]


def held(child: str, on: str) -> dict[str, Any]:
    data = {"occurred_on": on, "meeting_id": f"m-{child}", "meeting_kind": "emergency_review"}
    return cloud_event("meeting.held", child, data)


def decided(kind: str, on: str, **data: Any) -> dict[str, Any]:
    return cloud_event(kind, "authority", {"occurred_on": on, "calendar": SCOTLAND, **data})


async def test_a_rebuild_finds_what_the_live_side_counted(here: Site) -> None:
    """Held before a decision, between two, and never: live and rebuilt agree in every row; a check finds nothing."""
    declared = decided("holiday.declared", "2026-05-15", holiday_on="2026-05-18")
    taken = {"occurred_on": "2026-05-22", "retracts_source": declared["source"], "retracts_id": declared["id"]}
    await here.append([event for child in ("child-a", "child-b", "child-c") for event in placed(child)])
    await here.append([held("child-a", "2026-05-20")])
    await here.follow()
    await here.append([declared, held("child-b", "2026-05-20")])
    await here.append([cloud_event("record.retracted", "authority", {**taken, "reason": "recording_error"})])
    await here.append([decided("working_calendar.set", "2026-05-23", follows="england_bank_holidays")])
    await here.follow()

    live = await here.rows("scheduler")
    due = {row["child_id"]: row["due_on"].isoformat() for row in live["review"] if row["kind"] == "emergency_review"}
    assert due == {"a": "2026-05-19", "b": "2026-05-20", "c": "2026-05-19"}
    [checked] = await here.rebuild("scheduler", check=True)
    assert [each.differing for each in checked.differences] == [0] * len(checked.differences)
    await here.rebuild("scheduler")
    assert await here.rows("scheduler") == live
