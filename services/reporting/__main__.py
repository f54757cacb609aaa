"""``python -m services.reporting``: serve reporting as a process of its own."""

from __future__ import annotations

from services.reporting.app import SERVICE, create_app
from shared.runtime.serve import serve
from shared.runtime.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), SERVICE, settings)
