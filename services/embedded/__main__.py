"""``python -m services.embedded``: all of Homeward in this process."""

from __future__ import annotations

from services.embedded.program import main
from shared.runtime.arguments import refuse_arguments

if __name__ == "__main__":
    refuse_arguments(
        "services.embedded",
        "Run all of Homeward in this process until Ctrl-C: the services and, unless HOMEWARD_DATABASE_URL "
        "names another database, a PostgreSQL of its own. `make run` does the same.",
    )
    raise SystemExit(main())
