"""``homeward timetable``: packs of rules, read without a database but for ``what-if``.

::

    homeward timetable check FILE ... [--json]      is each a pack, and where is it wrong?
    homeward timetable show PACK                    its rules in plain words
    homeward timetable dates ...                    what would follow from a date in hand
    homeward timetable what-if AUTHORITY FILE ...   what a draft would change for a council's children

``check`` ends with 0 if every file is a pack (it may have warnings), 1 if one has errors, and 2 if
one could not be read.  A file that cannot be read keeps no other from being checked.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from services.cli import timetable_dates, timetable_what_if
from services.cli.command import ENDS, Commands, Parser, Refused, Status, plain, tell, write
from services.cli.timetable_listing import listing
from shared.domain.timetable.rules import Pack
from shared.policies.linter import Reading, check
from shared.policies.loader import known_packs


def add_to(commands: Commands[Parser]) -> None:
    """Add ``timetable`` to the operator's commands."""
    timetable = commands.add_parser(
        "timetable",
        help="check and show packs of rules, and calculate dates by them",
        description="Check and show timetable packs, and calculate dates by them. Only `what-if` needs a database.",
    )
    subcommands = timetable.add_subparsers(required=True, metavar="COMMAND")
    _add_check(subcommands)
    _add_show(subcommands)
    timetable_dates.add_to(subcommands)
    timetable_what_if.add_to(subcommands, _reading)


def _add_check(subcommands: Commands[Parser]) -> None:
    checked = subcommands.add_parser(
        "check",
        help="tell whether files are timetable packs, and where they are wrong",
        description="Read timetable packs and tell of every error, with its line and column, and of what deserves "
        "another look. Each finding ends with a code that never changes.",
        epilog="It ends with 0 if every file is a pack, whatever warnings there are, 1 if one has errors, and 2 if "
        "one could not be read, or for wrong arguments.",
    )
    checked.add_argument("files", nargs="+", type=Path, metavar="FILE", help="TOML file of a pack")
    checked.add_argument("--json", action="store_true", help="print findings as JSON, an object a line, and no counts")
    checked.set_defaults(command=_check, not_done=Status.NOT_DONE)


def _add_show(subcommands: Commands[Parser]) -> None:
    shown = subcommands.add_parser(
        "show",
        help="tell a pack's rules in plain words",
        description="Tell each rule of a timetable pack in plain words: whom it is about, what is owed when, where "
        "that is written, and whether anybody has verified it.",
        epilog=ENDS,
    )
    shown.add_argument(
        "pack", metavar="PACK", help=f"TOML file of a pack, or the name of one that is shipped: {', '.join(_shipped())}"
    )
    shown.set_defaults(command=_show)


def _check(asked: argparse.Namespace) -> int:
    readings = list(_readings(asked.files))
    for line in _json_lines(readings) if asked.json else _lines(readings):
        write(line + "\n")
    if len(readings) < len(asked.files):
        return Status.NOT_DONE
    return Status.NOT_WELL if any(reading.errors for reading in readings) else Status.WELL


def _readings(files: Sequence[Path]) -> Iterator[Reading]:
    """Yield what each file that can be read says; tell of the others."""
    for file in files:
        try:
            yield _reading(file)
        except Refused as refused:
            tell(str(refused))


def _reading(file: Path) -> Reading:
    """Read a pack from a file; raises Refused if the file cannot be read."""
    try:
        return check(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        raise Refused(f"there is no file {file}") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{file} is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Refused(f"{file} cannot be read ({reason})") from None


def _lines(readings: Sequence[Reading]) -> Iterator[str]:
    for reading in readings:
        yield from map(plain, reading.lines())
    if readings:
        errors = sum(len(reading.errors) for reading in readings)
        warnings = sum(len(reading.warnings) for reading in readings)
        counts = (_counted(len(readings), "file"), _counted(errors, "error"), _counted(warnings, "warning"))
        yield f"{counts[0]} checked: {counts[1]}, {counts[2]}."


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def _json_lines(readings: Sequence[Reading]) -> Iterator[str]:
    for reading in readings:
        for finding in reading.findings:
            yield json.dumps({"file": reading.name, "severity": finding.severity, **asdict(finding)})


def _show(asked: argparse.Namespace) -> int:
    for line in listing(_pack(asked.pack)):
        write(line + "\n")
    return Status.WELL


def _pack(named: str) -> Pack:
    """Return the latest edition of the shipped pack of this name, or that of a file; raises Refused without one."""
    editions = [pack for pack in known_packs() if pack.pack == named]
    if editions:
        return editions[-1]
    if not Path(named).is_file():
        raise Refused(f"there is no file {named}, and no shipped pack of that name; there are {', '.join(_shipped())}")
    reading = _reading(Path(named))
    if reading.pack is None:
        errors = _counted(len(reading.errors), "error")
        raise Refused(f"{named} is no pack yet: it has {errors}; `homeward timetable check {named}` tells them")
    return reading.pack


def _shipped() -> list[str]:
    return sorted({pack.pack for pack in known_packs()})
