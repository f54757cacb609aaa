"""What only signed heads that were kept elsewhere, or public keys that were, can tell."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from services.cli.verify import BROKEN, INTACT
from services.events.app import create_app
from services.events.store.chain import Verifier
from services.events.store.connection import Pool, open_pool
from shared.domain.signed_head import Keyring, SignedHead
from shared.domain.verification import Finding, Wrong
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from shared.runtime.signing import PublicKeys
from tests.services.cli.operating import operate
from tests.services.events.tampering import (
    PUBLIC_KEY,
    SIGNER,
    STRANGER,
    SignedLog,
    chain_anew,
    check_offline,
    export,
    kept_lines,
    sign_anew,
    signed_log,
    superuser,
)
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority

REWRITE = "UPDATE events.event SET recorded_by = 'somebody' WHERE authority_id = $1 AND position = 3"
COPIED = "source, event_id, stream, stream_position, type, recorded_at, body, digest, recorded_by, link"
CUT = "DELETE FROM events.event WHERE authority_id = $1 AND position >= $2"
CUT_HEADS = "DELETE FROM events.signed_head WHERE authority_id = $1 AND position >= $2"


@pytest.fixture
async def log(client: httpx.AsyncClient, pool: Pool, clock: SettableClock, key: ApiKey) -> SignedLog:
    """Return a log of ten events with signed heads at the fourth and the eighth."""
    return await signed_log(client, pool, clock, key)


async def found(
    pool: Pool, authority_id: str, kept: list[SignedHead] | None = None, keys: Keyring | None = None
) -> Finding | None:
    verifier = Verifier(pool, authority_id, kept=kept or [], keys=keys)
    while not verifier.over:
        await verifier.step()
    return verifier.finding


async def test_an_end_cut_off_with_its_heads(
    *,
    database_url: str,
    pool: Pool,
    log: SignedLog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing in the database tells of it; a head kept elsewhere does, to the operator and to the inspector."""
    async with superuser(database_url) as connection:
        await connection.execute(CUT, log.authority_id, 7)
        await connection.execute(CUT_HEADS, log.authority_id, 7)
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", database_url)
    (tmp_path / "kept").write_text(kept_lines(log.heads))
    proof = await export(pool, log.authority_id)

    assert await found(pool, log.authority_id) is None
    assert await found(pool, log.authority_id, list(log.heads)) == Finding(7, Wrong.LOG_ENDS_EARLY)
    assert operate(capsys, "verify", log.authority_id)[0] == INTACT
    status, out, _ = operate(capsys, "verify", log.authority_id, "--heads", str(tmp_path / "kept"))
    assert (status, "position 7 (log_ends_early)" in out) == (BROKEN, True)
    assert (await check_offline(tmp_path, proof, keys=[PUBLIC_KEY]))[0] == 0
    status, out = await check_offline(tmp_path, proof, keys=[PUBLIC_KEY], kept=kept_lines(log.heads))
    assert (status, out.startswith("BROKEN at position 7")) == (1, True)


async def test_a_log_written_anew_with_the_stolen_signing_key(
    database_url: str, pool: Pool, log: SignedLog, tmp_path: Path
) -> None:
    """Chain and signatures all fit; a head kept elsewhere tells of another event."""
    async with superuser(database_url) as connection:
        await connection.execute(REWRITE, log.authority_id)
        await chain_anew(connection, log.authority_id, 3)
        await sign_anew(connection, log, SIGNER)
    proof = await export(pool, log.authority_id)

    assert await found(pool, log.authority_id, keys=PublicKeys([SIGNER.public_key])) is None
    assert await found(pool, log.authority_id, list(log.heads)) == Finding(4, Wrong.KEPT_HEAD_DIFFERS)
    assert (await check_offline(tmp_path, proof, keys=[PUBLIC_KEY]))[0] == 0
    status, out = await check_offline(tmp_path, proof, keys=[PUBLIC_KEY], kept=kept_lines(log.heads))
    assert (status, out.startswith("BROKEN at position 4")) == (1, True)


async def test_a_log_written_anew_with_a_key_of_their_own(database_url: str, pool: Pool, log: SignedLog) -> None:
    """Keys that are taken from the database fit what is in it; a key known from elsewhere does not."""
    async with superuser(database_url) as connection:
        await connection.execute(REWRITE, log.authority_id)
        await chain_anew(connection, log.authority_id, 3)
        await connection.execute("DELETE FROM events.signing_key WHERE authority_id = $1", log.authority_id)
        await sign_anew(connection, log, STRANGER)

    assert await found(pool, log.authority_id) is None
    pinned = PublicKeys([SIGNER.public_key])
    assert await found(pool, log.authority_id, keys=pinned) == Finding(4, Wrong.HEAD_KEY_UNKNOWN)


async def test_what_no_head_has_reached_can_vanish(database_url: str, pool: Pool, log: SignedLog) -> None:
    """The events behind the last signed head are bound by the chain only: cutting them off leaves no trace."""
    async with superuser(database_url) as connection:
        await connection.execute(CUT, log.authority_id, 9)

    assert await found(pool, log.authority_id, list(log.heads)) is None


async def test_a_whole_log_that_is_gone(
    database_url: str,
    log: SignedLog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Heads kept elsewhere name a log that has no events, and even one whose authority is not known any longer."""
    async with superuser(database_url) as connection:
        await connection.execute(CUT, log.authority_id, 1)
        await connection.execute(CUT_HEADS, log.authority_id, 1)
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", database_url)
    (tmp_path / "kept").write_text(kept_lines(log.heads))

    assert operate(capsys, "verify", log.authority_id)[0] == INTACT
    status, out, _ = operate(capsys, "verify", log.authority_id, "--heads", str(tmp_path / "kept"))
    assert (status, "position 1 (log_ends_early)" in out) == (BROKEN, True)


@pytest.mark.parametrize(
    ("position", "finding"),
    [(3, Finding(3, Wrong.POSITION_DOUBLED)), (0, Finding(0, Wrong.POSITION_OUT_OF_ORDER))],
)
async def test_rows_that_the_constraints_forbid(
    fresh_database_url: str, clock: SettableClock, position: int, finding: Finding
) -> None:
    """A superuser who takes the constraints away and puts a row where none can be is found out."""
    key = await new_authority(fresh_database_url)
    settings = Settings(database_url=fresh_database_url)
    app = create_app(settings, clock=clock)
    async with open_pool(fresh_database_url, size=2) as pool, asgi_client(app, key) as client:
        log = await signed_log(client, pool, clock, key)
        async with superuser(fresh_database_url) as connection:
            for constraint in await connection.fetch(
                "SELECT conname FROM pg_constraint WHERE conrelid = 'events.event'::regclass AND contype <> 'n'"
            ):
                await connection.execute(f'ALTER TABLE events.event DROP CONSTRAINT "{constraint["conname"]}"')
            await connection.execute("ALTER DOMAIN events.place DROP CONSTRAINT place_check")
            await connection.execute(
                f"INSERT INTO events.event (authority_id, position, {COPIED}) "
                f"SELECT authority_id, $2::bigint, {COPIED} FROM events.event WHERE authority_id = $1 AND position = 3",
                log.authority_id,
                position,
            )

        for limit in (1, 2, 3, 100):
            verifier = Verifier(pool, log.authority_id)
            while not verifier.over:
                await verifier.step(limit)
            assert verifier.finding == finding
