"""Which event types move review dates, and which leave them alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.catalogue import CATALOGUE, EventType
from shared.domain.timetable.reviews import Outcome, Review
from tests.shared.domain.timetable.story import ALL_PACKS, STATUTORY, Story, placed
from tests.shared.domain.timetable.test_laws import HISTORIES, Stated, projected, story_of
from tests.support.bystanders import BYSTANDERS, SAYS_SO, bystanders, description

#: What amends the record, or the rules themselves, says so in its own words.
ABOUT_THE_RECORD = {"record.corrected", "record.retracted", "timetable.adopted"}
KIND = {"meeting_kind": STATUTORY}


@pytest.mark.parametrize("of", CATALOGUE.values(), ids=lambda of: of.name)
def test_every_type_says_what_rests_on_it(of: EventType) -> None:
    """The published description tells what timetable and journeys make of it, or that nothing rests on it."""
    told = description(of)
    used = "Timetable" in told or "Journeys" in told

    assert of.name in ABOUT_THE_RECORD or used != (SAYS_SO in told)


def test_most_of_the_vocabulary_is_there_to_be_asked_later() -> None:
    """The bystanders are found, so that the properties on them are about something."""
    assert len(BYSTANDERS) > 20
    assert "absence.started" in {each.name for each in BYSTANDERS}


@given(HISTORIES, bystanders(), st.data())
@settings(max_examples=150)
def test_no_bystander_changes_a_review(
    history: list[Stated], others: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    """Whatever else is recorded of a child, at whatever days between, every review stays as it was, to the word."""
    story = story_of(history)
    days = st.dates(date(2025, 10, 1), date(2027, 2, 1)).map(date.isoformat)
    for kind, other in others:
        story.tell(kind, data.draw(days), **other)

    assert story.reviews(timetable=ALL_PACKS) == list(projected(history))


@given(HISTORIES)
@settings(max_examples=150)
def test_a_rescheduled_meeting_is_one_scheduled_again(history: list[Stated]) -> None:
    """For any history, telling each booking but a meeting's first as rescheduled gives the very same reviews."""
    seen: set[str] = set()
    retold = []
    for each in history:
        again = each.kind == "meeting.scheduled" and each.data["meeting_id"] in seen
        if each.kind == "meeting.scheduled":
            seen.add(each.data["meeting_id"])
        retold.append(each._replace(kind="meeting.rescheduled") if again else each)

    assert projected(retold) == projected(history)


def first(story: Story) -> Review:
    return story.reviews(STATUTORY)[0]


def test_a_rescheduled_meeting_moves_its_booking() -> None:
    """The review shows the new day, also if the first booking was never told."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20")
    moved = {"meeting_id": "M1", "scheduled_for": "2026-02-25", **KIND}
    assert first(story.tell("meeting.rescheduled", "2026-02-18", **moved)).booked_on == date(2026, 2, 25)
    untold = placed("2026-01-15").tell("meeting.rescheduled", "2026-02-18", **moved)
    assert first(untold).booked_on == date(2026, 2, 25)


def adjourned(resumes_on: str | None = None) -> Story:
    """A six-week review due on 26 February, booked for and broken off on the 20th."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20")
    told = {"meeting_id": "M1", "reason": "too_few_present", "resumes_on": resumes_on, **KIND}
    return story.tell("meeting.adjourned", "2026-02-20", **told)


def test_an_adjourned_meeting_was_not_held() -> None:
    """The review stays owed, booked for the day on which it is to be resumed, and says why it is not held."""
    review = first(adjourned("2026-02-24"))

    assert (review.outcome, review.due_on) == (Outcome.OPEN, date(2026, 2, 26))
    assert (review.booked_meeting_id, review.booked_on) == ("M1", date(2026, 2, 24))
    assert any("20 February 2026 was broken off" in note for note in review.explanation.notes)


def test_an_adjourned_meeting_that_is_not_to_be_resumed_leaves_nothing_booked() -> None:
    """A booking for the day that has passed would look like care taken; the review is told to have changed."""
    story = adjourned()
    review = first(story)

    assert (review.outcome, review.booked_on, review.position) == (Outcome.OPEN, None, story.position)
    assert any("broken off" in note for note in review.explanation.notes)


@pytest.mark.parametrize("resumes_on", [None, "2026-02-24"])
def test_an_adjourned_meeting_that_is_held_at_last_is_the_review(resumes_on: str | None) -> None:
    """From `meeting.held` on the next review is counted from that day, and nothing more is said of the adjournment."""
    story = adjourned(resumes_on).held("2026-02-24", "M1")
    held, following = story.reviews(STATUTORY)[:2]

    assert (held.outcome, held.held_on) == (Outcome.HELD, date(2026, 2, 24))
    assert following.due_on == date(2026, 5, 24)
    assert not any("broken off" in note for each in (held, following) for note in each.explanation.notes)


def test_an_adjourned_meeting_can_be_booked_again_or_called_off() -> None:
    """What is told later of its booking counts; that it was broken off stays on the review."""
    for story, day in (
        (adjourned().booked("2026-02-21", "M1", "2026-02-25"), date(2026, 2, 25)),
        (adjourned("2026-02-24").cancelled("2026-02-21", "M1"), None),
    ):
        assert first(story).booked_on == day
        assert any("broken off" in note for note in first(story).explanation.notes)


@given(HISTORIES, st.sampled_from([None, "2026-03-01"]))
@settings(max_examples=150)
def test_an_adjourned_meeting_moves_no_due_date(history: list[Stated], resumes_on: str | None) -> None:
    """For any history, telling each held meeting as adjourned gives what not telling it gives, but for bookings."""
    told = {"reason": "other", "resumes_on": resumes_on}
    broken_off = [
        each._replace(kind="meeting.adjourned", data={**each.data, **told}) if each.kind == "meeting.held" else each
        for each in history
    ]
    unheld = [each for each in history if each.kind != "meeting.held"]
    if not unheld:
        return

    assert [dated(review) for review in projected(broken_off)] == [dated(review) for review in projected(unheld)]


def dated(review: Review) -> Review:
    """Return a review without its booking, its positions and its notes."""
    explanation = replace(review.explanation, notes=(), anchor=replace(review.explanation.anchor, position=None))
    return replace(review, explanation=explanation, position=0, booked_on=None, booked_meeting_id=None)
