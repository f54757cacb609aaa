"""``python -m services.reporting``: serve reporting as a process of its own."""

from __future__ import annotations

from services.reporting.app import SERVICE, create_app
from shared.runtime.arguments import refuse_arguments
from shared.runtime.serve import run

if __name__ == "__main__":
    refuse_arguments(
        "services.reporting",
        "Serve reporting, which shows children's journeys and measures, as a process of its own until Ctrl-C. It needs "
        "HOMEWARD_DATABASE_URL and HOMEWARD_SERVICE_TOKEN, and listens on port 8003 unless HOMEWARD_PORT says "
        "otherwise.",
    )
    run(SERVICE, create_app, follows=True)
