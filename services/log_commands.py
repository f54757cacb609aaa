"""``homeward verify``, ``homeward heads`` and ``homeward proof``: the integrity of the log, for its operator.

::

    homeward verify [AUTHORITY ...] [--from POSITION] [--heads FILE] [--key KEY]
    homeward heads AUTHORITY                                signed heads as lines of JSON, to keep elsewhere
    homeward proof AUTHORITY [--stream STREAM [--others hashed|named]] > FILE
                                                            what examples/check_proof.py checks

``verify`` ends with 0 if every log is intact, 1 if one is broken, and 2 if one could not
be checked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from pydantic import ValidationError

from services.embedded.database import DATABASE_TROUBLE, in_words
from services.embedded.program import CannotStart, operated_database
from services.events.store.chain import BeyondEnd, Verifier, snapshot
from services.events.store.connection import Pool, open_pool
from services.events.store.heads import heads_behind, log_end, public_keys
from services.events.store.proof import Wanted, proof
from services.events_bar import events_bar
from shared.domain.errors import NotReady
from shared.domain.ids import check_stream
from shared.domain.signed_head import SignedHead, key_id_of
from shared.identity.store import authorities
from shared.runtime.database import create_engine
from shared.runtime.signing import PublicKeys, UnusableKey, read_key
from shared.wire.log_proof import Others, SignedHeadView, head_view

INTACT, BROKEN, NOT_CHECKED = 0, 1, 2

_HEADS_PAGE = 1_000

Work = Callable[[Pool, argparse.Namespace], Awaitable[int]]


class NotChecked(Exception):
    """What was asked for cannot be done; the message says why."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module to a program's."""
    verify = commands.add_parser("verify", help="verify that logs are as they were recorded")
    verify.add_argument("authorities", nargs="*", metavar="AUTHORITY", help="all of them when left out")
    verify.add_argument(
        "--from", dest="first", type=_position, default=1, metavar="POSITION", help="begin with this event"
    )
    verify.add_argument(
        "--heads", type=Path, metavar="FILE", help="signed heads that were kept elsewhere, as `heads` prints them"
    )
    verify.add_argument(
        "--key",
        action="append",
        type=_public_key,
        default=[],
        metavar="KEY",
        help="a public key that you know from elsewhere (Base64); then no other key's signature counts",
    )
    verify.set_defaults(command=_command(_verify))
    heads = commands.add_parser("heads", help="print the signed heads of a log, to keep them elsewhere")
    heads.add_argument("authority", metavar="AUTHORITY")
    heads.set_defaults(command=_command(_heads))
    export = commands.add_parser("proof", help="write a proof of a log to standard output")
    export.add_argument("authority", metavar="AUTHORITY")
    export.add_argument("--stream", type=_stream, metavar="STREAM", help="show what was posted to this stream only")
    export.add_argument(
        "--others",
        type=Others,
        default=Others.HASHED,
        metavar="hashed|named",
        help="with --stream: hash the other events, or name them, which rules out that one of the stream hides there",
    )
    export.set_defaults(command=_command(_proof))


def _position(text: str) -> int:
    position = int(text)
    if position < 1:
        raise argparse.ArgumentTypeError("positions begin at 1")
    return position


def _stream(text: str) -> str:
    try:
        return check_stream(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _public_key(text: str) -> bytes:
    try:
        return read_key(text)
    except UnusableKey:
        raise argparse.ArgumentTypeError("a public key is the Base64 of 32 bytes") from None


def _command(work: Work) -> Callable[[argparse.Namespace], int]:
    """Return a command that does ``work`` on the log of the database that is set or running."""

    async def open_and_work(asked: argparse.Namespace, url: str) -> int:
        async with open_pool(url, size=1) as pool:
            return await work(pool, asked)

    def command(asked: argparse.Namespace) -> int:
        try:
            return asyncio.run(open_and_work(asked, operated_database()))
        except (NotChecked, CannotStart) as error:
            sys.stderr.write(f"homeward: {error}\n")
        except NotReady as error:
            sys.stderr.write(
                f"homeward: {in_words(error.__cause__ if isinstance(error.__cause__, Exception) else error)}\n"
            )
        except DATABASE_TROUBLE as error:
            sys.stderr.write(f"homeward: {in_words(error)}\n")
        return NOT_CHECKED

    return command


async def _verify(pool: Pool, asked: argparse.Namespace) -> int:
    """Verify every log that is asked for; tell of each, and end with the worst that was found."""
    kept = _kept_heads(asked.heads) if asked.heads else []
    present = await _authorities()
    named = asked.authorities or sorted({*present, *(head.authority_id for head in kept)})
    if not named:
        raise NotChecked("there is no authority, and so no log")
    worst = INTACT
    for authority_id in named:
        of_this = [head for head in kept if head.authority_id == authority_id]
        if authority_id not in present and not of_this:
            raise NotChecked(f"there is no authority {authority_id}")
        worst = max(worst, await _verify_one(pool, authority_id, asked, of_this))
    return worst


async def _verify_one(pool: Pool, authority_id: str, asked: argparse.Namespace, kept: list[SignedHead]) -> int:
    keys = PublicKeys(asked.key) if asked.key else None
    verifier = Verifier(pool, authority_id, after=asked.first - 1, kept=kept, keys=keys)
    async with snapshot(pool) as connection:
        end = await log_end(connection, authority_id)
    began = perf_counter()
    try:
        with _progress(authority_id, asked.first, end.position if end else 0) as show:
            while not verifier.over:
                await verifier.step()
                show(verifier.last)
    except BeyondEnd as beyond:
        raise NotChecked(f"{authority_id}: {beyond}, before the position to begin with") from None
    for line in _told(authority_id, verifier, asked, kept, perf_counter() - began):
        sys.stdout.write(line + "\n")
    return INTACT if verifier.finding is None else BROKEN


@contextmanager
def _progress(authority_id: str, first: int, last: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows, on a terminal, up to which position the log is verified."""
    began = perf_counter()
    with events_bar(transient=True) as bar:
        task = bar.add_task(authority_id, total=max(last - first + 1, 0), rate="")

        def show(position: int) -> None:
            done = position - first + 1
            rate = f"{done / max(perf_counter() - began, 1e-9):,.0f} events/s"
            bar.update(task, completed=done, rate=rate)

        yield show


def _told(
    authority_id: str, verifier: Verifier, asked: argparse.Namespace, kept: Sequence[SignedHead], seconds: float
) -> Iterator[str]:
    """Say what was found, what that proves, and what it does not."""
    first, last = asked.first, verifier.last
    found, events = verifier.finding, max(last - first + 1, 0)
    if found is not None:
        yield f"{authority_id}: BROKEN at position {found.position} ({found.code}). {found.message}"
        if events:
            yield f"  Events {first} to {last} follow from each other, and every signed head among them fits."
        return
    rate = f"{events / max(seconds, 1e-9):,.0f} events/s"
    yield f"{authority_id}: intact. " + (f"Events {first} to {last} verified, {rate}." if events else "No events.")
    if first > 1:
        yield f"  Events before {first} were not looked at; the walk began with the link that is stored there."
    if events:
        yield f"  {_signed(verifier)}"
    yield f"  {_not_proved(asked, kept)}"


def _signed(verifier: Verifier) -> str:
    if not verifier.signed_to:
        return "No signed head stands among them: the chain binds them, but whoever owns the database could renew it."
    unsigned = verifier.last - verifier.signed_to
    behind = f" The {unsigned} behind it are bound by the chain and not yet by a signature." if unsigned else ""
    return f"Signed heads vouch for them up to position {verifier.signed_to}.{behind}"


def _not_proved(asked: argparse.Namespace, kept: Sequence[SignedHead]) -> str:
    keys = (
        "Only the keys that you named count."
        if asked.key
        else "Public keys were taken from the database itself: name those that you know with --key."
    )
    looked = [head.position for head in kept if head.position >= asked.first]
    if looked:
        return f"{keys} The log agrees with the signed heads that were kept elsewhere, up to position {max(looked)}."
    return (
        f"{keys} A log cut off together with its signed heads looks intact: keep heads elsewhere, give them by --heads."
    )


async def _heads(pool: Pool, asked: argparse.Namespace) -> int:
    await _refuse_unknown(asked.authority)
    after, more = 0, True
    while more:
        async with snapshot(pool) as connection:
            heads = await heads_behind(connection, asked.authority, after, _HEADS_PAGE)
            keys = {key_id_of(key): key for key in await public_keys(connection, asked.authority)}
        for head in heads:
            if head.key_id not in keys:
                raise NotChecked(f"the public key {head.key_id} is missing; `homeward verify` tells more")
            sys.stdout.write(head_view(head, keys[head.key_id]).model_dump_json() + "\n")
        after, more = (heads[-1].position, True) if heads else (after, False)
    return INTACT


async def _proof(pool: Pool, asked: argparse.Namespace) -> int:
    await _refuse_unknown(asked.authority)
    async for piece in proof(pool, asked.authority, Wanted(stream=asked.stream, others=asked.others)):
        sys.stdout.write(piece.decode())
    return INTACT


async def _refuse_unknown(authority_id: str) -> None:
    if authority_id not in await _authorities():
        raise NotChecked(f"there is no authority {authority_id}")


async def _authorities() -> list[str]:
    engine = create_engine(operated_database(), service="events", pool_size=1)
    try:
        async with engine.connect() as connection:
            return list(await authorities(connection))
    finally:
        await engine.dispose()


def _kept_heads(path: Path) -> list[SignedHead]:
    """Read signed heads that were kept elsewhere; raises NotChecked for a line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NotChecked(f"{path} cannot be read ({type(error).__name__})") from None
    return [_kept_head(f"{path}, line {number}", line) for number, line in enumerate(lines, 1) if line.strip()]


def _kept_head(place: str, line: str) -> SignedHead:
    try:
        view = SignedHeadView.model_validate_json(line)
        head = view.signed_head()
        valid = PublicKeys([view.public_key_bytes()]).valid(head)
    except (ValidationError, ValueError):
        raise NotChecked(f"{place}: this is no signed head as `homeward heads` prints it") from None
    if not valid:
        raise NotChecked(f"{place}: the signature of this head is not valid")
    return head
