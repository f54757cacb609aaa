"""The HTTP operations of reporting: parse, call, render."""

from __future__ import annotations

from services.reporting.api import journeys, measures

__all__ = ["ROUTERS"]

ROUTERS = (journeys.router, measures.router)
