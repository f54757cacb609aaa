"""``homeward heads`` and ``homeward proof``: what can be kept, handed over and checked elsewhere.

::

    homeward heads [AUTHORITY ...]                          signed heads as lines of JSON, to keep elsewhere
    homeward proof AUTHORITY [--stream STREAM [--others hashed|named]] > FILE
                                                            what examples/check_proof.py checks
"""

from __future__ import annotations

import argparse

from services.cli import arguments
from services.cli.command import COUNCIL, COUNCILS, Commands, Parser, Refused, Status, tell, write, write_bytes
from services.cli.database import Database, on_database, refuse_others
from services.events.store.chain import snapshot
from services.events.store.connection import Connection, Pool
from services.events.store.heads import furthest_head, head_of, heads_behind, public_keys
from services.events.store.proof import NoSuchStream, Wanted, proof
from shared.domain.signed_head import key_id_of
from shared.wire.log_proof import Others, head_view

_HEADS_PAGE = 1_000


def add_to(commands: Commands[Parser]) -> None:
    """Add ``heads`` and ``proof`` to the operator's commands."""
    heads = commands.add_parser(
        "heads",
        help="print signed heads, to keep them elsewhere",
        description="Print the signed heads of logs, a line of JSON each. Keep them where those who run the database "
        "cannot write: `homeward verify --heads FILE` compares a log with them.",
        epilog="It ends with 0 when all are printed, and 2 if not: what was printed is not whole then.",
    )
    heads.add_argument("authorities", nargs="*", metavar="AUTHORITY", help=COUNCILS)
    heads.set_defaults(command=on_database(_heads), not_done=Status.NOT_DONE)
    export = commands.add_parser(
        "proof",
        help="write out a log that can be checked without Homeward",
        description="Write a log to standard output as a proof, which an inspector checks with examples/check_proof.py "
        "and needs nothing else of Homeward for. It holds what was posted: children's data.",
        epilog="It ends with 0 when all is written, and 2 if not: what was written is not whole then.",
    )
    export.add_argument("authority", metavar="AUTHORITY", help=COUNCIL)
    export.add_argument(
        "--stream",
        type=arguments.stream,
        metavar="STREAM",
        help="show what was posted to this stream only, such as child-7f3c9a; without it all is shown",
    )
    export.add_argument(
        "--others",
        type=arguments.others,
        default=Others.HASHED,
        metavar="hashed|named",
        help="with --stream: how the events of other streams stand in the proof. hashed (the default) tells nothing of "
        "them; named shows their streams and times, and so rules out that an event of STREAM is left out at the end",
    )
    export.set_defaults(command=on_database(_proof), not_done=Status.NOT_DONE)


async def _heads(database: Database, asked: argparse.Namespace) -> int:
    present = await database.authorities()
    refuse_others(asked.authorities, present)
    async with database.log() as pool:
        # All logs up to one instant: what is signed meanwhile is missing of every log, not of some.
        async with snapshot(pool) as connection:
            ends = {each: await furthest_head(connection, each) for each in asked.authorities or present}
            # A job that keeps those of all logs need not hear of each that has none yet.
            for each in asked.authorities:
                if not ends[each]:
                    tell(f"{each} has no signed head yet: {await _why_none(connection, each)}")
        for authority_id, end in ends.items():
            await _write_heads(pool, authority_id, end)
    return Status.WELL


async def _why_none(connection: Connection, authority_id: str) -> str:
    if await head_of(connection, authority_id) is None:
        return "its log is empty"
    return "its log holds events, and its first head is signed while the events service runs"


async def _write_heads(pool: Pool, authority_id: str, end: int) -> None:
    after = 0
    while after < end:
        # No connection is held while lines are on their way to a slow reader.
        async with snapshot(pool) as connection:
            heads = await heads_behind(connection, authority_id, after, _HEADS_PAGE)
            keys = {key_id_of(key): key for key in await public_keys(connection, authority_id)}
        for head in heads:
            if head.key_id not in keys:
                raise Refused(f"the public key {head.key_id} is missing; `homeward verify` tells more")
            if head.position <= end:
                write(head_view(head, keys[head.key_id]).model_dump_json() + "\n")
        after = heads[-1].position if heads else end


async def _proof(database: Database, asked: argparse.Namespace) -> int:
    refuse_others([asked.authority], await database.authorities())
    async with database.log() as pool:
        try:
            async for piece in proof(pool, asked.authority, Wanted(stream=asked.stream, others=asked.others)):
                write_bytes(piece)
        except NoSuchStream:
            raise Refused(f"the log of {asked.authority} holds no event of {asked.stream}") from None
    return Status.WELL
