"""The HTTP operations of the scheduler: parse, call, render."""

from __future__ import annotations

from services.scheduler.api import dates, deliveries, endpoints, reviews, timetables
from services.scheduler.api.outgoing import webhooks

__all__ = ["ROUTERS", "webhooks"]

ROUTERS = (reviews.router, timetables.router, dates.router, endpoints.router, deliveries.router)
