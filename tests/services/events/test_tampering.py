"""Whatever a superuser of the database does to the log, the chain, its heads or the heads kept elsewhere tell of it.

Each deed is told by four voices: the store, the API, the operator's command, and the
inspector's script, which shares no code with the others.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.verify import BROKEN
from services.events.store.chain import Verifier
from services.events.store.connection import Pool
from shared.domain.verification import Finding, Wrong
from shared.identity.keys import ApiKey
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
    sign_anew,
    signed_log,
    superuser,
)
from tests.support.clock import SettableClock

ROW = "authority_id = $1 AND position = 3"
Deed = Callable[[Any, SignedLog], Awaitable[None]]


@pytest.fixture
async def log(client: httpx.AsyncClient, pool: Pool, clock: SettableClock, key: ApiKey) -> SignedLog:
    """Return a log of ten events with signed heads at the fourth and the eighth."""
    return await signed_log(client, pool, clock, key)


@dataclass(frozen=True, slots=True)
class Tampering:
    """SQL that changes the log, with ``$1`` for its authority, then what else is done, and what tells of it.

    ``offline`` is the position that the inspector's script names where that is another one.
    """

    sql: Sequence[str]
    position: int
    code: Wrong
    chained_since: int | None = None
    signed_by: Any = None
    offline: int | None = None
    heads_only: bool = False


def set_column(assignment: str, code: Wrong = Wrong.LINK_BROKEN, **more: Any) -> Tampering:
    return Tampering([f"UPDATE events.event SET {assignment} WHERE {ROW}"], 3, code, **more)


SHIFT_UP = (
    "UPDATE events.event SET position = position + 100 WHERE authority_id = $1 AND position >= 3",
    "UPDATE events.event SET position = position - 99 WHERE authority_id = $1 AND position > 100",
)
SHIFT_DOWN = (
    "UPDATE events.event SET position = position + 100 WHERE authority_id = $1 AND position > 3",
    "UPDATE events.event SET position = position - 101 WHERE authority_id = $1 AND position > 100",
)
WITHDRAW = f"DELETE FROM events.event WHERE {ROW}"
FORGE = """
INSERT INTO events.event (authority_id, position, source, event_id, stream, stream_position, type, recorded_at, body,
                          digest, recorded_by, link)
SELECT authority_id, 3, source, 'forged', stream, 99, type, recorded_at,
    convert_to(replace(convert_from(body, 'UTF8'), event_id, 'forged'), 'UTF8'),
    sha256(convert_to(replace(convert_from(body, 'UTF8'), event_id, 'forged'), 'UTF8')), recorded_by, link
FROM events.event WHERE authority_id = $1 AND position = 2
"""
SWAP = (
    "UPDATE events.event SET position = 100 WHERE authority_id = $1 AND position = 3",
    "UPDATE events.event SET position = 3 WHERE authority_id = $1 AND position = 6",
    "UPDATE events.event SET position = 6 WHERE authority_id = $1 AND position = 100",
)
OTHER_BODY = "body = convert_to(replace(convert_from(body, 'UTF8'), '2026-01-15', '2026-01-16'), 'UTF8')"
OTHER_DIGEST = "digest = sha256(convert_to(replace(convert_from(body, 'UTF8'), '2026-01-15', '2026-01-16'), 'UTF8'))"
REWRITE = f"UPDATE events.event SET {OTHER_BODY}, {OTHER_DIGEST} WHERE {ROW}"
CUT = "DELETE FROM events.event WHERE authority_id = $1 AND position >= 7"
CUT_HEADS = "DELETE FROM events.signed_head WHERE authority_id = $1 AND position >= 7"
HEAD = "UPDATE events.signed_head SET {} WHERE authority_id = $1 AND position = 4"

DEEDS = {
    "the bytes": set_column(OTHER_BODY, Wrong.BODY_ALTERED),
    "the bytes, to what is no text": set_column("body = '\\xff'", Wrong.BODY_ALTERED),
    "the digest": set_column("digest = sha256('x')"),
    "the bytes with their digest": set_column(f"{OTHER_BODY}, {OTHER_DIGEST}"),
    "the type": set_column("type = 'child.accommodated'", Wrong.COLUMNS_ALTERED),
    "the source": set_column("source = '/elsewhere'", Wrong.COLUMNS_ALTERED),
    "the id": set_column("event_id = 'other'", Wrong.COLUMNS_ALTERED),
    "the stream": set_column("stream = 'child-zz'", Wrong.COLUMNS_ALTERED),
    "the place in the stream": set_column("stream_position = 99"),
    "when it was recorded": set_column("recorded_at = recorded_at + interval '1 microsecond'"),
    "who recorded it": set_column("recorded_by = 'somebody'"),
    "the link": set_column("link = sha256('x')"),
    "an event taken out": Tampering([WITHDRAW], 3, Wrong.POSITION_MISSING),
    "the first event taken out": Tampering(
        ["DELETE FROM events.event WHERE authority_id = $1 AND position = 1"], 1, Wrong.POSITION_MISSING
    ),
    "an event taken out and the gap closed": Tampering([WITHDRAW, *SHIFT_DOWN], 3, Wrong.LINK_BROKEN),
    "a forged event put in between": Tampering([*SHIFT_UP, FORGE], 3, Wrong.LINK_BROKEN),
    "two events exchanged": Tampering(SWAP, 3, Wrong.LINK_BROKEN),
    "an event of another council's log": Tampering(
        [f"UPDATE events.event SET authority_id = 'elsewhere-' || $1 WHERE {ROW}"], 3, Wrong.POSITION_MISSING
    ),
    "an alteration, and the chain computed anew": Tampering([REWRITE], 4, Wrong.HEAD_DIFFERS, chained_since=3),
    "a forged event, and the chain computed anew": Tampering(
        [*SHIFT_UP, FORGE], 4, Wrong.HEAD_DIFFERS, chained_since=3
    ),
    "a gap closed, and the chain computed anew": Tampering(
        [WITHDRAW, *SHIFT_DOWN], 4, Wrong.HEAD_DIFFERS, chained_since=3
    ),
    "two events exchanged, and the chain computed anew": Tampering(SWAP, 4, Wrong.HEAD_DIFFERS, chained_since=3),
    "all of it again with another key": Tampering(
        [REWRITE, "DELETE FROM events.signing_key WHERE authority_id = $1 AND key_id <> 'x'"],
        4,
        Wrong.HEAD_KEY_UNKNOWN,
        chained_since=3,
        signed_by=STRANGER,
    ),
    "the end cut off": Tampering([CUT], 7, Wrong.LOG_ENDS_EARLY, heads_only=True),
    "the link of a signed head": Tampering([HEAD.format("link = sha256('x')")], 4, Wrong.HEAD_SIGNATURE),
    "the instant of a signed head": Tampering(
        [HEAD.format("signed_at = signed_at + interval '1 microsecond'")], 4, Wrong.HEAD_SIGNATURE
    ),
    "the signature of a signed head": Tampering(
        [HEAD.format("signature = sha256('x') || sha256('y')")], 4, Wrong.HEAD_SIGNATURE
    ),
    "the place of a signed head": Tampering([HEAD.format("position = 5")], 5, Wrong.HEAD_SIGNATURE, heads_only=True),
    "the key of a signed head": Tampering(
        [HEAD.format("key_id = '0123456789abcdef'")], 4, Wrong.HEAD_KEY_UNKNOWN, heads_only=True
    ),
    "the public key": Tampering(
        ["UPDATE events.signing_key SET public_key = sha256('x') WHERE authority_id = $1"], 4, Wrong.HEAD_KEY_UNKNOWN
    ),
}


async def commit(database_url: str, log: SignedLog, deed: Tampering) -> None:
    """Do it."""
    async with superuser(database_url) as connection:
        for statement in deed.sql:
            await connection.execute(statement, log.authority_id)
        if deed.chained_since is not None:
            await chain_anew(connection, log.authority_id, deed.chained_since)
        if deed.signed_by is not None:
            await sign_anew(connection, log, deed.signed_by)


async def found(pool: Pool, log: SignedLog, **more: Any) -> Finding | None:
    """Verify through the store, in pages so small that every place is also the edge of a page somewhere."""
    findings = []
    for limit in (1, 3, 1_000):
        verifier = Verifier(pool, log.authority_id, **more)
        while not verifier.over:
            await verifier.step(limit)
        findings.append(verifier.finding)
    assert findings[0] == findings[1] == findings[2]
    return findings[0]


@pytest.mark.parametrize("name", DEEDS)
async def test_every_deed_is_named_with_its_first_bad_position(
    database_url: str, pool: Pool, client: httpx.AsyncClient, log: SignedLog, name: str
) -> None:
    """The store and the API name the position and what is wrong, whatever was done."""
    deed = DEEDS[name]
    await commit(database_url, log, deed)

    keys = PublicKeys([SIGNER.public_key]) if deed.signed_by else None
    assert await found(pool, log, keys=keys) == Finding(deed.position, deed.code)
    if keys is None:
        verdict = (await client.get("/v1/log/verification")).json()
        assert (verdict["intact"], verdict["first_bad_position"], verdict["code"]) == (False, deed.position, deed.code)
        assert verdict["last"] == verdict["next_after"] < deed.position
        assert not verdict["at_head"]


@pytest.mark.parametrize("name", DEEDS)
async def test_the_operator_is_told(
    database_url: str, log: SignedLog, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`homeward verify` ends with 1 and says the position, the code and the meaning."""
    deed = DEEDS[name]
    await commit(database_url, log, deed)
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", database_url)

    pinned = ("--key", PUBLIC_KEY) if deed.signed_by else ()
    status, out, _ = operate(capsys, "verify", log.authority_id, *pinned)

    assert status == BROKEN
    assert f"{log.authority_id}: BROKEN at position {deed.position} ({deed.code})" in out
    assert Finding(deed.position, deed.code).message in out


@pytest.mark.parametrize("name", [name for name, deed in DEEDS.items() if not deed.heads_only])
async def test_the_inspector_finds_it_offline(
    database_url: str, pool: Pool, log: SignedLog, name: str, tmp_path: Path
) -> None:
    """The script refuses a proof of such a log, and names the same position."""
    deed = DEEDS[name]
    await commit(database_url, log, deed)

    status, out = await check_offline(tmp_path, await export(pool, log.authority_id), keys=[PUBLIC_KEY])

    assert status == 1, out
    named = re.match(r"BROKEN at position (\d+)", out)
    if deed.code is Wrong.HEAD_KEY_UNKNOWN and deed.signed_by is None:
        assert "nobody vouches" in out
    else:
        assert named is not None, out
        assert int(named[1]) == deed.position, out
