"""``python -m services.reporting``: serve reporting as a process of its own."""

from __future__ import annotations

from services.reporting.app import SERVICE, create_app
from shared.runtime.serve import run

if __name__ == "__main__":
    run(SERVICE, create_app, follows=True)
