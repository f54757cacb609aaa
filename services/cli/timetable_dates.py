"""``homeward timetable dates``: every review that would follow from a date in hand, explained, without a record.

::

    homeward timetable dates --pack scotland --accommodated-at 2025-08-31T10:00+01:00
    homeward timetable dates --pack scotland,two-week-planning-meeting --accommodated-on 2025-08-31 --held 2025-10-10
    homeward timetable dates --pack scotland --accommodated-on 2025-08-31 --json

It asks no database, and answers what ``POST /v1/timetables/dates`` does.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import partial
from itertools import chain
from textwrap import wrap
from typing import Any

from services.cli.command import ENDS, Commands, Parser, Status, write
from services.scheduler.calculator import CalculatedReviewView, DatesAnswer, dates_answer, read_asked
from services.scheduler.schemas import ExplanationView
from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.clock import CIVIL_ZONE, SystemClock, civil_date
from shared.domain.errors import Fault, InvalidInput
from shared.domain.timetable.reviews import What
from shared.domain.timetable.wording import date_words, listed, weekday_words
from shared.policies.dates import dates
from shared.policies.loader import known_packs

_HEADINGS = ("REVIEW", "DUE", "LAST WORKING DAY", "STATUS")
_BETWEEN = "  "
_INDENT = "    "
#: Between which widths prose is readable, however wide or narrow the terminal; and the narrowest column of titles.
_NARROWEST, _WIDEST, _NARROWEST_TITLE = 40, 110, 20
_DAY, _INSTANT = "D", "INSTANT"
#: Options that the HTTP operation takes by the same names.
_AS_GIVEN = (
    *("accommodated_on", "accommodated_at", "placed_on", "placed_at"),
    *("home_kind", "emergency", "short_breaks", "ended_on", "on"),
)

_UNVERIFIED = "NOT VERIFIED"
_PROVISIONAL = (
    "A provisional date is counted from a review that is not held yet, as if it were held on its last day; "
    "holding it earlier or later moves all that follow."
)
_WORKING_DAY = (
    "DUE is the last lawful day. LAST WORKING DAY is advice: where it is the earlier one, hold the review by then."
)
_MEETINGS_ONLY = "Nothing but meetings was asked about: what else is owed is shown as if it had not been done."
_NOTHING = "No review follows from these packs."
_ADVICE = (
    "This was calculated from what was given and from these packs alone; nothing was stored. It is no legal advice."
)


def add_to(commands: Commands[Parser]) -> None:
    """Add ``dates`` to the commands of ``homeward timetable``."""
    parser = commands.add_parser(
        "dates",
        help="calculate every review that would follow from a date in hand",
        description="Calculate every review that would follow when a child came into care on a certain day, each with "
        "its explanation and its source. It needs no record and no database, and stores nothing. A day is written "
        "2025-08-31, an instant with its zone 2025-08-31T10:00+01:00.",
        epilog=ENDS,
    )
    _add_what_began(parser)
    _add_what_followed(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, as POST /v1/timetables/dates does")
    parser.set_defaults(command=partial(_dates, parser))


def _add_what_began(parser: Parser) -> None:
    parser.add_argument(
        "--pack",
        action="append",
        required=True,
        type=_legible,
        metavar="PACK[,PACK ...]",
        help=f"timetable packs, each in its latest edition; there are {', '.join(_packs())}",
    )
    accommodated = parser.add_mutually_exclusive_group(required=True)
    accommodated.add_argument(
        "--accommodated-on", type=_legible, metavar=_DAY, help="day on which the child came into care"
    )
    accommodated.add_argument(
        "--accommodated-at",
        type=_legible,
        metavar=_INSTANT,
        help="the same with its hour, which rules that count hours need",
    )
    placed = parser.add_mutually_exclusive_group()
    placed.add_argument(
        "--placed-on",
        type=_legible,
        metavar=_DAY,
        help="day on which the home began; without it, when the child came into care",
    )
    placed.add_argument("--placed-at", type=_legible, metavar=_INSTANT, help="the same with its hour")
    parser.add_argument(
        "--home-kind",
        default=HomeKind.FOSTER.value,
        choices=[kind.value for kind in HomeKind],
        metavar="KIND",
        help=f"with whom or where the child lives: {', '.join(HomeKind)} (default: foster)",
    )
    parser.add_argument("--emergency", action="store_true", help="the home began in an emergency")
    parser.add_argument("--short-breaks", action="store_true", help="the home is a series of short breaks")


def _add_what_followed(parser: Parser) -> None:
    parser.add_argument(
        "--held",
        action="append",
        nargs="+",
        default=[],
        type=_legible,
        metavar="[KIND=]D",
        help="days on which meetings were held; without KIND they are Looked After Child Reviews, the first, the "
        f"second and so on. Kinds: {', '.join(MeetingKind)}",
    )
    parser.add_argument("--ended-on", type=_legible, metavar=_DAY, help="day on which care away from home ended")
    parser.add_argument(
        "--closed",
        action="append",
        nargs="+",
        default=[],
        type=_legible,
        metavar=_DAY,
        help="days, besides weekends and public holidays, on which the council does not work",
    )
    parser.add_argument("--on", type=_legible, metavar=_DAY, help="day from which statuses are seen (default: today)")


def _packs() -> list[str]:
    return sorted({pack.pack for pack in known_packs()})


def _dates(parser: Parser, given: argparse.Namespace) -> int:
    try:
        asked = read_asked(_members(given))
        found = dates(asked)
    except InvalidInput as error:
        parser.error("; ".join(_said_of(fault) for fault in error.faults))
    answer = dates_answer(found, asked.on or civil_date(SystemClock().now()))
    lines = [answer.model_dump_json()] if given.json else _lines(answer, _width())
    for line in lines:
        write(line + "\n")
    return Status.WELL


def _members(given: argparse.Namespace) -> dict[str, Any]:
    """Return what was typed as the HTTP operation takes it."""
    said = {name: getattr(given, name) for name in _AS_GIVEN if getattr(given, name) is not None}
    return {
        "packs": [name.strip() for text in given.pack for name in text.split(",")],
        "held": [_meeting(text) for text in chain.from_iterable(given.held)],
        "closed": list(chain.from_iterable(given.closed)),
        **said,
    }


def _meeting(text: str) -> dict[str, str]:
    kind, equals, day = text.rpartition("=")
    return {"held_on": day, "meeting_kind": kind} if equals else {"held_on": day}


def _legible(text: str) -> str:
    """Return what was typed: nothing that can be meant has other letters, and bytes of no text cannot go into JSON."""
    return text.encode("ascii", "replace").decode()


def _said_of(fault: Fault) -> str:
    """Return a fault as a sentence that begins with the option it lies in; ``--held 2`` is the second day given."""
    _, member, *rest = fault.pointer.split("/")
    option = "--pack" if member == "packs" else f"--{member.replace('_', '-')}"
    place = f" {int(rest[0]) + 1}" if rest else ""
    return f"{option}{place}: {_own_names(fault.message).removesuffix('.')}"


def _own_names(message: str) -> str:
    return re.sub(r"\b(accommodated|placed)_(on|at)\b", r"--\1-\2", message)


def _width() -> int:
    return max(_NARROWEST, min(shutil.get_terminal_size().columns, _WIDEST))


def _lines(answer: DatesAnswer, width: int) -> Iterator[str]:
    """Yield the answer for people, in lines no longer than ``width`` where its columns leave room for titles."""
    used = listed([f"{pack.pack} ({pack.edition})" for pack in answer.packs])
    yield from wrap(f"By {used}; statuses as on {_day(answer.on)}.", width)
    yield ""
    notes = list(dict.fromkeys(note for review in answer.reviews for note in review.explanation.notes))
    if answer.reviews:
        yield from _table(answer.reviews, notes, width)
    else:
        yield _NOTHING
    yield from _closing(answer, notes, width)


def _table(reviews: Sequence[CalculatedReviewView], notes: Sequence[str], width: int) -> Iterator[str]:
    rows = [_cells(review) for review in reviews]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    widths[0] = max(_NARROWEST_TITLE, min(widths[0], width - sum(widths[1:]) - len(_BETWEEN) * (len(widths) - 1)))
    yield _row(_HEADINGS, widths)
    for review, (title, *others) in zip(reviews, rows, strict=True):
        first, *more = wrap(title, widths[0])
        yield _row((first, *others), widths)
        yield from more
        for paragraph in _why(review, notes):
            yield from wrap(paragraph, width, initial_indent=_INDENT, subsequent_indent=_INDENT)
        yield ""


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _BETWEEN.join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip()


def _cells(review: CalculatedReviewView) -> tuple[str, str, str, str]:
    due = _hour(review.due_at) if review.due_at else _day(review.due_on)
    return (review.title, due, _day(review.last_working_day_on), _standing(review))


def _standing(review: CalculatedReviewView) -> str:
    return f"held {_days(review.days_late)} late" if review.days_late else review.status.value.replace("_", " ")


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _day(day: date | None) -> str:
    return f"{weekday_words(day)[:3]} {_short(day)}" if day else "-"


def _hour(instant: datetime) -> str:
    local = instant.astimezone(CIVIL_ZONE)
    return f"{_day(local.date())} {local:%H:%M}"


def _short(day: date) -> str:
    number, month, year = date_words(day).split()
    return f"{number} {month[:3]} {year}"


def _why(review: CalculatedReviewView, notes: Sequence[str]) -> Iterator[str]:
    """Yield the paragraphs below a review; its notes are named by the numbers they have at the end."""
    why = review.explanation
    held = f" Held on {date_words(review.held_on)}." if review.held_on else ""
    yield f"{why.arithmetic} Counted from {why.anchor.description}.{held}"
    if review.closed_because:
        yield review.closed_because
    numbers = [str(notes.index(note) + 1) for note in why.notes]
    see = f" See note{'s' if numbers[1:] else ''} {listed(numbers)}." if numbers else ""
    yield f"{why.citation} ({why.basis.value.replace('_', ' ')}), {_checked(why)}.{see}"


def _checked(why: ExplanationView) -> str:
    if why.verified_by is None or why.verified_on is None:
        return _UNVERIFIED
    return f"verified on {date_words(why.verified_on)} by {why.verified_by}"


def _closing(answer: DatesAnswer, notes: Sequence[str], width: int) -> Iterator[str]:
    """Yield what is said once, below all reviews."""
    for number, note in enumerate(notes, start=1):
        yield from _paragraph(f"[{number}] {note}", width, " " * len(f"[{number}] "))
    if notes:
        yield ""
    for meeting in answer.not_counted:
        kind = meeting.meeting_kind.value.replace("_", " ")
        yield from _paragraph(f"The meeting of {date_words(meeting.held_on)} ({kind}) is none of these.", width)
    for rule in answer.not_asked:
        yield from _paragraph(f"{rule.title} ({rule.pack}): counted from {rule.event}, which is not asked here.", width)
    for sentence in _said_once(answer.reviews):
        yield from _paragraph(sentence, width)


def _said_once(reviews: Sequence[CalculatedReviewView]) -> Iterator[str]:
    if any(review.explanation.anchor.event_type is None for review in reviews):
        yield _PROVISIONAL
    if any(review.what is not What.REVIEW for review in reviews):
        yield _MEETINGS_ONLY
    if any(review.last_working_day_on not in (None, review.due_on) for review in reviews):
        yield _WORKING_DAY
    if any(not review.explanation.verified for review in reviews):
        yield f"{_UNVERIFIED}: nobody has yet checked such a rule against the law as it now stands."
    yield _ADVICE


def _paragraph(text: str, width: int, indent: str = "") -> list[str]:
    return wrap(text, width, subsequent_indent=indent)
