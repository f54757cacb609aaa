"""Run one benchmark: ``python -m benchmarks append|feed|growth|reading|rebuild [--json] [--rounds N]``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import uvloop

from benchmarks import append, feed, growth, reading, rebuild
from benchmarks.figures import Figure, print_json, print_table

BENCHMARKS: dict[str, Callable[[int, float], Coroutine[Any, Any, list[Figure]]]] = {
    "append": append.run,
    "rebuild": rebuild.run,
    "feed": feed.run,
    "growth": growth.run,
    "reading": reading.run,
}
#: Those that compare what a client reads or writes: on the loop of the service, for the sake of both sides.
ON_SERVICE_LOOP = frozenset({"append", "feed", "growth"})


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios: higher is better.")
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print one JSON line for each figure")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each with every trial once (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one trial (default 1.0)")
    parser.add_argument("--events", type=int, default=growth.EVENTS, help="growth: size of the log at its end")
    arguments = parser.parse_args()
    benchmark = BENCHMARKS[arguments.name]
    if arguments.name == "growth":
        benchmark = partial(growth.run, events=arguments.events)
    run = uvloop.run if arguments.name in ON_SERVICE_LOOP else asyncio.run
    figures = run(benchmark(arguments.rounds, arguments.seconds))
    (print_json if arguments.json else print_table)(figures)


if __name__ == "__main__":
    main()
