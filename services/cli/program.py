"""The operator's program: its commands, and the one place where what goes wrong becomes a sentence."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from services.cli import authorities, consumers, keys, proof, rebuild, timetable, verify
from services.cli.command import ENDS, NobodyReads, Parser, Refused, Status, flush, tell
from services.cli.database import migrate
from services.embedded.screen import write_any_text
from shared.runtime.database_trouble import DATABASE_TROUBLE, in_words
from shared.runtime.environment import UnusableSettings
from shared.runtime.rebuild_schema import CannotRebuild

#: What a shell makes of a program that Ctrl-C ended.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what ``arguments`` ask; return the exit status, as :class:`Status` tells it, or ``INTERRUPTED``."""
    write_any_text()
    asked = parser().parse_args(arguments)
    try:
        status = int(asked.command(asked))
        flush()
    except KeyboardInterrupt:
        tell("stopped before it was done")
        return INTERRUPTED
    except NobodyReads:
        _drop_output()
    except (Refused, UnusableSettings, CannotRebuild) as error:
        tell(str(error))
    except DATABASE_TROUBLE as error:
        tell(in_words(error))
    else:
        return status
    return int(asked.not_done)


def parser() -> Parser:
    """Return what reads the arguments of every command."""
    program = Parser(
        prog="homeward",
        description="Run Homeward, and look after its councils, their keys and their logs.",
        epilog="`homeward COMMAND --help` says more of a command, and how it ends. All but `run` and most of "
        "`timetable` work on the database that HOMEWARD_DATABASE_URL names or, where that is not set, on that of a "
        "`homeward run` (`make run`) that is running with the same HOMEWARD_DATA_DIR.",
    )
    # Where 1 is a verdict, the command itself says otherwise.
    program.set_defaults(not_done=Status.NOT_WELL)
    commands = program.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="run all services in one process",
        description="Run events, scheduler and reporting in one process, until Ctrl-C: on the database that "
        "HOMEWARD_DATABASE_URL names, or on a PostgreSQL of its own in the folder HOMEWARD_DATA_DIR. "
        "docs/reference/settings.md lists all settings.",
        epilog="It ends with 0 after Ctrl-C, 1 when it could not start, and 2 for wrong arguments or a setting that "
        "cannot be used.",
    )
    run.set_defaults(command=_run)
    present = commands.add_parser(
        "migrate",
        help="bring the database to the schema of this release",
        description="Bring the database to the schema of this release, all in one transaction: it is done as a whole "
        "or not at all. Back up and stop all services first: while they run it may give up after ten seconds. It may "
        "be run again. docs/operations.md, Upgrading, says how long it takes.",
        epilog=ENDS,
    )
    present.set_defaults(command=migrate)
    for each in (authorities, keys, verify, proof, consumers, rebuild, timetable):
        each.add_to(commands)
    return program


def _run(_: argparse.Namespace) -> int:
    from services.embedded import program  # noqa: PLC0415 - all three services come with it; no other command waits

    return program.main()


def _drop_output() -> None:
    """Send what is still to be written nowhere: Python would try it again at the end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
