"""A log with signed heads, and a superuser who changes it behind everybody's back."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from anyio import run_process

from services.events.store.connection import Pool
from services.events.store.heads import head_of, keep_head
from services.events.store.proof import Wanted, proof
from shared.domain.hash_chain import LeafFields, first_link, leaf, link
from shared.domain.signed_head import SignedHead, key_id_of
from shared.identity.keys import ApiKey
from shared.runtime.signing import Signer
from shared.wire.log_proof import head_view
from tests.meta.repository import ROOT
from tests.services.events.posting import post_lines, registered
from tests.support.clock import SettableClock

#: Where the heads of the log are signed; its last two events are not signed yet.
SIGNED_AT = (4, 8)
EVENTS = 10
SIGNER = Signer(b64encode(bytes(32)).decode())
STRANGER = Signer(b64encode(b"\1" * 32).decode())
PUBLIC_KEY = b64encode(SIGNER.public_key).decode()

_FIELDS = "position, stream, stream_position, type, source, event_id, recorded_at, recorded_by, digest"


@dataclass(frozen=True, slots=True)
class SignedLog:
    """A log of ``EVENTS`` events about two children in turn, and the heads that were signed meanwhile."""

    key: ApiKey
    heads: Sequence[SignedHead]

    @property
    def authority_id(self) -> str:
        return self.key.authority_id


async def signed_log(client: httpx.AsyncClient, pool: Pool, clock: SettableClock, key: ApiKey) -> SignedLog:
    """Append the events, each a second after the one before, and sign where ``SIGNED_AT`` says."""
    heads = []
    for position in range(1, EVENTS + 1):
        clock.set(clock.now() + timedelta(seconds=1))
        event = registered("ab"[position % 2], id=f"e{position}") | {"source": "/council/straße-№1"}
        answer = await post_lines(client, [event])
        assert answer.json()["accepted"] == 1, answer.text
        if position in SIGNED_AT:
            heads.append(await sign(pool, key.authority_id, clock, SIGNER))
    return SignedLog(key, heads)


async def sign(pool: Pool, authority_id: str, clock: SettableClock, signer: Signer) -> SignedHead:
    """Sign the head of a log."""
    async with pool.transaction() as connection:
        end = await head_of(connection, authority_id)
        assert end is not None
        head = signer.head(authority_id, end.position, end.link, clock.now())
        await keep_head(connection, head, signer.public_key)
    return head


@asynccontextmanager
async def superuser(database_url: str) -> AsyncIterator[Any]:
    """Yield a connection on which no trigger stops anything."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        yield connection
    finally:
        await connection.close()


async def chain_anew(connection: Any, authority_id: str, since: int) -> None:
    """Compute every link from position ``since`` on again, as the log would."""
    previous = await connection.fetchval(
        "SELECT link FROM events.event WHERE authority_id = $1 AND position = $2", authority_id, since - 1
    ) or first_link(authority_id)
    rows = await connection.fetch(
        f"SELECT {_FIELDS} FROM events.event WHERE authority_id = $1 AND position >= $2 ORDER BY position",
        authority_id,
        since,
    )
    for row in rows:
        previous = link(previous, leaf(LeafFields(authority_id, *row)))
        await connection.execute(
            "UPDATE events.event SET link = $3 WHERE authority_id = $1 AND position = $2",
            authority_id,
            row["position"],
            previous,
        )


async def sign_anew(connection: Any, log: SignedLog, signer: Signer) -> None:
    """Exchange every signed head for one that fits the log as it is now."""
    authority_id = log.authority_id
    await connection.execute("DELETE FROM events.signed_head WHERE authority_id = $1", authority_id)
    for head in log.heads:
        now = await connection.fetchval(
            "SELECT link FROM events.event WHERE authority_id = $1 AND position = $2", authority_id, head.position
        )
        forged = signer.head(authority_id, head.position, now, head.signed_at)
        await keep_head(connection, forged, signer.public_key)


def kept_lines(heads: Sequence[SignedHead], public_key: bytes = SIGNER.public_key) -> str:
    """Return signed heads as `homeward heads` prints them."""
    assert all(head.key_id == key_id_of(public_key) for head in heads)
    return "".join(head_view(head, public_key).model_dump_json() + "\n" for head in heads)


async def export(pool: Pool, authority_id: str, **wanted: Any) -> bytes:
    """Return a proof, in pages of four events so that both signed heads are in it."""
    return b"".join([piece async for piece in proof(pool, authority_id, Wanted(**wanted), page_rows=4)])


async def check_offline(folder: Path, *proofs: bytes, keys: Sequence[str], kept: str = "") -> tuple[int, str]:
    """Run the script for inspectors, in a Python that has nothing but its standard library."""
    files = []
    for number, text in enumerate(proofs):
        files.append(folder / f"proof-{number}.ndjson")
        files[-1].write_bytes(text)
    command = [sys.executable, "-I", "-S", "examples/check_proof.py", *map(str, files)]
    for key in keys:
        command += ["--key", key]
    if kept:
        (folder / "kept.jsonl").write_text(kept)
        command += ["--heads", str(folder / "kept.jsonl")]
    done = await run_process(command, cwd=ROOT, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()
