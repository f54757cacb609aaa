"""Telling what the calendar makes due, against plainly inserting the same notices; and looking when nothing is due.

Reviews are put into the table as the projection leaves them.  In each round the clock goes on by a
week, so that the same 10,000 reviews cross their next threshold, among ever more that do not.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import asyncpg
import orjson
from rich.progress import track
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.figures import Figure, paired_ratio
from benchmarks.stage import AUTHORITY, new_authority, stage
from services.scheduler.store.looks import ROWS
from services.scheduler.tick import Tick
from shared.runtime.database import create_engine

#: Reviews in the council, most of them not due, at which is measured.
SIZES = (10_000, 100_000, 1_000_000)
CROSSINGS = 10_000
COUNCILS = 32
REPLICAS = 2
#: Looks in a row when nothing is due.
LOOKS = 200

DUE_ON = date(2026, 3, 2)
FAR_OFF = date(2031, 3, 2)
_ONE_WEEK = timedelta(days=7)

_EXPLANATION = orjson.dumps(
    {
        "rule": "looked_after_child_review",
        "rule_title": "Reviews of a child placed away from home",
        "pack": "scotland",
        "pack_edition": "2026-11",
        "basis": "statute",
        "citation": "Looked After Children (Scotland) Regulations 2009 (SSI 2009/210), regulation 45(2)",
        "verified_by": "a person of the council",
        "verified_on": "2026-11-01",
        "anchor": {
            "description": "the start of the home on 19 January 2026",
            "occurred_on": "2026-01-19",
            "event_type": "home.started",
            "position": 7,
        },
        "arithmetic": "6 weeks from 19 January 2026 is 2 March 2026.",
        "notes": ["The last working day on or before it is 2 March 2026."],
    }
).decode()
_FILL = """
INSERT INTO scheduler.review (authority_id, review_id, child_id, episode_id, team, kind, title, ordinal, due_on,
    certainty, outcome, shown_on, known_on, position, explanation, next_notice_on)
SELECT $1, gen_random_uuid(), 'child' || number, 'episode' || number, 'team' || number % 12,
    'looked_after_child_review', 'First Looked After Child Review, within six weeks', 1, $2::date + number % $7::int,
    'firm', 'open', $3, $3, number, $4::jsonb, $2::date + number % $7::int + $8::int
FROM generate_series($5::int, $6::int) AS number
"""
_CHECKPOINT = "INSERT INTO scheduler.checkpoint (authority_id, position) VALUES ($1, 1)"
_PLAIN = """
CREATE TABLE public.plain_notice (
    authority_id text NOT NULL, notice_id uuid NOT NULL, position bigint NOT NULL, dedupe_key text NOT NULL,
    kind text NOT NULL, review_id uuid NOT NULL, child_id text NOT NULL, body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (authority_id, notice_id), UNIQUE (authority_id, position), UNIQUE (authority_id, dedupe_key)
)
"""
_INSERT = """
INSERT INTO public.plain_notice SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[], $5::text[],
    $6::uuid[], $7::text[], $8::bytea[], $9::timestamptz[])
"""
_NOTICES = "SELECT * FROM scheduler.notice WHERE authority_id = $1 AND position > $2 ORDER BY position"


class _Calendar:
    """A clock that is put from day to day."""

    def __init__(self) -> None:
        self.today = DUE_ON

    def now(self) -> datetime:
        return datetime(self.today.year, self.today.month, self.today.day, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bench:
    """All that trials work on: the scheduler's own engine, plain connections, and the clock."""

    url: str
    engine: AsyncEngine
    plain: Sequence[Any]
    calendar: _Calendar

    def tick(self) -> Tick:
        """Return the tick of one replica, whose reader is at the head of every log."""
        return Tick(self.engine, self.calendar, lambda _: 1, pause_seconds=1)

    async def fill(self, authority_id: str, numbers: tuple[int, int], *, due: bool) -> None:
        """Add reviews of these numbers: overdue since :data:`DUE_ON`, or due years later over the days of one."""
        day, spread, after = (DUE_ON, 1, 8) if due else (FAR_OFF, 365, -14)
        known_on = DUE_ON - timedelta(weeks=6)
        await self.plain[0].execute(_FILL, authority_id, day, known_on, _EXPLANATION, *numbers, spread, after)

    async def told(self, authority_id: str, behind: int) -> list[Any]:
        """Return the rows of the notices behind a position."""
        return list(await self.plain[0].fetch(_NOTICES, authority_id, behind))

    async def insert(self, connection: Any, rows: Sequence[Any]) -> None:
        """Insert rows as plainly as it goes, as many in a transaction as the tick tells in one."""
        for begin in range(0, len(rows), ROWS):
            columns = zip(*(tuple(row) for row in rows[begin : begin + ROWS]), strict=True)
            await connection.execute(_INSERT, *(list(column) for column in columns))


async def run(rounds: int, seconds: float) -> list[Figure]:
    """Measure at each size, then over many councils; ``seconds`` means nothing here: a trial is 10,000 crossings."""
    del seconds
    async with AsyncExitStack() as opened:
        on = await opened.enter_async_context(stage())
        engine = create_engine(on.database_url, service="scheduler", pool_size=REPLICAS + 1)
        opened.push_async_callback(engine.dispose)
        plain = [await asyncpg.connect(on.database_url) for _ in range(REPLICAS)]
        for each in plain:
            opened.push_async_callback(each.close)
        await plain[0].execute(_PLAIN)
        bench = Bench(on.database_url, engine, plain, _Calendar())
        return [*await _sizes(bench, rounds), await _councils(bench, rounds)]


async def _sizes(bench: Bench, rounds: int) -> list[Figure]:
    """Let 10,000 reviews cross a threshold among ever more that are not due."""
    await bench.plain[0].execute(_CHECKPOINT, AUTHORITY)
    await bench.fill(AUTHORITY, (1, CROSSINGS), due=True)
    figures: list[Figure] = []
    idle: list[float] = []
    filled = CROSSINGS
    for size in SIZES:
        if size > filled:
            await bench.fill(AUTHORITY, (filled + 1, size), due=False)
            filled = size
        await bench.plain[0].execute("VACUUM ANALYZE scheduler.review")
        await _one_round(bench)
        trials = [await _one_round(bench) for _ in track(range(rounds), description=f"{size:,}", transient=True)]
        ours, theirs = zip(*trials, strict=True)
        against = f"plain inserts of the same rows, {ROWS:,} in a transaction; {size:,} reviews"
        name = f"tick-crossings-{_short(size)}"
        figures.append(
            Figure(name, paired_ratio(ours, theirs), 0.3, against, rounds, median(ours), median(theirs), "notices/s")
        )
        idle.append(median([await _idle(bench) for _ in range(rounds)]))
    against = f"the same among {SIZES[0]:,} reviews; ours: among {SIZES[-1]:,}"
    return [
        *figures,
        Figure("tick-nothing-due", idle[-1] / idle[0], 0.8, against, rounds, idle[-1], idle[0], "looks/s"),
    ]


def _short(size: int) -> str:
    return f"{size // 1_000_000}m" if size >= 1_000_000 else f"{size // 1_000}k"  # noqa: PLR2004 - a million


async def _one_round(bench: Bench) -> tuple[float, float]:
    """Tell the crossings of the next week, then insert the same rows plainly; return both rates."""
    bench.calendar.today += _ONE_WEEK if bench.calendar.today > DUE_ON else timedelta(days=8)
    behind = await bench.plain[0].fetchval(
        "SELECT coalesce(max(position), 0) FROM scheduler.notice WHERE authority_id = $1", AUTHORITY
    )
    tick = bench.tick()
    gc.collect()
    began = perf_counter()
    while await tick.step(AUTHORITY):
        pass
    ours = perf_counter() - began
    rows = await bench.told(AUTHORITY, behind)
    if len(rows) != CROSSINGS:
        raise RuntimeError(f"{len(rows)} notices were made of {CROSSINGS} crossings")
    gc.collect()
    began = perf_counter()
    await bench.insert(bench.plain[0], rows)
    return CROSSINGS / ours, CROSSINGS / (perf_counter() - began)


async def _idle(bench: Bench) -> float:
    """Return how often a second the tick can look at a council in which nothing is due."""
    tick = bench.tick()
    began = perf_counter()
    for _ in range(LOOKS):
        await tick.step(AUTHORITY)
    return LOOKS / (perf_counter() - began)


async def _councils(bench: Bench, rounds: int) -> Figure:
    """Let the crossings be spread over councils, and two replicas tick at once."""
    names = [f"{AUTHORITY}-{number:02}" for number in range(COUNCILS)]
    each = CROSSINGS // COUNCILS
    for name in names:
        await new_authority(bench.url, name)
        await bench.plain[0].execute(_CHECKPOINT, name)
        await bench.fill(name, (1, each), due=True)
    bench.calendar.today = DUE_ON
    heads = dict.fromkeys(names, 0)
    trials = [await _shared_round(bench, heads) for _ in range(rounds + 1)][1:]
    ours, theirs = zip(*trials, strict=True)
    against = f"plain inserts over {REPLICAS} connections; {COUNCILS} councils, {REPLICAS} replicas"
    return Figure(
        "tick-32-councils", paired_ratio(ours, theirs), 0.3, against, rounds, median(ours), median(theirs), "notices/s"
    )


async def _shared_round(bench: Bench, heads: dict[str, int]) -> tuple[float, float]:
    bench.calendar.today += _ONE_WEEK if bench.calendar.today > DUE_ON else timedelta(days=8)
    gc.collect()
    began = perf_counter()
    await asyncio.gather(*(bench.tick().round() for _ in range(REPLICAS)))
    ours = perf_counter() - began
    told = [await bench.told(name, behind) for name, behind in heads.items()]
    for name, rows in zip(heads, told, strict=True):
        heads[name] += len(rows)
    number = sum(map(len, told))
    gc.collect()
    began = perf_counter()
    shares = [told[first::REPLICAS] for first in range(REPLICAS)]
    await asyncio.gather(*(_insert_all(bench, *each) for each in zip(bench.plain, shares, strict=True)))
    return number / ours, number / (perf_counter() - began)


async def _insert_all(bench: Bench, connection: Any, shares: Sequence[Sequence[Any]]) -> None:
    for rows in shares:
        await bench.insert(connection, rows)
