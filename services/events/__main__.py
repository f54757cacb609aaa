"""Run the events service by itself: ``python -m services.events``."""

from __future__ import annotations

from services.events.app import create_app
from shared.runtime.serve import run

if __name__ == "__main__":
    run("events", create_app, follows=False)
