"""``python -m services.embedded``: all of Homeward in this process."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from services.embedded.program import main
from shared.runtime.serve import UNUSABLE_SETTINGS


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong, and where to read what can be set."""
        wrong = message if message.isprintable() else ascii(message)
        sys.stderr.write(f"homeward: {wrong}; `{self.prog} --help` shows how it is set.\n")
        self.exit(UNUSABLE_SETTINGS)


if __name__ == "__main__":
    _Parser(
        prog="python -m services.embedded",
        description="Run all of Homeward in this process until Ctrl-C: the services and, unless HOMEWARD_DATABASE_URL "
        "names another database, a PostgreSQL of its own. `make run` does the same.",
        epilog="It takes no arguments. What can be set is set with environment variables that begin with HOMEWARD_: "
        "see docs/reference/settings.md.",
        allow_abbrev=False,
    ).parse_args()
    raise SystemExit(main())
