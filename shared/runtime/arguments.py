"""The arguments of a program that takes none: what is typed all the same is refused, and `--help` says what it does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from shared.runtime.serve import UNUSABLE_SETTINGS


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong, and where to read what can be set."""
        wrong = message if message.isprintable() else ascii(message)
        sys.stderr.write(f"homeward: {wrong}; `{self.prog} --help` shows how it is set.\n")
        self.exit(UNUSABLE_SETTINGS)


def refuse_arguments(program: str, does: str, arguments: Sequence[str] | None = None) -> None:
    """End ``python -m program`` with status 2 and a sentence if there are any ``arguments`` (default: those typed).

    ``does`` is a sentence that says what it does, for ``--help``, which ends it with 0.
    """
    parser = _Parser(
        prog=f"python -m {program}",
        description=does,
        epilog="It takes no arguments. What can be set is set with environment variables that begin with HOMEWARD_: "
        f"see docs/reference/settings.md. One that cannot be used ends it with {UNUSABLE_SETTINGS}.",
        allow_abbrev=False,
    )
    parser.parse_args(arguments)
