"""The HTTP operations of the scheduler: parse, call, render."""

from __future__ import annotations

from services.scheduler.api import (
    calendars,
    changes,
    dates,
    deliveries,
    endpoints,
    held_back,
    reviews,
    timetables,
    what_if,
)
from services.scheduler.api.outgoing import webhooks

__all__ = ["ROUTERS", "webhooks"]

ROUTERS = (
    reviews.router,
    changes.router,
    calendars.router,
    timetables.router,
    dates.router,
    what_if.router,
    endpoints.router,
    deliveries.router,
    held_back.router,
)
