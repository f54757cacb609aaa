"""Run the events service by itself: ``python -m services.events``."""

from __future__ import annotations

from services.events.app import create_app
from shared.runtime.arguments import refuse_arguments
from shared.runtime.serve import run

if __name__ == "__main__":
    refuse_arguments(
        "services.events",
        "Serve the events service, which keeps the logs, as a process of its own until Ctrl-C. It needs "
        "HOMEWARD_DATABASE_URL, and listens on port 8001 unless HOMEWARD_PORT says otherwise.",
    )
    run("events", create_app, follows=False)
