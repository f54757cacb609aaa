"""Why a review is due on its day: the sentences, read as a parent or a solicitor would."""

from __future__ import annotations

from shared.domain.timetable.reviews import Basis, Review
from tests.shared.domain.timetable.story import (
    ALL_PACKS,
    EMERGENCY,
    PLANNING,
    SEVENTY_TWO_HOURS,
    STATUTORY,
    THREE_MONTHLY,
    placed,
)


def said(review: Review) -> str:
    return review.explanation.arithmetic


def test_weeks_on_a_working_day() -> None:
    """Six weeks are told with their anchor, their end, what is not counted, and the weekday."""
    first = placed("2026-01-15").reviews(STATUTORY)[0]
    assert first.explanation.anchor.description == "the day the child began to live with a foster carer"
    assert said(first) == (
        "6 weeks from 15 January 2026 is 26 February 2026. The day of the event itself is not counted. "
        "That is a Thursday, a working day."
    )


def test_the_legal_date_and_the_last_working_day_differ() -> None:
    """A date at a weekend is not moved: the last working day before it is told beside it."""
    first = placed("2025-08-31").reviews(STATUTORY)[0]
    assert said(first) == (
        "6 weeks from 31 August 2025 is 12 October 2025. The day of the event itself is not counted. "
        "That is a Sunday, not a working day, and the date does not move on to the next one: "
        "the last working day for it is Friday 10 October 2025."
    )


def test_months_without_a_corresponding_day() -> None:
    """Where the month is too short, the sentence says why the day has another number."""
    story = placed("2025-10-19").held("2025-11-30")
    assert "3 months from 30 November 2025 is 28 February 2026, the last day of a month that has no day 30." in said(
        story.reviews(STATUTORY)[1]
    )


def test_working_days_are_counted_one_by_one() -> None:
    """Working days are listed, so that anyone can count along."""
    [review] = placed("2025-12-23", emergency=True).reviews(EMERGENCY)
    assert said(review) == (
        "3 working days from 23 December 2025 is 30 December 2025, counting 24 December 2025, 29 December 2025 and "
        "30 December 2025; weekends and Scottish bank holidays are left out. "
        "The day of the event itself is not counted."
    )


def test_hours_are_told_in_civil_time() -> None:
    """72 hours over the change of the clocks are told as the clocks on the wall show them."""
    story = placed("2026-03-27", emergency=True, occurred_at="2026-03-27T18:00:00Z")
    assert said(story.reviews(SEVENTY_TWO_HOURS, ALL_PACKS)[0]) == (
        "72 hours from 18:00 on 27 March 2026 is 19:00 on 30 March 2026; hours run on through nights, weekends, "
        "holidays and a change of the clocks."
    )


def test_an_unknown_hour_is_owned_up_to() -> None:
    """Where only the day is known, a note says that the end of the third day stands in for the hour."""
    [review] = placed("2026-03-27", emergency=True).reviews(SEVENTY_TWO_HOURS, ALL_PACKS)
    assert said(review).startswith("72 hours from 27 March 2026 is taken as the end of 30 March 2026.")
    assert "The hour of 27 March 2026 is not recorded." in review.explanation.notes[-1]


def test_a_provisional_date_says_what_it_rests_on() -> None:
    """A date that rests on another due date says so, and names no position for its anchor."""
    second = placed("2026-01-15").reviews(STATUTORY)[1]
    assert said(second).startswith("If the review before this one is held on its last day, 26 February 2026: 3 months")
    anchor = second.explanation.anchor
    assert (anchor.event_type, anchor.position) == (None, None)


def test_a_firm_date_names_the_meeting_it_is_counted_from() -> None:
    """After a review was held, the anchor of the next is that meeting."""
    story = placed("2026-01-15").held("2026-02-10")
    anchor = story.reviews(STATUTORY)[1].explanation.anchor
    assert (anchor.description, anchor.event_type) == ("the day the review before this one was held", "meeting.held")
    assert anchor.position == story.position


def test_law_and_local_policy_are_told_apart() -> None:
    """Every review says what obliges the council, and cites it; local policy says it is not law."""
    reviews = {review.kind: review.explanation for review in placed("2026-01-15").reviews(timetable=ALL_PACKS)}
    assert reviews[STATUTORY].basis is Basis.STATUTE
    assert reviews[STATUTORY].citation.startswith("SSI 2009/210 reg 45(2)")
    assert reviews[PLANNING].basis is reviews[THREE_MONTHLY].basis is Basis.LOCAL_POLICY
    assert "not required by law" in reviews[PLANNING].notes[0]


def test_unknown_bank_holidays_are_owned_up_to() -> None:
    """Beyond the years whose holidays are known, only weekends are left out, and a note says so."""
    [review] = placed("2120-12-23", emergency=True).reviews(EMERGENCY)
    assert "Bank holidays are not known for" in review.explanation.notes[-1]


def test_secure_accommodation_says_what_this_pack_lacks() -> None:
    """A child in secure accommodation is shown what is owed besides and not projected here."""
    first = placed("2026-01-15", kind="secure").reviews(STATUTORY)[0]
    assert "SSI 2013/212" in " ".join(first.explanation.notes)


def test_the_plain_sentence_names_day_and_reason() -> None:
    """Whoever is told of the date reads by when, why, and by which working day."""
    story = placed("2025-08-31").held("2025-10-10")
    first, second, third = story.reviews(STATUTORY)[:3]
    unverified = "Nobody has yet checked this rule against the law as it now stands."
    assert first.explanation.plain == (
        "This review must be held by Sunday 12 October 2025: 6 weeks after 31 August 2025, the day the child began to "
        "live with a foster carer. That is no working day, so plan it for Friday 10 October 2025 or before. "
        f"{unverified}"
    )
    assert second.explanation.plain == (
        "This review must be held by Saturday 10 January 2026: 3 months after the one before, on 10 October 2025. "
        f"That is no working day, so plan it for Friday 9 January 2026 or before. {unverified}"
    )
    assert "after the one before, if that is on its last day, 10 January 2026." in third.explanation.plain


def test_without_a_day_the_plain_sentence_says_whose_it_is_to_agree() -> None:
    """Where a frequency has to be agreed, nobody reads a date."""
    [review] = placed("2026-01-15", kind="parents").reviews("agreed_frequency_review")
    assert review.explanation.plain.startswith("How often these reviews are held is for the child, the family")
