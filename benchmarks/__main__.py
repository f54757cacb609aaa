"""Run one benchmark: ``python -m benchmarks append|feed|growth|reading|rebuild|tick [--json] [--rounds N]``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import uvloop

from benchmarks import append, feed, growth, reading, rebuild, tick
from benchmarks.figures import Figure, print_json, print_table

BENCHMARKS: dict[str, Callable[[int, float], Coroutine[Any, Any, list[Figure]]]] = {
    "append": append.run,
    "rebuild": rebuild.run,
    "feed": feed.run,
    "growth": growth.run,
    "reading": reading.run,
    "tick": tick.run,
}
#: Those that compare what a client reads or writes: on the loop of the service, for the sake of both sides.
ON_SERVICE_LOOP = frozenset({"append", "feed", "growth"})

#: What each measures, and about how long it takes as it is called below, on the machine of the design's figures.
MEASURES = {
    "append": "durable appends, by the store and over HTTP, against plain rows in PostgreSQL (3 minutes)",
    "feed": "reading pages against a plain select, and push against NOTIFY (1 minute)",
    "growth": "what an append and a page cost, and the memory held, as the log grows to --events (2 minutes)",
    "reading": "checking posted events, against decoding their JSON; no server is started (half a minute)",
    "tick": "10,000 thresholds crossed among up to a million reviews, against plain inserts (4 minutes)",
    "rebuild": "making both projections anew, against only reading the same log (2 minutes; --seconds does nothing)",
}
EPILOG = """All but reading start a PostgreSQL of their own in a temporary folder, and remove it at the end:
nothing of yours is touched. The times are of two cores and the default rounds and seconds.
Measure while nothing else runs. What was measured, and what each figure means, stands in
docs/design/event-log.md, Figures."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    measures = "\n".join(f"  {name:<9}{what}" for name, what in MEASURES.items())
    program = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Homeward against what its machine can do at best. Ratios: higher is better.",
        epilog=f"what each measures:\n{measures}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    program.add_argument("name", choices=sorted(BENCHMARKS), help="which to run; see below")
    program.add_argument("--json", action="store_true", help="print one JSON line for each figure")
    program.add_argument("--rounds", type=int, default=5, help="rounds, each with every trial once (default 5)")
    program.add_argument("--seconds", type=float, default=1.0, help="length of one trial (default 1.0)")
    program.add_argument(
        "--events", type=int, help=f"growth only: size of the log at its end (default {growth.EVENTS:,})"
    )
    return program


def main() -> None:
    """Read the command line, run, print."""
    reads = parser()
    arguments = reads.parse_args()
    if arguments.events is not None and arguments.name != "growth":
        reads.error("--events is growth's only")
    benchmark = BENCHMARKS[arguments.name]
    if arguments.events is not None:
        benchmark = partial(growth.run, events=arguments.events)
    run = uvloop.run if arguments.name in ON_SERVICE_LOOP else asyncio.run
    figures = run(benchmark(arguments.rounds, arguments.seconds))
    (print_json if arguments.json else print_table)(figures)


if __name__ == "__main__":
    main()
