"""Run the events service by itself: ``python -m services.events``."""

from __future__ import annotations

from services.events.app import create_app
from shared.runtime.serve import serve
from shared.runtime.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), "events", settings)
