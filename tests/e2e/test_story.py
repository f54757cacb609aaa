"""The seed's story, told once and run in both modes.

A council adds a two-week planning meeting, sets every review date from day one, is told
of deadlines, and looks at how long children wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.domain.clock import civil_date
from tests.e2e.system import Receiver, System, eventually
from tests.e2e.telling import Council

PLANNING = {
    "agenda": {"template": "two-week-planning", "edition": "3", "items_covered": ["permanence", "care-plan"]},
    "permanence_discussed": "yes",
    "discussed_with": ["parent"],
    "purpose_explained": "yes",
    "routes_discussed": ["return_home", "kinship_care_order"],
    "parents_understood": "yes",
    "leaflet": {"offer": "given", "edition": "2026", "language": "en"},
    "care_plan_agreed": "yes",
    "parenting_capacity_assessment_started": True,
    "review_dates_set": True,
}


@pytest.fixture
def council(system: System) -> Iterator[Council]:
    """A council whose key may do everything."""
    with system.client(system.new_key("northshire")) as client:
        yield Council(client, civil_date(datetime.now(UTC)))


def test_the_story_of_the_seed(council: Council, receiver: Receiver) -> None:
    """From adopting a two-week meeting to a measured wait, every date and notice is right."""
    adopt_local_packs(council)
    register_endpoint(council, receiver)
    every_date_is_set_from_day_one(council, receiver)
    the_two_week_meeting_is_held(council, receiver)
    a_missed_review_is_told(council, receiver)
    a_correction_moves_dates_and_says_so(council, receiver)
    early_reviews_pull_later_ones(council)
    the_journey_is_whole(council)
    the_wait_is_measured_honestly(council)
    nothing_was_told_twice_under_two_ids(receiver)


def adopt_local_packs(council: Council) -> None:
    """The council adds its local rules to the law."""
    known = council.client.get("/v1/timetables").json()
    editions = {pack["pack"]: pack["edition"] for pack in known["known"]}
    local = ("two-week-planning-meeting", "three-monthly-cadence", "seventy-two-hour-meeting")
    council.tell(
        *(
            council.event(
                "timetable.adopted", "authority", 400, pack=pack, edition=editions[pack], effective_on=council.day(400)
            )
            for pack in local
        )
    )


def register_endpoint(council: Council, receiver: Receiver) -> None:
    """An integrator subscribes and learns the secret once."""
    answer = council.client.post("/v1/webhook-endpoints", json={"url": receiver.url})
    assert answer.status_code == 201, answer.text
    receiver.trust(answer.json()["secret"])
    listed = council.client.get("/v1/webhook-endpoints").json()["items"]
    assert "secret" not in listed[0]


def every_date_is_set_from_day_one(council: Council, receiver: Receiver) -> None:
    """On the day a child is accommodated, all later reviews have their dates and reasons."""
    council.accommodate("ada", 13, emergency=True)
    owed = eventually(lambda: council.reviews(child="ada"), what="the reviews of a new child")
    due = {(review["kind"], review["ordinal"]): review for review in owed}
    accommodated = council.today - timedelta(days=13)
    two_week = due["two_week_planning_meeting", 1]
    assert two_week["due_on"] == (accommodated + timedelta(days=14)).isoformat()
    assert two_week["explanation"]["basis"] == "local_policy"
    assert two_week["status"] == "approaching"
    first = due["looked_after_child_review", 1]
    assert first["due_on"] == (accommodated + timedelta(days=42)).isoformat()
    assert first["explanation"]["basis"] == "statute"
    assert "45" in first["explanation"]["citation"]
    assert first["certainty"] == "firm"
    assert due["looked_after_child_review", 2]["certainty"] == "provisional"
    assert due["looked_after_child_review", 3]["due_on"] > due["three_monthly_review", 3]["due_on"]
    assert {"emergency_review", "seventy_two_hour_meeting"} <= {kind for kind, _ in due}
    assert told(receiver, "review.approaching", two_week["review_id"])["data"]["due_on"] == two_week["due_on"]


def the_two_week_meeting_is_held(council: Council, receiver: Receiver) -> None:
    """Holding the planning meeting satisfies its own rule and no statutory review."""
    council.hold("ada", "emergency_review", 12, chaired_by="team_leader")
    before = by_kind(council.reviews(child="ada"), "looked_after_child_review")
    council.hold("ada", "two_week_planning_meeting", 0, chaired_by="team_leader", planning=PLANNING)
    council.tell(
        council.event("care_plan.agreed", "child-ada", 0, plan_id="ada-plan-1", agreed_with_parents=True),
        council.event("parenting_capacity_assessment.started", "child-ada", 0, assessment_id="ada-pca-1"),
    )
    held = eventually(
        lambda: council.reviews(child="ada", kind="two_week_planning_meeting", status="held_on_time"),
        what="the two-week meeting counting as held",
    )
    assert held[0]["held_on"] == council.day(0)
    after = by_kind(council.reviews(child="ada"), "looked_after_child_review")
    assert [review["due_on"] for review in after] == [review["due_on"] for review in before]
    told(receiver, "review.held", held[0]["review_id"])


def a_missed_review_is_told(council: Council, receiver: Receiver) -> None:
    """A child whose six-week review was not held is shown as overdue, and integrators are told."""
    council.accommodate("bea", 50)
    overdue = eventually(
        lambda: council.reviews(child="bea", kind="looked_after_child_review", status="overdue"),
        what="the six-week review being overdue",
    )
    assert overdue[0]["due_on"] == council.day(8)
    told(receiver, "review.missed", overdue[0]["review_id"])
    council.hold("bea", "looked_after_child_review", 3)
    late = eventually(
        lambda: council.reviews(child="bea", kind="looked_after_child_review", status="held_late"),
        what="the late review staying late",
    )
    assert late[0]["days_late"] == 5


def a_correction_moves_dates_and_says_so(council: Council, receiver: Receiver) -> None:
    """A corrected date re-projects every review; what was known before can still be asked."""
    council.accommodate("cal", 20)
    first = eventually(lambda: council.reviews(child="cal", kind="looked_after_child_review"), what="reviews of cal")[0]
    known_before = datetime.now(UTC)
    home = council.event("home.started", "child-cal", 20, home_id="cal-h1", home_kind="foster", emergency=False)
    council.tell(
        council.event(
            "record.corrected",
            "child-cal",
            0,
            corrects_source=home["source"],
            corrects_id=home["id"],
            corrects_type="home.started",
            replacement={**home["data"], "occurred_on": council.day(17)},
            reason="recording_error",
        )
    )
    moved = eventually(
        lambda: [
            review
            for review in council.reviews(child="cal", kind="looked_after_child_review")
            if review["review_id"] == first["review_id"] and review["due_on"] != first["due_on"]
        ],
        what="the corrected date moving the review",
    )[0]
    assert date.fromisoformat(moved["due_on"]) - date.fromisoformat(first["due_on"]) == timedelta(days=3)
    notice = told(receiver, "review.moved", first["review_id"])
    assert notice["data"]["moved_from"] == first["due_on"]
    assert notice["data"]["due_on"] == moved["due_on"]
    then = council.reviews(child="cal", kind="looked_after_child_review", known_at=known_before.isoformat())
    assert then[0]["due_on"] == first["due_on"]


def early_reviews_pull_later_ones(council: Council) -> None:
    """Each review is counted from the date the previous one was held, not from when it was due."""
    council.accommodate("dot", 200)
    council.hold("dot", "looked_after_child_review", 170)
    second = eventually(
        lambda: [
            review
            for review in council.reviews(child="dot", kind="looked_after_child_review")
            if review["ordinal"] == 2 and review["certainty"] == "firm"
        ],
        what="the second review being firm",
    )[0]
    anchor = date.fromisoformat(second["explanation"]["anchor"]["occurred_on"])
    assert anchor == council.today - timedelta(days=170)
    assert second["due_on"] < (anchor + timedelta(days=93)).isoformat()


def the_journey_is_whole(council: Council) -> None:
    """A child's journey names each milestone, what it waited, and what is next."""
    council.hold("dot", "looked_after_child_review", 90)
    council.tell(
        council.event("permanence.recommended", "child-dot", 90, route="permanence_order"),
        council.event("panel.recommended", "child-dot", 60, route="permanence_order", advice="supported"),
        council.event("agency_decision.made", "child-dot", 50, route="permanence_order", outcome="approved"),
    )

    def journey() -> dict[str, Any] | None:
        body: dict[str, Any] = council.client.get("/v1/journeys/dot").json()
        reached = [each for episode in body.get("episodes", []) for each in episode["milestones"] if each["reached_on"]]
        return body if any(each["key"] == "agency_decision" for each in reached) else None

    episode = eventually(journey, what="the journey reaching the decision")["episodes"][0]
    reached = {each["key"]: each for each in episode["milestones"] if each["reached_on"]}
    assert reached["permanence_recommended"]["days_since_accommodated"] == 110
    assert reached["permanence_recommended"]["reached_on"] == council.day(90)
    assert episode["next"]


def the_wait_is_measured_honestly(council: Council) -> None:
    """Children who still wait are counted as waiting, so half is not reached by one of four."""
    answer = council.client.get("/v1/measures/accommodated-to-recommendation").json()
    result = answer["result"]
    assert result["children"] == 4
    assert result["recommended"] == 1
    assert result["waiting"] == 3
    table = council.client.get("/v1/measures/accommodated-to-recommendation", params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.strip().splitlines()) == 5


def nothing_was_told_twice_under_two_ids(receiver: Receiver) -> None:
    """Each notice has one stable id, and says one thing."""
    meaning: dict[str, str] = {}
    for notice in receiver.notices():
        says = repr((notice["type"], sorted(notice["data"].items())))
        assert meaning.setdefault(notice["webhook_id"], says) == says
    assert len(set(meaning.values())) == len(meaning)


def by_kind(owed: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Pick the reviews of one kind, in order."""
    return sorted((review for review in owed if review["kind"] == kind), key=lambda review: review["ordinal"])


def told(receiver: Receiver, kind: str, review_id: str) -> dict[str, Any]:
    """Wait until the receiver verified this notice."""
    return eventually(
        lambda: [
            notice
            for notice in receiver.notices()
            if notice["type"] == kind and notice["data"]["review_id"] == review_id
        ],
        what=f"{kind} arriving",
    )[0]
