"""What holds of every history, however strange: laws checked on generated ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.catalogue.child import Destination, HomeKind
from shared.domain.history import Fact
from shared.domain.timetable.engine import Timetable, project_reviews
from shared.domain.timetable.record import child_record
from shared.domain.timetable.reviews import Outcome, Review
from tests.shared.domain.timetable.story import ALL_PACKS, CHILD, MEETING_KINDS, STATUTE_ONLY, STATUTORY, Story, placed

START = date(2025, 11, 1)
EPISODES = st.sampled_from(["E1", "E2"])
HOMES = st.sampled_from(["H1", "H2", "H3"])
MEETINGS = st.sampled_from(["M1", "M2", "M3", "M4"])
KINDS = st.sampled_from(MEETING_KINDS)
DAYS = st.integers(0, 420).map(lambda days: (START + timedelta(days=days)).isoformat())


class Stated(NamedTuple):
    """One fact of a generated history: its type, its day, and the rest of its data."""

    kind: str
    on: str
    data: dict[str, Any]


def told(kind: str, **data: st.SearchStrategy[Any]) -> st.SearchStrategy[Stated]:
    return st.builds(Stated, st.just(kind), DAYS, st.fixed_dictionaries(data))


FACTS = st.one_of(
    told("child.accommodated", episode_id=EPISODES, legal_reason=st.just("section_25")),
    told(
        "home.started",
        home_id=HOMES,
        home_kind=st.sampled_from([kind.value for kind in HomeKind]),
        emergency=st.booleans(),
        short_break_series=st.booleans(),
    ),
    told("home.ended", home_id=HOMES, reason=st.just("planned_move")),
    told("episode.ended", episode_id=EPISODES, destination=st.sampled_from([each.value for each in Destination])),
    told("meeting.held", meeting_id=MEETINGS, meeting_kind=KINDS),
    told("meeting.scheduled", meeting_id=MEETINGS, meeting_kind=KINDS, scheduled_for=DAYS),
    told("meeting.cancelled", meeting_id=MEETINGS, reason=st.just("illness")),
    told("child.team_assigned", team=st.sampled_from(["north", "south"])),
)
HISTORIES = st.lists(FACTS, min_size=1, max_size=14)


def story_of(history: list[Stated]) -> Story:
    story = Story()
    for kind, on, data in history:
        story.tell(kind, on, **data)
    return story


def projected(history: list[Stated], timetable: Timetable = ALL_PACKS) -> tuple[Review, ...]:
    return project_reviews(CHILD, story_of(history).facts, timetable)


def unplaced(review: Review) -> Review:
    """Return ``review`` without positions, notes and the days of recording."""
    anchor = replace(review.explanation.anchor, position=None)
    explanation = replace(review.explanation, anchor=anchor, notes=())
    return replace(review, position=0, recorded_on=None, shown_on=None, explanation=explanation)


@given(HISTORIES)
def test_never_due_before_the_anchor(history: list[Stated]) -> None:
    """No review is due before what it is counted from, and its last working day lies between the two."""
    for review in projected(history):
        anchored_on = review.explanation.anchor.occurred_on
        assert review.due_on is None or review.due_on >= anchored_on
        last = review.last_working_day_on
        assert last is None or (review.due_on is not None and anchored_on <= last <= review.due_on)


@given(HISTORIES)
def test_review_ids_are_unique(history: list[Stated]) -> None:
    """No two reviews of a child share an id."""
    ids = [review.review_id for review in projected(history)]
    assert len(set(ids)) == len(ids)


@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_facts_is_of_no_consequence(history: list[Stated], random: Any) -> None:
    """Facts handed over in another order give the same reviews."""
    ordered = story_of(history).facts
    shuffled: list[Fact] = list(ordered)
    random.shuffle(shuffled)
    assert project_reviews(CHILD, shuffled, ALL_PACKS) == project_reviews(CHILD, ordered, ALL_PACKS)


@given(HISTORIES)
@settings(max_examples=300)
def test_care_is_never_silently_without_a_review(history: list[Stated]) -> None:
    """While an episode of care runs, at least one review or flag is open under the law alone."""
    record = child_record(story_of(history).facts)
    running = record.death is None and any(episode.ended is None for episode in record.episodes)
    open_reviews = [review for review in projected(history, STATUTE_ONLY) if review.outcome is Outcome.OPEN]
    assert open_reviews or not running


@given(HISTORIES)
def test_nothing_is_open_after_a_death(history: list[Stated]) -> None:
    """A death behind which no episode and no home begins leaves no review open."""
    if child_record(story_of(history).facts).death is not None:
        assert Outcome.OPEN not in {review.outcome for review in projected(history)}


@given(HISTORIES)
def test_what_is_closed_rests_on_no_projection(history: list[Stated]) -> None:
    """A review that was missed or withdrawn is counted from something that happened."""
    for review in projected(history):
        assert review.outcome in (Outcome.OPEN, Outcome.HELD) or not review.rests_on_projection


@given(HISTORIES)
def test_a_meeting_is_one_review_of_a_kind(history: list[Stated]) -> None:
    """A meeting satisfies at most one review of each kind."""
    held = [(review.kind, review.held_meeting_id) for review in projected(history) if review.held_meeting_id]
    assert len(set(held)) == len(held)


@given(HISTORIES)
def test_what_stands_with_an_outcome_fits_it(history: list[Stated]) -> None:
    """Held reviews have a meeting, closed ones a reason, and only open ones a booking."""
    for review in projected(history):
        assert (review.held_on is not None) is (review.outcome is Outcome.HELD)
        closed = review.outcome in (Outcome.MISSED, Outcome.WITHDRAWN)
        assert (review.closed_because is not None) is (review.closed_on is not None) is closed
        assert review.booked_on is None or review.outcome is Outcome.OPEN
        if review.outcome is Outcome.MISSED:
            assert review.due_on is not None
            assert review.closed_on is not None
            assert review.due_on < review.closed_on


@given(HISTORIES, st.data())
@settings(max_examples=200)
def test_a_corrected_date_is_as_good_as_a_right_one(history: list[Stated], data: st.DataObject) -> None:
    """Correcting the day of a fact gives what recording it right gives, but for where, when and with which notes."""
    index = data.draw(st.integers(0, len(history) - 1))
    right_on = data.draw(DAYS)
    corrected = story_of(history).corrected(index + 1, "2027-01-01", occurred_on=right_on)
    right = [*history[:index], history[index]._replace(on=right_on), *history[index + 1 :]]
    found = project_reviews(CHILD, corrected.facts, ALL_PACKS)
    assert [unplaced(review) for review in found] == [unplaced(review) for review in projected(right)]


@given(st.lists(st.integers(1, 250), min_size=1, max_size=6), st.integers(1, 250))
def test_re_anchoring_touches_only_what_follows(gaps: list[int], other_gap: int) -> None:
    """Holding the last review on another day changes no earlier review and none of another kind."""

    def told_with(*, last_gap: int) -> dict[tuple[str, int], Review]:
        story, day = placed("2026-01-15", emergency=True), date(2026, 1, 15)
        for number, gap in enumerate([*gaps[:-1], last_gap]):
            day += timedelta(days=gap)
            story.held(day.isoformat(), f"M{number}")
        return {(review.kind, review.ordinal): review for review in story.reviews(timetable=ALL_PACKS)}

    one, other = told_with(last_gap=gaps[-1]), told_with(last_gap=other_gap)
    for (kind, ordinal), review in one.items():
        of_chain = kind in (STATUTORY, "three_monthly_review")
        if not of_chain or ordinal < len(gaps):
            assert other[kind, ordinal] == review
    moved = other[STATUTORY, len(gaps)]
    assert (moved.due_on, moved.outcome) == (one[STATUTORY, len(gaps)].due_on, Outcome.HELD)


@given(st.dates(date(2022, 1, 1), date(2060, 1, 1)))
def test_two_years_are_projected(placed_on: date) -> None:
    """From the last firm anchor on, reviews are projected for 24 months at least, whatever today is."""
    last = placed(placed_on.isoformat()).reviews(STATUTORY)[-1].due_on
    assert last is not None
    assert last >= placed_on + timedelta(days=730)


def test_the_work_of_a_projection_grows_with_the_record_only() -> None:
    """A thousand homes with a meeting each owe two reviews each, of which one is held, and the last a forecast too."""
    story = Story().accommodated(START.isoformat())
    for number in range(1000):
        day = (START + timedelta(days=number)).isoformat()
        story.home(day, f"H{number}").held(day, f"M{number}")
    reviews = story.reviews(STATUTORY)
    assert sum(review.outcome is Outcome.HELD for review in reviews) == 1000
    assert len(reviews) <= 2010
