"""Serve the scheduler: ``python -m services.scheduler``."""

from __future__ import annotations

from services.scheduler.app import SERVICE, create_app
from shared.runtime.arguments import refuse_arguments
from shared.runtime.serve import run

if __name__ == "__main__":
    refuse_arguments(
        "services.scheduler",
        "Serve the scheduler, which tells what reviews are due and when, as a process of its own until Ctrl-C. It "
        "needs HOMEWARD_DATABASE_URL and HOMEWARD_SERVICE_TOKEN, and listens on port 8002 unless HOMEWARD_PORT says "
        "otherwise.",
    )
    run(SERVICE, create_app, follows=True)
