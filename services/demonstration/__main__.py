"""``python -m services.demonstration``: write a made-up council's events to standard output.

One CloudEvent a line, in the order in which the case system recorded them: a sample for
integrators, and the very stream that ``homeward`` loads for a demonstration.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date

from services.demonstration.council import generate
from services.demonstration.ndjson import lines
from shared.domain.clock import Clock, SystemClock, civil_date

DEFAULT_SEED = 1


def main(arguments: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Write the events that ``arguments`` ask for; return the exit status: 1 if nobody reads them to the end."""
    chosen = _parser(civil_date((clock or SystemClock()).now())).parse_args(arguments)
    try:
        sys.stdout.buffer.writelines(lines(generate(chosen.seed, chosen.until, chosen.years)))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python would write what is left at the end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _parser(today: date) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.demonstration",
        description="Write the events of a made-up council as newline-delimited CloudEvents.",
    )
    parser.add_argument("--seed", type=_whole, default=DEFAULT_SEED, help="another seed, another council (default: 1)")
    parser.add_argument(
        "--until",
        type=_day,
        default=today,
        metavar="YYYY-MM-DD",
        help="the day of loading; nothing occurs or is recorded on or after it (default: today)",
    )
    parser.add_argument(
        "--years", type=_positive, default=3, help="for how many years children were accommodated (default: 3)"
    )
    return parser


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError("this is a whole number") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is written YYYY-MM-DD") from None


def _positive(text: str) -> int:
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least one year")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
