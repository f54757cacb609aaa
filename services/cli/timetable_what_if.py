"""``homeward timetable what-if``: what would change for a council's children if it adopted a pack that is a draft.

::

    homeward timetable what-if northshire draft.toml --adopt-on 2026-01-01
    homeward timetable what-if northshire draft.toml --adopt-on 2026-01-01 --json

It reads the database, writes nothing, and answers what ``POST /v1/timetables/what-if`` does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from services.cli.command import COUNCIL, ENDS, Commands, Parser, Refused, Status, write
from services.cli.database import Database, on_database, refuse_unknown
from services.cli.table import laid_out
from services.scheduler.projection.what_if import Draft
from services.scheduler.store.events import log_copy
from services.scheduler.what_if import differences
from services.scheduler.what_if_answer import LoadView, WhatIfAnswer, WhatIfChangeView, what_if_answer
from shared.domain.clock import SystemClock, civil_date
from shared.domain.timetable.wording import date_words
from shared.policies.linter import Reading
from shared.runtime.database import create_engine, snapshot

_CHANGES = ("CHANGE", "CHILD", "TEAM", "REVIEW", "NOW", "BY THE DRAFT")
_LOAD = ("MONTH", "TEAM", "NOW", "BY THE DRAFT")
_NOWHERE = "-"
#: Reads a pack from a file; raises Refused if the file cannot be read.
Reads = Callable[[Path], Reading]


def add_to(commands: Commands[Parser], reads: Reads) -> None:
    """Add ``what-if`` to the commands of ``homeward timetable``."""
    parser = commands.add_parser(
        "what-if",
        help="tell what would change for a council's children by a pack that is a draft",
        description="Tell which reviews of a council's children would move, appear, vanish or be overdue if it adopted "
        "a pack, and how many would fall due in each month and team for a year. Nothing is written.",
        epilog=ENDS,
    )
    parser.add_argument("authority", metavar="AUTHORITY", help=COUNCIL)
    parser.add_argument("file", type=Path, metavar="FILE", help="TOML file of the draft")
    parser.add_argument(
        "--adopt-on",
        required=True,
        type=_day,
        metavar="D",
        help="first day for whose clocks its rules would count; in the past, to see it on today's children",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, as POST /v1/timetables/what-if does"
    )
    parser.set_defaults(command=on_database(partial(_what_if, reads)))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is written 2026-01-01") from None


async def _what_if(reads: Reads, database: Database, asked: argparse.Namespace) -> int:
    reading = reads(asked.file)
    if reading.pack is None:
        raise Refused(f"{asked.file} is no pack yet; `homeward timetable check {asked.file}` tells what is wrong")
    answer = await _answer(database, asked.authority, Draft(reading.pack, asked.adopt_on), reading)
    for line in [answer.model_dump_json()] if asked.json else _lines(answer):
        write(line + "\n")
    return Status.WELL


async def _answer(database: Database, authority_id: str, draft: Draft, reading: Reading) -> WhatIfAnswer:
    engine = create_engine(database.url, service="scheduler", pool_size=1)
    try:
        async with snapshot(engine) as connection:
            await refuse_unknown(connection, authority_id)
            position = await log_copy.position(connection, authority_id)
            found = await differences(connection, authority_id, draft, civil_date(SystemClock().now()))
    finally:
        await engine.dispose()
    return what_if_answer(found, draft, reading, position)


def _lines(answer: WhatIfAnswer) -> Iterator[str]:
    counts = answer.counts
    yield (
        f"If {answer.pack} ({answer.edition}) had been adopted from {date_words(answer.adopt_on)} on, as on "
        f"{date_words(answer.as_of)}:"
    )
    yield f"  {counts.children} children; {counts.reviews} reviews owed or done now, {counts.would_be_reviews} then"
    yield (
        f"  {counts.moved} moved, {counts.appearing} new, {counts.vanishing} gone, "
        f"{counts.settled_otherwise} settled otherwise"
    )
    yield (
        f"  overdue: {counts.overdue} now, {counts.overdue_by_draft} by the draft; {counts.would_be_overdue} that are "
        f"not now, {counts.no_longer_overdue} not any more"
    )
    if answer.changes:
        yield ""
        yield from laid_out(_CHANGES, [_change_row(each) for each in answer.changes])
    if answer.left_out:
        yield f"{answer.left_out} more are not listed."
    yield ""
    yield from laid_out(_LOAD, [_load_row(each) for each in answer.load])


def _change_row(change: WhatIfChangeView) -> tuple[str, ...]:
    now = _standing(change.due_on, change.status)
    return (
        change.change,
        change.child_id,
        change.team or _NOWHERE,
        change.title,
        now,
        _standing(change.would_be_due_on, change.would_be_status),
    )


def _standing(due_on: date | None, status: str | None) -> str:
    return " ".join(str(each) for each in (due_on, status) if each) or _NOWHERE


def _load_row(load: LoadView) -> tuple[str, ...]:
    return (load.month, load.team or _NOWHERE, str(load.reviews), str(load.would_be_reviews))
