"""A projection built anew equals the live one, and takes its place without anybody noticing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.scheduler.tick import Tick
from shared.runtime import rebuild_work
from shared.runtime.rebuild_schema import CannotRebuild
from shared.wire.feed import UnreadableEvent
from tests.services.cli.rebuilding import LOADED, SERVICES, Heard, Site
from tests.services.demonstration.councils import council
from tests.support.council import new_authority
from tests.support.events import cloud_event

#: Enough for several children with everything that a council records.
SOME = council(1).events[:700]
MORE = council(1).events[700:900]


def placed(child: str, on: str) -> list[dict[str, Any]]:
    """Return the events of a child who came to live with foster carers."""
    episode = {"occurred_on": on, "episode_id": f"episode-{child}", "legal_reason": "section_25"}
    home = {"occurred_on": on, "home_id": f"home-{child}", "home_kind": "foster"}
    return [cloud_event("child.accommodated", child, episode), cloud_event("home.started", child, home)]


async def everything(here: Site) -> dict[str, dict[str, list[dict[str, Any]]]]:
    return {service: await here.rows(service) for service in SERVICES}


async def told(here: Site) -> list[Any]:
    """Return what was told, and what is held back as about the past: the histories here are brought in at once."""
    statement = (
        "SELECT position, dedupe_key FROM scheduler.notice UNION ALL SELECT 0, dedupe_key FROM scheduler.held_back"
        " ORDER BY 1, 2"
    )
    return [tuple(row) for row in await here.execute(statement)]


async def tick(here: Site) -> None:
    """Tell what the day brings, as the scheduler does once it has caught up."""
    [row] = await here.execute("SELECT position FROM scheduler.checkpoint")
    ticking = Tick(here.engines["scheduler"], here.clock, lambda _: row["position"], pause_seconds=1)
    while await ticking.step(here.key.authority_id):
        pass


async def test_over_the_demonstration_council_rebuilt_equals_live_row_for_row(here: Site) -> None:
    """Every row of every table of both projections is the same before and after, in every column."""
    await here.append(council(1).events[:1500])
    await here.follow()
    before = await everything(here)
    heard = Heard()
    done = await here.rebuild(heard=heard)
    after = await everything(here)
    for service in SERVICES:
        for table, rows in before[service].items():
            assert after[service][table] == rows, f"{service}.{table}"
    [position] = await here.execute("SELECT position FROM reporting.checkpoint")
    assert [each.events for each in done] == [position["position"]] * 2
    assert (heard.done, heard.said, [each.told for each in done]) == (heard.expected, [], [0, 0])


async def test_several_processes_build_what_one_does(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of children that go to processes of their own come back as the same rows."""
    await here.append(SOME)
    await here.follow()
    before = await everything(here)
    monkeypatch.setattr(rebuild_work, "BATCH_EVENTS", 60)
    monkeypatch.setattr(rebuild_work, "WORTH_A_PROCESS", 0)
    await here.rebuild()
    assert await everything(here) == before


async def test_what_another_process_cannot_read_is_named(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of a type that nobody knows ends the rebuild with its position, whichever process meets it."""
    await here.append(SOME[:100])
    await here.follow()
    before = await everything(here)
    await here.execute(
        """DO $$ BEGIN
        SET LOCAL session_replication_role = replica;
        UPDATE events.event SET body = convert_to(
            replace(convert_from(body, 'UTF8'), '"child.registered"', '"child.unheard_of"'), 'UTF8'
        );
        END $$"""
    )

    async def idle(*_: Any) -> None:
        """Leave all of it to the others."""

    monkeypatch.setattr(rebuild_work, "BATCH_EVENTS", 60)
    monkeypatch.setattr(rebuild_work, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(rebuild_work, "_work_here", idle)
    with pytest.raises(UnreadableEvent, match=r"at position \d+ \(child.unheard_of\)"):
        await here.rebuild()
    assert await everything(here) == before


async def test_a_rebuild_goes_no_further_than_the_live_side(here: Site) -> None:
    """What the live side has not read yet is not shown after the exchange either; then it reads on by itself."""
    await here.append(SOME)
    await here.follow("scheduler", until=400)
    await here.follow("reporting", until=250)
    before = await everything(here)
    await here.rebuild()
    assert await everything(here) == before
    await here.follow()
    after = await everything(here)
    await here.rebuild()
    assert await everything(here) == after


async def test_no_notice_is_told_twice_and_none_is_left_untold(here: Site) -> None:
    """What the day brought is not told again after the exchange, and what comes next is told once."""
    await here.append([*SOME, *placed("child-newly-placed", "2026-11-20")])
    await here.follow()
    await tick(here)
    before, rows = await told(here), await here.rows("scheduler")
    await here.rebuild()
    await tick(here)
    assert await told(here) == before
    assert await here.rows("scheduler") == rows
    here.clock.set(LOADED + timedelta(days=40))
    await tick(here)
    later = await told(here)
    await here.rebuild()
    await tick(here)
    assert len(later) > len(before)
    assert await told(here) == later


async def test_a_change_told_by_the_rebuilt_rows_is_told_to_others(here: Site) -> None:
    """Where live rows were wrong, the exchange puts them right and says so, once."""
    await here.append([*SOME, *placed("child-newly-placed", "2026-11-20")])
    await here.follow()
    [log] = await here.execute("SELECT coalesce(max(position), 0) AS head FROM scheduler.notice")
    rows = await here.rows("scheduler")
    newly = "child_id = 'newly-placed' AND certainty = 'firm'"
    [row] = await here.execute(f"SELECT review_id FROM scheduler.review WHERE {newly}")
    review = row["review_id"]
    # By a hundred years: the command goes by the machine's clock, and a move of what is long past is held back.
    await here.execute("UPDATE scheduler.review SET due_on = due_on + 36525 WHERE review_id = $1", review)
    [done] = await here.rebuild("scheduler")
    assert (await here.rows("scheduler"), done.told) == (rows, 1)
    [notice] = await here.execute("SELECT kind, review_id FROM scheduler.notice WHERE position > $1", log["head"])
    assert tuple(notice) == ("review.moved", review)
    [again] = await here.rebuild("scheduler")
    assert again.told == 0


async def test_a_booking_that_is_too_late_by_the_rebuilt_rows_is_told_once(here: Site) -> None:
    """Where the live rows lacked it, and nobody was told, the exchange tells; the next one has nothing to tell."""
    # The command goes by the machine's clock, and a meeting whose day has gone by is told of no more.
    booked = {"meeting_id": "m-1", "meeting_kind": "looked_after_child_review", "scheduled_for": "2126-03-06"}
    booking = cloud_event("meeting.scheduled", "child-n1", {"occurred_on": "2026-01-20", **booked})
    await here.append([*placed("child-n1", "2026-01-15"), booking])
    await here.follow()
    [before] = await told(here)
    assert before[1].endswith("|2026-02-26|2126-03-06")
    [untouched] = await here.rebuild("scheduler")
    await here.execute("UPDATE scheduler.review SET booked_on = NULL, booked_meeting_id = NULL")
    await here.execute("DELETE FROM scheduler.notice")
    [done] = await here.rebuild("scheduler")
    [again] = await here.rebuild("scheduler")
    assert (untouched.told, done.told, again.told) == (0, 1, 0)
    assert [key for _, key in await told(here)] == [before[1]]


async def test_a_rebuild_does_what_the_start_after_an_upgrade_would_do(here: Site) -> None:
    """It fills the column that a migration left empty, and the scheduler has nothing to project anew afterwards."""
    await here.append(SOME)
    await here.follow()
    rows = await here.rows("scheduler")
    assert any(row["recorded_on"] for row in rows["review"])
    await here.execute("UPDATE scheduler.review SET recorded_on = NULL WHERE vanished_at IS NULL")
    digest = "SELECT timetable_digest FROM scheduler.checkpoint"
    [by_live] = await here.execute(digest)
    await here.execute("UPDATE scheduler.checkpoint SET timetable_digest = 'scheduler_0004'")
    [done] = await here.rebuild("scheduler")
    assert (await here.rows("scheduler"), done.told) == (rows, 0)
    assert [tuple(row) for row in await here.execute(digest)] == [tuple(by_live)]


async def test_lost_rows_come_back_and_nothing_is_told_again(here: Site) -> None:
    """A projection of which everything but the checkpoint was lost is whole again after a rebuild."""
    await here.append(SOME)
    await here.follow()
    await tick(here)
    before, rows = await told(here), await everything(here)
    assert before
    for table in ("scheduler.review", "scheduler.revisit", "scheduler.event", "reporting.child CASCADE"):
        await here.execute(f"TRUNCATE {table}")
    await here.rebuild()
    await tick(here)
    assert await everything(here) == rows
    assert await told(here) == before


async def test_what_only_the_live_side_owed_is_withdrawn_not_lost(here: Site) -> None:
    """A review that the rules no longer know can still be read by its id, with the reason."""
    await here.append(SOME)
    await here.follow()
    stray = "00000000-0000-4000-8000-000000000001"
    columns = [name for name in (await here.rows("scheduler"))["review"][0] if name not in ("review_id", "sort_on")]
    names = ", ".join(columns)
    await here.execute(
        f"INSERT INTO scheduler.review (review_id, {names})"
        f" SELECT $1, {names} FROM scheduler.review WHERE outcome = 'open' AND certainty = 'firm' LIMIT 1",
        stray,
    )
    await here.rebuild("scheduler")
    [row] = await here.execute("SELECT outcome, vanished_at FROM scheduler.review WHERE review_id = $1", stray)
    assert tuple(row) == ("withdrawn", LOADED)


WITHDRAWN = "SELECT review_id FROM scheduler.review WHERE vanished_at IS NOT NULL LIMIT 1"


async def withdraw_something(here: Site) -> Any:
    """Have a home recorded and retracted, and return one of the reviews that were owed meanwhile."""
    placing = placed("child-newly-placed", "2026-08-20")
    wrong = {"retracts_source": placing[1]["source"], "retracts_id": placing[1]["id"], "reason": "recording_error"}
    retracted = cloud_event("record.retracted", "child-newly-placed", {"occurred_on": "2026-08-21", **wrong})
    await here.append([*SOME, *placing, retracted])
    await here.follow()
    [row] = await here.execute(WITHDRAWN)
    return row["review_id"]


async def test_when_a_review_was_withdrawn_follows_from_the_log(here: Site) -> None:
    """A withdrawn review that says another day is named by a check as any other row, and put right by a rebuild."""
    review = await withdraw_something(here)
    before = await here.rows("scheduler")
    await here.execute("UPDATE scheduler.review SET closed_on = closed_on + 1 WHERE review_id = $1", review)
    [checked] = await here.rebuild("scheduler", check=True)
    [reviews] = [each for each in checked.differences if each.differing]
    assert (reviews.table, reviews.differing, reviews.apart, reviews.columns) == ("review", 1, 0, ("closed_on",))
    await here.rebuild("scheduler")
    assert await here.rows("scheduler") == before


async def test_what_other_rules_withdrew_stays_as_it_was_told(here: Site) -> None:
    """Which rules were at hand then does not follow from the log: a check counts that apart, a rebuild keeps it."""
    review = await withdraw_something(here)
    await here.execute("UPDATE scheduler.review SET closed_on = closed_on + 1 WHERE review_id = $1", review)
    await here.execute(
        "INSERT INTO scheduler.review_change SELECT (told).* FROM (SELECT jsonb_populate_record(told,"
        ' \'{"cause": "edition", "type": null, "position": 9999999}\') AS told'
        " FROM scheduler.review_change AS told WHERE review_id = $1 LIMIT 1) AS by_rules",
        review,
    )
    before = await here.rows("scheduler")
    [checked] = await here.rebuild("scheduler", check=True)
    [reviews] = [each for each in checked.differences if each.apart]
    assert (reviews.table, reviews.apart, reviews.differing) == ("review", 1, 0)
    await here.rebuild("scheduler")
    assert await here.rows("scheduler") == before


async def test_a_rebuild_leaves_the_change_log_as_it_is(here: Site) -> None:
    """What changed was told as it happened: the log is the same after an exchange, which goes on adding to it."""
    await here.append(SOME)
    await here.follow()
    told = await here.execute("SELECT * FROM scheduler.review_change ORDER BY changed_at, position, review_id")
    assert told
    await here.rebuild("scheduler")
    again = await here.execute("SELECT * FROM scheduler.review_change ORDER BY changed_at, position, review_id")
    assert again == told
    await here.append(placed("child-newly-placed", "2026-11-20"))
    await here.follow()
    [row] = await here.execute("SELECT count(*) AS number FROM scheduler.review_change")
    assert row["number"] > len(told)


async def test_a_check_names_what_differs_and_changes_nothing(here: Site) -> None:
    """Table, column and key of a row that does not follow from the log; live rows stay, right or wrong."""
    await here.append(SOME)
    await here.follow()
    assert not [each for done in await here.rebuild(check=True) for each in done.differences if each.differing]
    await here.execute("UPDATE reporting.episode SET team = 'nobody' WHERE ordinal = 1")
    await here.execute("DELETE FROM scheduler.event WHERE position = 7")
    before = await everything(here)
    scheduler, reporting = await here.rebuild(check=True)
    [events] = [each for each in scheduler.differences if each.differing]
    assert (events.table, events.differing, events.keys) == ("event", 1, (f"{here.key.authority_id} 7",))
    [episodes] = [each for each in reporting.differences if each.differing]
    assert (episodes.table, episodes.columns) == ("episode", ("team",))
    assert await everything(here) == before
    assert await here.execute("SELECT 1 FROM pg_namespace WHERE nspname LIKE '%_rebuild'") == []


async def test_a_check_raises_no_alarm_for_a_council_without_events(here: Site) -> None:
    """Whether nothing is kept of it, or a checkpoint that says that nothing was read, as an earlier release made."""
    await here.append(SOME)
    await here.follow()
    await new_authority(here.url, "no-events")
    plain = await here.rebuild(check=True)
    for service in SERVICES:
        await here.execute(f"INSERT INTO {service}.checkpoint (authority_id, position) VALUES ('no-events', 0)")
    for before, after in zip(plain, await here.rebuild(check=True), strict=True):
        assert [each.differing for each in after.differences] == [0] * len(after.differences)
        assert [each.rows for each in after.differences] == [each.rows for each in before.differences]
    await here.execute("UPDATE scheduler.checkpoint SET position = 1 WHERE authority_id = 'no-events'")
    [checkpoint] = [each for each in (await here.rebuild("scheduler", check=True))[0].differences if each.differing]
    assert (checkpoint.table, checkpoint.keys) == ("checkpoint", ("no-events",))


async def test_a_second_rebuild_of_a_service_is_refused(here: Site) -> None:
    """While one runs another says so and leaves everything alone."""
    await here.append(SOME[:50])
    await here.follow()
    claim = "SELECT pg_advisory_lock(hashtextextended('homeward rebuild reporting', 0))"
    async with here.engines["scheduler"].connect() as other:
        await other.exec_driver_sql(claim)
        with pytest.raises(CannotRebuild, match="another rebuild of reporting is running"):
            await here.rebuild()
        await here.rebuild("scheduler")


async def test_keys_indexes_checks_and_grants_are_those_of_before(here: Site) -> None:
    """By name and by definition, so that a migration finds what it expects, and a role may do what it may do."""
    await here.append(SOME[:50])
    await here.follow()

    async def shape() -> list[Any]:
        statement = """
            SELECT schemaname || '.' || indexname, indexdef FROM pg_indexes
            WHERE schemaname IN ('scheduler', 'reporting')
            UNION ALL SELECT conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace IN ('scheduler'::regnamespace, 'reporting'::regnamespace)
            UNION ALL SELECT oid::regclass::text, array(SELECT unnest(relacl)::text ORDER BY 1)::text FROM pg_class
            WHERE relkind = 'r' AND relnamespace IN ('scheduler'::regnamespace, 'reporting'::regnamespace)
            UNION ALL SELECT attrelid::regclass || '.' || attname, concat_ws(' ', atttypid, attnotnull, attgenerated)
            FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attnum > 0 AND relkind = 'r'
            AND relnamespace IN ('scheduler'::regnamespace, 'reporting'::regnamespace)
            ORDER BY 1, 2
        """
        return [tuple(row) for row in await here.execute(statement)]

    before = await shape()
    await here.rebuild()
    assert await shape() == before


async def test_a_projection_ahead_of_a_restored_log_follows_the_log_again(here: Site) -> None:
    """Where the log ends before the checkpoint, the log is right: afterwards the checkpoint is where it ends."""
    await here.append(SOME[:60])
    await here.follow()
    rows = await here.rows("reporting")
    await here.execute("UPDATE reporting.checkpoint SET position = position + 5")
    await here.rebuild("reporting")
    assert await here.rows("reporting") == rows
