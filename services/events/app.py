"""The events service, put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.events.api import append, facts, live, proof, read, reference
from services.events.api.arriving import Arriving
from services.events.api.turns import turns_over
from services.events.appender import COMMIT_SECONDS, Appender
from services.events.hints import Hints
from services.events.store.connection import Pool, open_pool
from services.events.wake import Wake
from services.events.worker import HeadSigner
from shared.domain.clock import Clock, SystemClock
from shared.policies.loader import known_packs
from shared.runtime.app import build_app
from shared.runtime.background import Background, Loop
from shared.runtime.durability import Durability
from shared.runtime.readiness import Readiness
from shared.runtime.resources import Resources, open_resources
from shared.runtime.settings import Settings
from shared.runtime.signing import Signer

log = logging.getLogger(__name__)


def create_app(
    settings: Settings, *, clock: Clock | None = None, events_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the app; ``events_transport`` is taken for the sake of one shape, this service reads no other."""
    del events_transport
    chosen_clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_resources(app, settings, "events", chosen_clock) as opened,
            open_pool(str(settings.database_url), size=settings.pool_size) as pool,
            # Of its own, so that whoever reads much keeps nobody from appending.
            open_pool(str(settings.database_url), size=settings.pool_size, loan_seconds=COMMIT_SECONDS) as appending,
        ):
            app.state.pool = pool
            app.state.editions = frozenset((pack.pack, pack.edition) for pack in known_packs())
            app.state.wake = wake = Wake(pool)
            app.state.before_stop = wake.stop
            app.state.arriving = Arriving()
            app.state.turns = turns_over(settings.pool_size)
            app.state.appender = Appender(appending, opened.clock, wake.appended)
            app.state.durability = Durability(opened.engine)
            async with _signing(app, settings, opened, pool), _waking(app, settings, pool, wake):
                try:
                    yield
                finally:
                    await app.state.appender.close()

    async def readiness() -> Readiness:
        background: Background = app.state.background
        checks = {"database": await app.state.resources.database_check(), "appender": app.state.appender.check()}
        waking: Background = app.state.waking
        return Readiness(
            checks=checks | background.checks() | waking.checks(),
            degraded=background.degraded(),
            warnings=app.state.durability.warnings,
            figures={"hints": app.state.hints.state, "signing_key_id": app.state.signing_key_id},
        )

    app = build_app(
        service="events",
        summary="The append-only log: append CloudEvents, read the feed.",
        routers=(append.router, live.router, read.router, facts.router, proof.router, reference.router),
        lifespan=lifespan,
        readiness=readiness,
        plain=(append.PLAIN, read.PLAIN),
    )
    return app


@asynccontextmanager
async def _signing(app: FastAPI, settings: Settings, opened: Resources, pool: Pool) -> AsyncIterator[None]:
    """Sign the heads of the logs beside the requests, and once more when no request can append any longer."""
    signers: dict[str, HeadSigner] = {}
    app.state.signing_key_id = None
    if settings.signing_key is None:
        log.warning("HOMEWARD_SIGNING_KEY is not set: logs are chained, and no head of them is signed")
    else:
        signer = Signer(settings.signing_key.get_secret_value())
        app.state.signing_key_id = signer.key_id
        signers["signing"] = HeadSigner(pool, opened.engine, opened.clock, signer, seconds=settings.sign_seconds)
    loops: dict[str, Loop] = {"durability": app.state.durability, **signers}
    app.state.background = Background("events", loops)
    app.state.background.start()
    try:
        yield
    finally:
        await app.state.background.stop()
        for each in signers.values():
            await each.close()


@asynccontextmanager
async def _waking(app: FastAPI, settings: Settings, pool: Pool, wake: Wake) -> AsyncIterator[None]:
    """Wake those who wait for events, whichever process appended them; at the end let all of them go."""
    app.state.hints = hints = Hints(str(settings.listen_url or settings.database_url), pool, wake.hinted)
    wake.hint_with(hints.tell)
    app.state.waking = Background("events", {"wake": wake, "hints": hints})
    app.state.waking.start()
    try:
        yield
    finally:
        wake.stop()
        await app.state.waking.stop()
