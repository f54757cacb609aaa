"""Calendars of what is owed, lent by an address."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.scheduler.api import calendars as api
from services.scheduler.calendar_text import calendar_text
from shared.identity.feed_tokens import new_feed_token
from shared.identity.keys import ALL_SCOPES, Scope
from tests.services.scheduler.calendars import Seen, events_of, fetch, lend, seen, text_of
from tests.services.scheduler.scene import CHILD, accommodate, hold_review
from tests.services.scheduler.served import Served
from tests.support.clients import client_of
from tests.support.council import new_authority
from tests.support.waiting import eventually

STREAM = f"child-{CHILD}"


async def write(running: Served) -> None:
    """Record two children of two teams; today is 11 June 2026."""
    running.log.add("child.registered", STREAM, "2026-01-10", team="north")
    accommodate(running.log, "2026-01-15")
    hold_review(running.log, "2026-02-20")
    running.log.add("child.registered", "child-c-2", "2026-06-01", team="south")
    accommodate(running.log, "2026-06-01", child="c-2")
    await running.catch_up()


async def book(running: Served, on: str) -> None:
    booked: dict[str, Any] = {
        "meeting_id": "m-booked",
        "meeting_kind": "looked_after_child_review",
        "scheduled_for": on,
    }
    running.log.add("meeting.scheduled", STREAM, "2026-06-10", **booked)
    await running.catch_up()


async def owed(running: Served, **params: Any) -> dict[str, dict[str, Any]]:
    items = (await running.get("/v1/reviews", limit=1000, **params))["items"]
    return {f"{each['review_id']}@homeward": each for each in items}


async def due_next(running: Served, address: str) -> Seen:
    """Return the event of the review that the first child is owed next."""
    firm = [uid for uid, each in (await owed(running, child=CHILD)).items() if each["ordinal"] == 2]
    return (await seen(running, address))[firm[0]]


async def test_a_calendar_shows_every_open_review_with_a_day(running: Served) -> None:
    """Each is one all-day event on its due day, tentative where it is provisional, under a UID that stays."""
    await write(running)
    made = await lend(running)
    shown = await seen(running, made["address"])
    reviews = {uid: each for uid, each in (await owed(running)).items() if each["outcome"] == "open"}
    assert made["events"] == len(shown) == len(reviews)
    for uid, review in reviews.items():
        event = shown[uid]
        assert event.day == date.fromisoformat(review["due_on"])
        assert event.until == event.day + timedelta(days=1)
        assert event.status == ("TENTATIVE" if review["certainty"] == "provisional" else "CONFIRMED")
        assert event.summary.startswith(review["title"] + " - child ")
        assert review["explanation"]["citation"] in event.description
        assert "Nobody has yet checked this rule" in event.description


async def test_a_calendar_is_read_as_calendar_programs_expect(running: Served) -> None:
    """It is `text/calendar`, folded at 75 octets with CRLF, and says how often to look again."""
    await write(running)
    answer = await fetch(running, (await lend(running, team="north", role="independent_reviewing_officer"))["address"])
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["content-disposition"] == 'inline; filename="homeward-reviews.ics"'
    lines = answer.content.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\n" in line or len(line) > 75 for line in lines)
    for line in (b"METHOD:PUBLISH", b"REFRESH-INTERVAL;VALUE=DURATION:PT6H", b"X-PUBLISHED-TTL:PT6H"):
        assert line in lines
    assert b"X-WR-CALNAME:Deadlines\\, team north\\, independent reviewing officer" in lines


async def test_nobody_is_named(running: Served) -> None:
    """No child, home, meeting, person, council or event stands in a calendar, nor the key of the council."""
    await write(running)
    await book(running, "2026-08-14")
    text = await text_of(running, (await lend(running, description="for Ada Smith"))["address"])
    unfolded = text.replace("\r\n ", "")
    for named in (CHILD, "c-2", "home-c-1", "ep-c-1", "m-2026-02-20", "m-booked", "foster", "Ada", "section_25"):
        assert named not in unfolded
    assert running.key.authority_id not in unfolded


async def test_a_calendar_tells_children_apart_in_a_way_of_its_own(running: Served) -> None:
    """Events of one child have one reference, those of another another, and in another calendar both are others."""
    await write(running)
    children = {uid: review["child_id"] for uid, review in (await owed(running)).items()}
    both = []
    for _ in range(2):
        shown = await seen(running, (await lend(running))["address"])
        called = {(children[uid], event.reference) for uid, event in shown.items()}
        assert len(called) == len({child for child, _ in called}) == 2
        assert all(len(reference) == 6 for _, reference in called)
        both.append({reference for _, reference in called})
    assert both[0].isdisjoint(both[1])


async def test_a_booked_review_stands_on_its_booked_day_as_long_as_that_is_in_time(running: Served) -> None:
    """Booked in time: the booked day, with the due day said. Booked late, or gone by: the due day."""
    await write(running)
    address = (await lend(running))["address"]
    before = await due_next(running, address)
    assert before.day == date(2026, 5, 20)
    running.log.add("home.started", STREAM, "2026-06-05", home_id="h-2", home_kind="foster")
    await running.catch_up()
    first = min((await owed(running, child=CHILD, due_from="2026-06-11")).values(), key=lambda each: each["due_on"])
    uid = f"{first['review_id']}@homeward"
    assert (await seen(running, address))[uid].day == date.fromisoformat(first["due_on"]) == date(2026, 7, 17)
    await book(running, "2026-07-01")
    booked = (await seen(running, address))[uid]
    assert booked.day == date(2026, 7, 1)
    assert "Due by Friday 17 July 2026." in booked.description
    assert "A meeting is booked for Wednesday 1 July 2026." in booked.description
    running.clock.set(datetime(2026, 7, 2, 9, tzinfo=UTC))
    lapsed = (await seen(running, address))[uid]
    assert lapsed.day == date(2026, 7, 17)
    assert "was booked for Wednesday 1 July 2026; that it was held is not recorded" in lapsed.description
    assert lapsed.sequence > booked.sequence
    assert lapsed.modified > booked.modified


async def test_every_change_of_an_event_raises_its_sequence(running: Served) -> None:
    """Booked, booked away again, and the record of it withdrawn: calendar programs take no older state for a newer."""
    accommodate(running.log, "2026-06-01")
    await running.catch_up()
    address = (await lend(running))["address"]
    uid = min((await seen(running, address)).values(), key=lambda each: each.day).uid
    states = [(await seen(running, address))[uid]]
    await book(running, "2026-07-01")
    states.append((await seen(running, address))[uid])
    booked = running.log.events[-1]
    running.log.add(
        "record.retracted", STREAM, "2026-06-11",
        retracts_source=booked.source, retracts_id=booked.event_id, reason="duplicate",
    )  # fmt: skip
    await running.catch_up()
    states.append((await seen(running, address))[uid])
    assert [each.day for each in states] == [date(2026, 7, 13), date(2026, 7, 1), date(2026, 7, 13)]
    assert states[0].sequence < states[1].sequence < states[2].sequence
    assert states[0].modified < states[1].modified <= states[2].modified


async def test_a_review_booked_too_late_stands_on_its_due_day(running: Served) -> None:
    """What is booked beyond the due day does not move the event, and is said."""
    accommodate(running.log, "2026-05-10")
    await running.catch_up()
    address = (await lend(running))["address"]
    await book(running, "2026-06-25")
    (first,) = [each for each in (await seen(running, address)).values() if each.day == date(2026, 6, 21)]
    assert "booked for Thursday 25 June 2026, 4 days too late." in first.description


async def test_a_held_review_stays_for_ninety_days(running: Served) -> None:
    """It stands on the day it was held, confirmed, and leaves the calendar when that is 90 days ago."""
    accommodate(running.log, "2026-05-01")
    await running.catch_up()
    address = (await lend(running))["address"]
    (uid,) = [uid for uid, each in (await owed(running)).items() if each["ordinal"] == 1]
    before = (await seen(running, address))[uid]
    hold_review(running.log, "2026-06-10", recorded_at=datetime(2026, 6, 11, 8, tzinfo=UTC))
    await running.catch_up()
    after = (await seen(running, address))[uid]
    assert (after.day, after.status) == (date(2026, 6, 10), "CONFIRMED")
    assert "Held on Wednesday 10 June 2026. It was due by Friday 12 June 2026." in after.description
    assert after.sequence > before.sequence
    running.clock.set(datetime(2026, 9, 9, 9, tzinfo=UTC))
    assert uid in await seen(running, address)
    running.clock.set(datetime(2026, 9, 10, 9, tzinfo=UTC))
    assert uid not in await seen(running, address)


async def test_what_is_not_owed_any_more_is_cancelled_and_does_not_vanish(running: Served) -> None:
    """When a child goes home, and when a record was wrong, the event stays under its UID as cancelled."""
    await write(running)
    address = (await lend(running))["address"]
    before = await seen(running, address)
    firm = {uid for uid, event in before.items() if event.status == "CONFIRMED" and event.day > date(2026, 6, 11)}
    wrong = next(each for each in running.log.events if each.stream == "child-c-2" and each.type == "home.started")
    running.log.add(
        "record.retracted", "child-c-2", "2026-06-11",
        retracts_source=wrong.source, retracts_id=wrong.event_id, reason="wrong_child",
    )  # fmt: skip
    running.log.add("episode.ended", STREAM, "2026-06-11", episode_id=f"ep-{CHILD}", destination="parents")
    await running.catch_up()
    after = await seen(running, address)
    assert firm
    for uid in firm:
        assert after[uid].status == "CANCELLED"
        assert (after[uid].day, after[uid].summary) == (before[uid].day, before[uid].summary)
        assert after[uid].sequence > before[uid].sequence
        assert "Not owed any more." in after[uid].description
    running.clock.set(datetime(2026, 9, 20, 9, tzinfo=UTC))
    assert firm.isdisjoint(await seen(running, address))


async def test_what_was_recorded_late_is_cancelled_all_the_same(running: Served) -> None:
    """An ending of half a year ago that is told today cancels what was open until today."""
    accommodate(running.log, "2025-11-01")
    await running.catch_up()
    address = (await lend(running))["address"]
    before = {uid for uid, event in (await seen(running, address)).items() if event.status == "CONFIRMED"}
    running.log.add(
        "episode.ended", STREAM, "2025-11-20", episode_id=f"ep-{CHILD}", destination="parents",
        recorded_at=datetime(2026, 6, 11, 8, tzinfo=UTC),
    )  # fmt: skip
    await running.catch_up()
    after = await seen(running, address)
    assert before
    assert {after[uid].status for uid in before} == {"CANCELLED"}


async def test_a_history_that_is_brought_in_at_once_fills_no_calendar(running: Served) -> None:
    """What was held or withdrawn, and is recorded today with what it was counted from, was never in a calendar."""
    now = datetime(2026, 6, 11, 8, tzinfo=UTC)
    accommodate(running.log, "2025-01-15", recorded_at=now)
    hold_review(running.log, "2025-02-10", recorded_at=now)
    running.log.add("home.started", STREAM, "2025-03-01", home_id="h-2", home_kind="foster", recorded_at=now)
    running.log.add("home.started", STREAM, "2026-05-20", home_id="h-3", home_kind="foster", recorded_at=now)
    await running.catch_up()
    shown = await seen(running, (await lend(running))["address"])
    assert {event.status for event in shown.values()} == {"CONFIRMED", "TENTATIVE"}
    assert not any("Held on" in event.description for event in shown.values())
    withdrawn = await owed(running, status="withdrawn")
    assert withdrawn
    assert withdrawn.keys().isdisjoint(shown)


async def test_an_unchanged_calendar_is_the_same_bytes_and_not_sent_again(running: Served) -> None:
    """Twice the same bytes, whatever the time of day; 304 with its validator, until something changes."""
    await write(running)
    address = (await lend(running))["address"]
    first = await fetch(running, address)
    running.clock.set(datetime(2026, 6, 11, 22, tzinfo=UTC))
    again = await fetch(running, address)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    unchanged = await fetch(running, address, first.headers["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["cache-control"] == "private, no-cache"
    accommodate(running.log, "2026-06-08", child="c-3")
    await running.catch_up()
    changed = await fetch(running, address, first.headers["etag"])
    assert changed.status_code == 200
    known = {each.uid: each for each in events_of(first.text)}
    assert {uid: each for uid, each in (await seen(running, address)).items() if uid in known} == known


async def test_a_calendar_shows_its_team_and_kinds_only(running: Served) -> None:
    """A calendar of a team shows that team's children; one of a kind shows that kind."""
    await write(running)
    south = await lend(running, team="south")
    reviews = await owed(running)
    assert set(await seen(running, south["address"])) == {
        uid for uid, each in reviews.items() if each["team"] == "south"
    }
    kind = next(iter(reviews.values()))["kind"]
    of_kind = await lend(running, kinds=[kind, kind])
    assert of_kind["kinds"] == [kind]
    open_ones = {uid for uid, each in reviews.items() if each["kind"] == kind and each["outcome"] == "open"}
    assert set(await seen(running, of_kind["address"])) == open_ones
    assert (await lend(running, team="nobody-s"))["events"] == 0


async def test_a_calendar_of_a_role_shows_its_work_and_nobody_s(running: Served) -> None:
    """It shows what the rules leave to that role, or to nobody in particular, and nothing of what is another's."""
    await write(running)
    connection = await asyncpg.connect(running.database_url)
    shown = sorted(await seen(running, (await lend(running))["address"]))
    ids = [uid.removesuffix("@homeward") for uid in shown[:2]]
    await connection.execute("UPDATE scheduler.review SET roles = '{}'")
    for review_id, roles in zip(ids, (["data_lead"], ["team_leader", "data_lead"]), strict=True):
        await connection.execute("UPDATE scheduler.review SET roles = $2 WHERE review_id = $1", review_id, roles)
    await connection.close()
    for role, hidden in (("team_leader", shown[:1]), ("data_lead", []), ("solicitor", shown[:2])):
        made = await lend(running, role=role, what=["review"])
        assert (made["role"], made["what"]) == (role, ["review"])
        assert sorted(await seen(running, made["address"])) == [uid for uid in shown if uid not in hidden]
    assert (await lend(running, what=["visit", "expiry"]))["events"] == 0


async def test_reviews_without_a_day_are_counted_in_words(running: Served) -> None:
    """Where the frequency must be agreed there is no event, and the calendar says how many there are."""
    stream = "child-c-9"
    running.log.add(
        "child.accommodated", stream, "2026-06-01", episode_id="e-9", legal_reason="compulsory_supervision_order"
    )
    running.log.add("home.started", stream, "2026-06-01", home_id="h-9", home_kind="parents")
    await running.catch_up()
    made = await lend(running)
    assert made["without_day"] == 1
    text = (await text_of(running, made["address"])).replace("\r\n ", "")
    assert "X-WR-CALDESC:" in text
    assert "1 deadline without a day\\, as where it is not agreed how often reviews happen" in text


async def test_a_calendar_that_is_not_whole_says_so(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the most that it shows, the soonest are shown, and an event stands where it ends."""
    await write(running)
    whole = sorted((await seen(running, (await lend(running))["address"])).values(), key=lambda each: each.day)
    monkeypatch.setattr(api, "MAX_EVENTS", 3)
    made = await lend(running)
    assert (made["events"], made["left_out"]) == (3, len(whole) - 3)
    shown = await seen(running, made["address"])
    end = shown.pop(f"{made['feed_id']}@homeward")
    assert sorted(each.day for each in shown.values()) == [each.day for each in whole[:3]]
    assert (end.summary, end.day) == ("This calendar is not whole", whole[2].day)
    assert f"{len(whole) - 3} more deadlines due later: not shown here." in end.description
    assert await text_of(running, made["address"]) == await text_of(running, made["address"])


async def test_a_revoked_address_is_as_one_that_never_was(running: Served) -> None:
    """Revoked, unknown, of another council, malformed: one and the same 404; revoking twice changes nothing."""
    await write(running)
    made = await lend(running)
    assert (await fetch(running, made["address"])).status_code == 200
    feed = f"/v1/calendar-feeds/{made['feed_id']}"
    revoked = (await running.client.delete(feed)).json()
    assert (revoked["revoked_at"], revoked["revoked_by"]) == ("2026-06-11T09:30:00Z", running.key.key_id)
    running.clock.set(datetime(2026, 6, 12, 10, tzinfo=UTC))
    assert (await running.client.delete(feed)).json() == revoked
    other = await new_authority(running.database_url)
    lent = (await lend(running))["address"]
    answers = [
        await fetch(running, address)
        for address in (
            made["address"],
            f"/v1/calendars/{new_feed_token(running.key.authority_id, uuid4())}.ics",
            lent.replace(running.key.authority_id, other.authority_id),
            lent[:-5] + ("a" if lent[-5] != "a" else "b") + ".ics",
            "/v1/calendars/x.ics",
        )
    ]
    assert {each.status_code for each in answers} == {404}
    assert len({each.text for each in answers}) == 1
    assert answers[0].json()["type"] == "/v1/problems/not-found"


async def test_the_address_is_shown_once_and_listed_never(running: Served) -> None:
    """The list says which calendars were lent, by which key and which are revoked, in pages; no address."""
    made = [await lend(running, description=f"for team {number}") for number in range(3)]
    secrets = [each["address"].rsplit(".", 2)[1] for each in made]
    await running.client.delete(f"/v1/calendar-feeds/{made[0]['feed_id']}")
    listed = (await running.client.get("/v1/calendar-feeds")).text
    assert not any(secret in listed for secret in secrets)
    pages = [await running.get("/v1/calendar-feeds", limit=2)]
    pages.append(await running.get("/v1/calendar-feeds", limit=2, cursor=pages[0]["next_cursor"]))
    items = [item for each in pages for item in each["items"]]
    assert {each["feed_id"] for each in items} == {each["feed_id"] for each in made}
    assert sum(each["revoked_at"] is not None for each in items) == 1
    assert {each["created_by"] for each in items} == {running.key.key_id}


async def test_nothing_of_the_secret_is_kept_or_told(running: Served, caplog: pytest.LogCaptureFixture) -> None:
    """The secret stands in no row, no log line and no figure; figures name the operation."""
    caplog.set_level(logging.DEBUG)
    await write(running)
    made = await lend(running)
    secret = made["address"].rsplit(".", 2)[1]
    await fetch(running, made["address"])
    await running.client.delete(f"/v1/calendar-feeds/{made['feed_id']}")
    await fetch(running, made["address"])
    figures = (await running.client.get("/metrics")).text
    assert 'operation="/v1/calendars/{token}.ics"' in figures
    assert secret not in figures
    of_service = [each.getMessage() for each in caplog.records if each.name.split(".")[0] not in {"httpx", "httpcore"}]
    assert not any(secret in message for message in of_service)
    connection = await asyncpg.connect(running.database_url)
    rows = await connection.fetch("SELECT feed::text AS feed FROM scheduler.calendar_feed AS feed")
    await connection.close()
    assert len(rows) == 1
    assert secret not in rows[0]["feed"]
    assert secret.encode().hex() not in rows[0]["feed"]


async def test_few_calendars_are_written_at_once(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask, no more than the bound are worked on beside each other, and each is answered."""
    await write(running)
    address = (await lend(running))["address"]
    entered: list[int] = []
    go_on = threading.Event()

    def held_up(*given: Any) -> bytes:
        entered.append(1)
        assert go_on.wait(20)
        return calendar_text(*given)

    monkeypatch.setattr(api, "calendar_text", held_up)
    asking = [asyncio.create_task(fetch(running, address)) for _ in range(api.MAX_WRITING + 3)]

    async def full() -> bool:
        return len(entered) == api.MAX_WRITING and bool(running.app.state.calendars_written.locked())

    await eventually(full, about="the first calendars")
    assert (await fetch(running, "/v1/calendars/x.ics")).status_code == 404
    assert len(entered) == api.MAX_WRITING
    go_on.set()
    assert [each.status_code for each in await asyncio.gather(*asking)] == [200] * len(asking)


async def test_a_key_needs_its_scope(running: Served) -> None:
    """Lending, listing and revoking need `calendars:manage`, which no other scope stands in for."""
    key = await new_authority(
        running.database_url, running.key.authority_id, ALL_SCOPES - {Scope.CALENDARS_MANAGE}
    )  # fmt: skip
    async with client_of(running.app, key) as client:
        for answer in (
            await client.post("/v1/calendar-feeds", json={}),
            await client.get("/v1/calendar-feeds"),
            await client.delete(f"/v1/calendar-feeds/{uuid4()}"),
        ):
            assert answer.status_code == 403
            assert "calendars:manage" in answer.json()["detail"]


async def test_another_council_sees_and_revokes_nothing(running: Served) -> None:
    """Feeds of one council are unknown to another."""
    made = await lend(running)
    client, _ = await running.another_council()
    async with client:
        assert (await client.get("/v1/calendar-feeds")).json()["items"] == []
        assert (await client.delete(f"/v1/calendar-feeds/{made['feed_id']}")).status_code == 404
    assert (await fetch(running, made["address"])).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "pointer", "code"),
    [
        ({"kinds": ["no_such_review"]}, "/kinds/0", "kind_unknown"),
        ({"kinds": []}, "/kinds", "too_short"),
        ({"team": "North Team"}, "/team", "string_pattern_mismatch"),
        ({"role": "nobody"}, "/role", "enum"),
        ({"until": "2027-01-01"}, "", "extra_forbidden"),
        ([], "", "model_type"),
    ],
)
async def test_what_no_calendar_can_be_of_is_refused(running: Served, wanted: Any, pointer: str, code: str) -> None:
    """An empty calendar by mistake would look like "nothing is owed": what cannot be meant is refused."""
    answer = await running.client.post("/v1/calendar-feeds", json=wanted)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, code)]


async def test_a_council_lends_so_many_calendars(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the most that may be lent one has to be revoked first."""
    monkeypatch.setattr(api, "MAX_LENT", 1)
    made = await lend(running)
    refused = await running.client.post("/v1/calendar-feeds", json={})
    assert [each["code"] for each in refused.json()["errors"]] == ["too_many_feeds"]
    await running.client.delete(f"/v1/calendar-feeds/{made['feed_id']}")
    await lend(running)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM scheduler.calendar_feed",
        "UPDATE scheduler.calendar_feed SET digest = digest",
        "UPDATE scheduler.calendar_feed SET team = NULL",
    ],
)
async def test_the_service_cannot_change_what_it_lent(database_url: str, statement: str) -> None:
    """Its role can lend and revoke, and neither widen nor delete a calendar."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET ROLE homeward_scheduler")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
