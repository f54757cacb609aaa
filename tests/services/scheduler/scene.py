"""One council with its log, read by the scheduler's own loops, which tests turn by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.scheduler.delivery import Dispatcher, Sends
from services.scheduler.model import Endpoint, NoticeKind, StoredReview
from services.scheduler.refresh import Refresher
from services.scheduler.store import endpoints, reviews
from services.scheduler.store.events import leases, log_copy
from services.scheduler.tables import held_back, notice
from services.scheduler.tick import Tick
from services.scheduler.webhooks import new_secret
from services.scheduler.worker import ReviewProjector
from shared.client.event_log import Page
from shared.domain.envelope import RecordedEvent
from shared.identity.keys import ApiKey
from shared.runtime.database import create_engine
from shared.runtime.subscription import Consumer, EventReader, Subscription
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.events import Log
from tests.support.packs import load_pack

CHILD = "c-1"


class WrittenLog:
    """Reads what tests wrote by hand, in pages of a size that they choose."""

    def __init__(self, page: int = 1000) -> None:
        self.page = page
        self.logs: dict[str, list[RecordedEvent]] = {}

    async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> Page:
        del wait_seconds  # The loops are turned by hand.
        events = self.logs.get(authority_id, [])
        shown = events[after : after + min(limit, self.page)]
        return Page(shown, at_head=after + len(shown) == len(events), head=len(events))


@dataclass
class Scene:
    """A council, its log, and the loops of one scheduler process."""

    key: ApiKey
    engine: AsyncEngine
    clock: SettableClock
    log: Log
    reader: WrittenLog
    subscription: Subscription

    @property
    def authority_id(self) -> str:
        return self.key.authority_id

    async def catch_up(self) -> None:
        """Project everything in the log."""
        while await self.subscription.step(self.authority_id):
            pass

    def tick(self) -> Tick:
        return Tick(self.engine, self.clock, self.subscription.caught_up, pause_seconds=0.01)

    def refresher(self) -> Refresher:
        return Refresher(self.engine, self.clock, pause_seconds=0.01)

    async def tick_all(self) -> None:
        """Tick until nothing is due."""
        tick = self.tick()
        while await tick.step(self.authority_id):
            pass

    def dispatcher(self, sender: Sends, **settings: Any) -> Dispatcher:
        defaults = {"timeout_seconds": 2.0, "concurrency": 8, "pause_seconds": 0.01, "jitter": lambda: 0.0}
        return Dispatcher(self.engine, self.clock, sender, **{**defaults, **settings})

    async def add_endpoint(self, url: str, kinds: Sequence[NoticeKind] | None = None) -> tuple[UUID, str]:
        """Store an endpoint and return its id and secret."""
        secret = new_secret()
        endpoint = Endpoint(
            endpoint_id=uuid4(),
            url=url,
            kinds=None if kinds is None else tuple(kinds),
            description=None,
            enabled=True,
            created_at=self.clock.now(),
            disabled_at=None,
            disabled_because=None,
        )
        async with self.engine.begin() as connection:
            await endpoints.add(connection, self.authority_id, endpoint, secret)
        return endpoint.endpoint_id, secret

    async def reviews(self, child: str = CHILD) -> dict[UUID, StoredReview]:
        """Return the child's reviews as the table holds them."""
        async with self.engine.connect() as connection:
            found = await reviews.of_children(connection, self.authority_id, [child])
        return {each.review.review_id: each for each in found[child]}

    async def notices(self, kind: NoticeKind | None = None) -> list[dict[str, Any]]:
        """Return the bodies of the notices in order of position, with their ids and positions."""
        statement = select(notice).where(notice.c.authority_id == self.authority_id).order_by(notice.c.position)
        async with self.engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        found = [{"id": row.notice_id, "position": row.position, **orjson.loads(row.body)} for row in rows]
        return [each for each in found if kind is None or each["type"] == kind.value]

    async def held_back(self) -> list[str]:
        """Return the kinds of the notices that are held back as about the past."""
        statement = select(held_back.c.kind).where(held_back.c.authority_id == self.authority_id)
        async with self.engine.connect() as connection:
            return list(await connection.scalars(statement))


def following(
    engine: AsyncEngine, reader: EventReader, clock: SettableClock, projector: ReviewProjector | None = None
) -> Subscription:
    """Return the scheduler's subscription, by default with the projector that it has when it runs."""
    consumer = Consumer(engine, reader, projector or ReviewProjector(clock), log_copy, leases, clock)
    return Subscription(consumer, lease_seconds=1.0)


@asynccontextmanager
async def scene(database_url: str, clock: SettableClock, *, page: int = 1000) -> AsyncIterator[Scene]:
    """Yield a council of its own on a database."""
    key = await new_authority(database_url)
    engine = create_engine(database_url, service="scheduler", pool_size=5)
    log = Log(key.authority_id)
    reader = WrittenLog(page)
    reader.logs[key.authority_id] = log.events
    try:
        yield Scene(key, engine, clock, log, reader, following(engine, reader, clock))
    finally:
        await engine.dispose()


def accommodate(log: Log, on: date | str, child: str = CHILD, **given: Any) -> None:
    """Record that a child was accommodated and began to live with foster carers."""
    stream = f"child-{child}"
    log.add("child.accommodated", stream, on, episode_id=f"ep-{child}", legal_reason="section_25", **given)
    log.add("home.started", stream, on, home_id=f"home-{child}", home_kind="foster", **given)


def hold_review(log: Log, on: date | str, child: str = CHILD, *, recorded_at: datetime | None = None) -> None:
    """Record that a Looked After Child Review was held."""
    log.add(
        "meeting.held",
        f"child-{child}",
        on,
        recorded_at=recorded_at,
        meeting_id=f"m-{on}",
        meeting_kind="looked_after_child_review",
    )


def adopt(log: Log, on: date | str, *, effective_on: str, pack: str = "two-week-planning-meeting") -> None:
    """Record that the council adopted the latest edition of a pack."""
    edition = load_pack(pack).edition
    log.add("timetable.adopted", "authority", on, pack=pack, edition=edition, effective_on=effective_on)
