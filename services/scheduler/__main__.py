"""Serve the scheduler: ``python -m services.scheduler``."""

from __future__ import annotations

from services.scheduler.app import SERVICE, create_app
from shared.runtime.serve import serve
from shared.runtime.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), SERVICE, settings)
