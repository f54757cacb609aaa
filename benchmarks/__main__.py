"""Run one benchmark: ``python -m benchmarks append [--json] [--rounds N] [--seconds S]``."""

from __future__ import annotations

import argparse
import asyncio

from benchmarks import append
from benchmarks.figures import print_json, print_table

BENCHMARKS = {"append": append.run}


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios: higher is better.")
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print one JSON line for each figure")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each with every trial once (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one trial (default 1.0)")
    arguments = parser.parse_args()
    figures = asyncio.run(BENCHMARKS[arguments.name](arguments.rounds, arguments.seconds))
    (print_json if arguments.json else print_table)(figures)


if __name__ == "__main__":
    main()
