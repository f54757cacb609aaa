"""Serve the scheduler: ``python -m services.scheduler``."""

from __future__ import annotations

from services.scheduler.app import SERVICE, create_app
from shared.runtime.serve import run

if __name__ == "__main__":
    run(SERVICE, create_app, follows=True)
