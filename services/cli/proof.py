"""``homeward heads`` and ``homeward proof``: what can be kept, handed over and checked elsewhere.

::

    homeward heads AUTHORITY                                signed heads as lines of JSON, to keep elsewhere
    homeward proof AUTHORITY [--stream STREAM [--others hashed|named]] > FILE
                                                            what examples/check_proof.py checks
"""

from __future__ import annotations

import argparse

from services.cli import arguments
from services.cli.command import Commands, Parser, Refused, Status, write
from services.cli.database import Database, no_authority, on_database
from services.events.store.chain import snapshot
from services.events.store.heads import heads_behind, public_keys
from services.events.store.proof import NoSuchStream, Wanted, proof
from shared.domain.signed_head import key_id_of
from shared.wire.log_proof import Others, head_view

_HEADS_PAGE = 1_000


def add_to(commands: Commands[Parser]) -> None:
    """Add ``heads`` and ``proof`` to the operator's commands."""
    heads = commands.add_parser("heads", help="print the signed heads of a log, to keep them elsewhere")
    heads.add_argument("authority", metavar="AUTHORITY")
    heads.set_defaults(command=on_database(_heads), not_done=Status.NOT_DONE)
    export = commands.add_parser("proof", help="write a proof of a log to standard output")
    export.add_argument("authority", metavar="AUTHORITY")
    export.add_argument(
        "--stream", type=arguments.stream, metavar="STREAM", help="show what was posted to this stream only"
    )
    export.add_argument(
        "--others",
        type=arguments.others,
        default=Others.HASHED,
        metavar="hashed|named",
        help="with --stream: hash the other events, or name them, which rules out that one of the stream hides there",
    )
    export.set_defaults(command=on_database(_proof), not_done=Status.NOT_DONE)


async def _heads(database: Database, asked: argparse.Namespace) -> int:
    await _refuse_unknown(database, asked.authority)
    after, more = 0, True
    async with database.log() as pool:
        while more:
            async with snapshot(pool) as connection:
                heads = await heads_behind(connection, asked.authority, after, _HEADS_PAGE)
                keys = {key_id_of(key): key for key in await public_keys(connection, asked.authority)}
            for head in heads:
                if head.key_id not in keys:
                    raise Refused(f"the public key {head.key_id} is missing; `homeward verify` tells more")
                write(head_view(head, keys[head.key_id]).model_dump_json() + "\n")
            after, more = (heads[-1].position, True) if heads else (after, False)
    return Status.WELL


async def _proof(database: Database, asked: argparse.Namespace) -> int:
    await _refuse_unknown(database, asked.authority)
    async with database.log() as pool:
        try:
            async for piece in proof(pool, asked.authority, Wanted(stream=asked.stream, others=asked.others)):
                write(piece.decode())
        except NoSuchStream:
            raise Refused(f"the log of {asked.authority} holds no event of {asked.stream}") from None
    return Status.WELL


async def _refuse_unknown(database: Database, authority_id: str) -> None:
    if authority_id not in await database.authorities():
        raise no_authority(authority_id)
