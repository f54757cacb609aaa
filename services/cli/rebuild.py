"""``homeward rebuild``: build what the services show anew from the log, beside the live tables, and exchange it.

::

    homeward rebuild                     both projections
    homeward rebuild reporting           one of them
    homeward rebuild --check             exchange nothing; say whether what is shown follows from the log

It works while the services serve and follow the log.  The services need no restart.  It ends
with 1 if a check finds rows that differ, and with 2 if it could not do what was asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from services.cli.command import Commands, Parser, Refused, Status, write
from services.cli.database import Database, on_database
from services.cli.progress import shown
from services.events.store.histories import open_histories
from services.reporting.rebuild import JourneyRebuild
from services.scheduler.rebuild import ReviewRebuild
from shared.domain.clock import Clock, SystemClock
from shared.runtime.rebuild import Rebuildable, Rebuilt, Tells, job_of, rebuild
from shared.runtime.rebuild_compare import Difference
from shared.wire.feed import UnreadableEvent

PROJECTIONS: dict[str, Rebuildable] = {"scheduler": ReviewRebuild(), "reporting": JourneyRebuild()}

FOLLOWS, DIFFERENT = Status.WELL, Status.NOT_WELL


def add_to(commands: Commands[Parser]) -> None:
    """Add ``rebuild`` to the operator's commands."""
    parser = commands.add_parser(
        "rebuild",
        help="make what scheduler and reporting show anew from the log, or check it",
        description="Make what scheduler and reporting show anew from the log, beside the live tables, and exchange "
        "them. Services go on meanwhile and need no restart. It needs room for a second copy; stopped half way it "
        "leaves everything as it was.",
        epilog="It ends with 0 when it is done, 1 if --check found rows that differ, and 2 if it could not be done.",
    )
    parser.add_argument(
        "service",
        nargs="*",
        type=_service,
        metavar="SERVICE",
        help=f"{' or '.join(PROJECTIONS)}; both when left out",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; compare what is shown with what follows from the log, row for row",
    )
    parser.set_defaults(command=on_database(_rebuild), not_done=Status.NOT_DONE)


def _service(text: str) -> str:
    if text not in PROJECTIONS:
        raise argparse.ArgumentTypeError(f"there is no projection of {text}; there are: {', '.join(PROJECTIONS)}")
    return text


async def _rebuild(database: Database, asked: argparse.Namespace) -> int:
    names = [name for name in PROJECTIONS if name in (asked.service or PROJECTIONS)]
    with shown("Checking" if asked.check else "Rebuilding") as bar:
        try:
            done = await run(database.url, names, SystemClock(), bar, check=asked.check)
        except UnreadableEvent as error:
            raise Refused(str(error)) from None
    for each in done:
        write(_sentences(each, check=asked.check))
    return DIFFERENT if any(difference.differing for each in done for difference in each.differences) else FOLLOWS


async def run(url: str, names: Sequence[str], clock: Clock, tell: Tells, *, check: bool) -> list[Rebuilt]:
    """Rebuild the projections of these names on the database of this URL."""
    services = [PROJECTIONS[name] for name in names]
    return await rebuild(job_of(url, open_histories, services, clock), services, clock, tell, check=check)


def _sentences(of: Rebuilt, *, check: bool) -> str:
    if not check:
        told = f" {of.told} notices tell what changed by it." if of.told else ""
        return f"{of.service}: rebuilt from {of.events:,} events and exchanged.{told}\n"
    wrong = [each for each in of.differences if each.differing]
    apart = sum(each.apart for each in of.differences)
    kept = f" ({apart:,} withdrawn reviews are told as of the day they were read.)" if apart else ""
    if not wrong:
        rows = sum(each.rows for each in of.differences)
        return f"{of.service}: all {rows:,} rows follow from {of.events:,} events.{kept}\n"
    return "".join(_told(of.service, each) for each in wrong)


def _told(service: str, of: Difference) -> str:
    more = f" and {of.differing - len(of.keys):,} more" if of.differing > len(of.keys) else ""
    return (
        f"{service}.{of.table}: {of.differing:,} of {of.rows:,} rows differ, in {', '.join(of.columns)}: "
        f"{'; '.join(of.keys)}{more}\n"
    )
