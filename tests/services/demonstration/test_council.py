"""The council's log: repeatable, valid, in recording order, and never from the future."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime

import orjson
import pytest

from services.demonstration.council import ADOPTED_EDITION, ADOPTED_PACKS, SOURCE, generate, simulate
from services.demonstration.days import Span
from services.demonstration.ndjson import lines
from services.demonstration.recording import ORDER
from shared.domain.catalogue import CATALOGUE, event_type, read_data, version_named
from shared.domain.catalogue.governance import RecordCorrected, RecordRetracted
from shared.domain.catalogue.meeting import MeetingScheduled
from shared.domain.clock import civil_date
from shared.domain.history import corrected_data
from shared.domain.ids import AUTHORITY_STREAM, check_stream, child_of_stream
from tests.services.demonstration.councils import LOADED_ON, SEEDS, council, data_of
from tests.support.packs import load_pack

MEMBERS = {
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "recordedtime",
    "datacontenttype",
    "dataschema",
    "data",
}


def test_the_same_seed_and_day_give_the_same_bytes() -> None:
    """Two councils drawn from the same arguments are the same to the byte."""
    assert b"".join(lines(generate(7, LOADED_ON))) == b"".join(lines(generate(7, LOADED_ON)))


@pytest.mark.parametrize("other", [(8, LOADED_ON, 1), (7, date(2026, 11, 24), 1), (7, LOADED_ON, 2)])
def test_other_arguments_give_other_children_and_other_events(other: tuple[int, date, int]) -> None:
    """Councils of another seed, day or length share no child and no event id, so both can be loaded."""
    one, another = generate(7, LOADED_ON, 1), generate(*other)
    assert not {event["id"] for event in one} & {event["id"] for event in another}
    shared = {event["subject"] for event in one} & {event["subject"] for event in another}
    assert shared <= {AUTHORITY_STREAM}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_valid_in_the_catalogue(seed: int) -> None:
    """Each event's data passes the validation of its type (strict by its configuration); its envelope is complete."""
    for event in council(seed).events:
        assert set(event) == MEMBERS
        assert event["specversion"] == "1.0"
        assert event["source"] == SOURCE
        assert event["time"] == event["recordedtime"]
        version = version_named(event_type(event["type"]), event["dataschema"])
        assert version is not None
        assert read_data(event["type"], version, orjson.dumps(event["data"]))


def test_every_type_that_its_story_needs_occurs() -> None:
    """Over a few councils every event type in the generator's order of telling is shown, and amendments are."""
    shown = {event["type"] for seed in SEEDS for event in council(seed).events}
    assert shown == {*ORDER, "record.corrected", "record.retracted", "timetable.adopted"}
    assert shown <= set(CATALOGUE)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_case_system_learnt_a_new_schema_with_the_new_practice(seed: int) -> None:
    """Plans of children accommodated before the change follow version 1 of the schema, later ones version 2."""
    since: dict[str, list[str]] = defaultdict(list)
    for event in council(seed).events:
        if event["type"] == "child.accommodated":
            since[event["subject"]].append(event["data"]["occurred_on"])
    changed_on = council(seed).truth.changed_on.isoformat()
    shown = set()
    for event in council(seed).events:
        if event["type"] == "care_plan.agreed":
            began_on = max(day for day in since[event["subject"]] if day <= event["data"]["occurred_on"])
            version = 2 if began_on >= changed_on else 1
            assert event["dataschema"] == f"/v1/event-types/care_plan.agreed/{version}"
            shown.add(version)
    assert shown == {1, 2}


@pytest.mark.parametrize("seed", SEEDS)
def test_events_come_in_the_order_of_recording_and_before_the_day_of_loading(seed: int) -> None:
    """Nothing occurs or is recorded on or after the day of loading, and nothing is recorded before it occurs."""
    events = council(seed).events
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)
    for event, at in zip(events, times, strict=True):
        data = data_of(event)
        assert data.occurred_on <= civil_date(at) < LOADED_ON
        assert data.occurred_at is None or data.occurred_at <= at


def test_meetings_are_booked_beyond_the_day_of_loading() -> None:
    """The council is alive: at least twenty meetings are booked for days still to come."""
    booked = [data_of(event) for event in council(1).events if event["type"] == "meeting.scheduled"]
    ahead = [data for data in booked if isinstance(data, MeetingScheduled) and data.scheduled_for >= LOADED_ON]
    assert len(ahead) >= 20


@pytest.mark.parametrize("seed", SEEDS)
def test_reviews_are_due_soon_and_some_are_overdue(seed: int) -> None:
    """On the day of loading reviews fall due within a fortnight, and one at least is overdue."""
    open_reviews = [
        review
        for review in council(seed).truth.reviews
        if (review.held_on is None or review.held_on >= LOADED_ON)
        and (review.home_ended_on is None or review.home_ended_on >= LOADED_ON)
    ]
    ahead = [(review.due_on - LOADED_ON).days for review in open_reviews]
    assert sum(0 <= days < 14 for days in ahead) >= 5
    assert sum(days < 0 for days in ahead) >= 1


def test_identifiers_are_opaque_and_streams_are_lawful() -> None:
    """Children are named by hexadecimal digits alone, never ten decimal ones."""
    for event in council(1).events:
        stream = check_stream(event["subject"])
        child_id = child_of_stream(stream)
        assert child_id is None or re.fullmatch(r"[0-9a-f]{12}", child_id)


def test_no_event_carries_free_text() -> None:
    """The one free-text member of the catalogue, an action's summary, is never used."""
    assert not any(b'"summary"' in line for line in lines(council(1).events))


@pytest.mark.parametrize("seed", SEEDS)
def test_an_id_that_occurs_again_is_the_identical_event(seed: int) -> None:
    """Some events are posted twice; the second is the same to the byte, and no id names two events."""
    times = Counter(event["id"] for event in council(seed).events)
    distinct = set(lines(council(seed).events))
    assert len(distinct) == len(times)
    assert max(times.values()) > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_amendments_name_an_earlier_event_of_their_stream(seed: int) -> None:
    """Each correction or retraction refers to an event recorded before it about the same child."""
    earlier: dict[str, tuple[str, str]] = {}
    amended = 0
    for event in council(seed).events:
        data = data_of(event)
        if isinstance(data, RecordCorrected):
            assert data.corrects_source == SOURCE
            assert earlier[data.corrects_id] == (event["subject"], data.corrects_type)
            assert corrected_data(data.corrects_type, data).occurred_on <= data.occurred_on
            amended += 1
        elif isinstance(data, RecordRetracted):
            assert data.retracts_source == SOURCE
            assert earlier[data.retracts_id][0] == event["subject"]
            amended += 1
        earlier[event["id"]] = event["subject"], event["type"]
    assert amended > 0


def test_the_new_timetables_are_adopted_about_eighteen_months_before() -> None:
    """The council adopts three packs that exist in the editions it names, shortly before they take effect."""
    adoptions = [event for event in council(1).events if event["subject"] == AUTHORITY_STREAM]
    assert [event["data"]["pack"] for event in adoptions] == list(ADOPTED_PACKS)
    for event in adoptions:
        effective_on = date.fromisoformat(event["data"]["effective_on"])
        assert effective_on == council(1).truth.changed_on
        assert event["data"]["occurred_on"] < event["data"]["effective_on"]
        assert 540 <= (LOADED_ON - effective_on).days <= 580
        assert load_pack(event["data"]["pack"], ADOPTED_EDITION)


def test_a_story_of_one_year_begins_after_the_change_of_practice() -> None:
    """A council told for one year adopted its timetables before any of its children came into care."""
    one_year = simulate(1, LOADED_ON, 1)
    assert [event["subject"] for event in one_year.events[:3]] == [AUTHORITY_STREAM] * 3
    assert all(episode.after_change for episode in one_year.truth.episodes)


def test_a_story_of_no_year_is_refused() -> None:
    """The story covers at least one year."""
    with pytest.raises(ValueError, match="at least one year"):
        Span.ending(LOADED_ON, 0)
