"""``homeward verify``: whether each log is as it was recorded.

::

    homeward verify [AUTHORITY ...] [--from POSITION] [--heads FILE] [--key KEY]

It ends with 0 if every log is intact, 1 if one is broken, and 2 if one could not be checked, or
not be compared with heads though ``--heads`` names a file of them.  One that could not be checked
keeps no other from being checked.  A log that was not asked for by name and whose first head is
younger than the file, or not older by more than ``SIGNED_UNSEEN``, is *new*: the file need not hold
a head of it, so it is told and counts as intact.  So does a log without events of which the file
holds no head: there is nothing to compare.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from pydantic import ValidationError

from services.cli import arguments
from services.cli.command import COUNCILS, Commands, Parser, Refused, Status, flush, write
from services.cli.database import Database, on_database, refuse_others
from services.cli.progress import shown
from services.events.store.chain import BeyondEnd, Verifier, snapshot
from services.events.store.connection import Pool
from services.events.store.heads import head_of, heads_behind
from shared.domain.signed_head import SignedHead
from shared.runtime.signing import PublicKeys
from shared.wire.log_proof import SignedHeadView

INTACT, BROKEN = Status.WELL, Status.NOT_WELL
#: A rate of less work than this says nothing of a long log.
RATE_SECONDS = 1.0
#: A head may be signed before the last one in a file, and still be missing there: it may be committed after the file
#: was written, by another process, whose clock may be behind.  The file then holds no head of a log that had none
#: before.  This is far longer than any of it takes, and shorter than the time between two nights: a council that a
#: job leaves out is new once at most, unless somebody who may delete heads makes it new again.  It gives nothing away
#: to whoever holds the signing key: he dates heads as he likes.
SIGNED_UNSEEN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was kept elsewhere of one log: the file that was named, its heads of this log, and whether that is new."""

    path: Path | None
    heads: Sequence[SignedHead]
    new: bool

    @property
    def missing(self) -> bool:
        """Whether a file was named that holds no head of this log."""
        return self.path is not None and not self.heads


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What was found of one log.

    ``events``: it is intact and holds some; ``not_compared``: and the file that was named holds no head of it.
    """

    authority_id: str
    status: Status
    events: bool = False
    not_compared: bool = False


def add_to(commands: Commands[Parser]) -> None:
    """Add ``verify`` to the operator's commands."""
    verify = commands.add_parser(
        "verify",
        help="tell whether logs are as they were recorded",
        description="Walk each log and tell whether it is as it was recorded: what was altered, removed or exchanged, "
        "and at which position first. It locks nothing and may run at any time.",
        epilog="It ends with 0 if every log is intact, 1 if one is broken, and 2 if one could not be checked, or "
        "--heads was given and the file holds no head of one that has events and is not new. Tell a person of 1 and 2.",
    )
    verify.add_argument("authorities", nargs="*", metavar="AUTHORITY", help=COUNCILS)
    verify.add_argument(
        "--from",
        dest="first",
        type=arguments.position,
        default=1,
        metavar="POSITION",
        help="begin with the event at this position (default: 1); heads of --heads before it are compared all the same",
    )
    verify.add_argument(
        "--heads",
        type=Path,
        metavar="FILE",
        help="compare with the signed heads in this file, which `homeward heads` printed earlier and which was kept "
        "where nobody here can change it; without it a log that was cut off, or written anew with the signing key, "
        "looks intact",
    )
    verify.add_argument(
        "--key",
        action="append",
        type=arguments.public_key,
        default=[],
        metavar="KEY",
        help="count only signatures of this public key (Base64, as GET /v1/log shows it), known from elsewhere; for "
        "several, give --key several times. Without it the keys that stand in the database count",
    )
    verify.set_defaults(command=on_database(_verify), not_done=Status.NOT_DONE)


async def _verify(database: Database, asked: argparse.Namespace) -> int:
    """Verify every log that is asked for; tell of each, and end with the worst that was found."""
    kept = _kept_heads(asked.heads) if asked.heads else []
    present = await database.authorities()
    known = sorted({*present, *(head.authority_id for head in kept)})
    if not known:
        raise Refused("there is no authority, and so no log; add one with `homeward authority add`")
    refuse_others(asked.authorities, known)
    newest = max((head.signed_at for head in kept), default=None)
    verdicts = []
    async with database.log() as pool:
        for authority_id in asked.authorities or known:
            of_this = [head for head in kept if head.authority_id == authority_id]
            # A log that is asked for by name is to be compared.
            new = newest is not None and not asked.authorities and await _new_since(pool, authority_id, newest)
            verdicts.append(await _verify_one(pool, authority_id, asked, _Kept(asked.heads, of_this, new)))
    for line in _told_of_all(verdicts, asked):
        write(line + "\n")
    statuses = {each.status for each in verdicts}
    # What was found broken is never hidden behind what could not be compared.
    return BROKEN if BROKEN in statuses else max(statuses)


async def _verify_one(pool: Pool, authority_id: str, asked: argparse.Namespace, kept: _Kept) -> _Verdict:
    keys = PublicKeys(asked.key) if asked.key else None
    verifier = Verifier(pool, authority_id, after=asked.first - 1, kept=kept.heads, keys=keys)
    began = perf_counter()
    try:
        await _walk(pool, authority_id, verifier)
    except BeyondEnd as beyond:
        write(f"{authority_id}: NOT VERIFIED: {beyond}, before the position to begin with.\n")
        flush()
        return _Verdict(authority_id, Status.NOT_DONE)
    for line in _told(authority_id, verifier, asked, kept, perf_counter() - began):
        write(line + "\n")
    flush()
    if verifier.finding is not None:
        return _Verdict(authority_id, BROKEN)
    if verifier.last == 0:
        return _Verdict(authority_id, INTACT)
    status = Status.NOT_DONE if kept.missing and not kept.new else INTACT
    return _Verdict(authority_id, status, events=True, not_compared=kept.missing)


async def _new_since(pool: Pool, authority_id: str, newest: datetime) -> bool:
    """Tell whether a file whose newest head is of this instant need hold none of this log: it has begun since, or not.

    A log with events of which no head was ever signed, or is left, is not new.
    """
    async with snapshot(pool) as connection:
        first = await heads_behind(connection, authority_id, 0, 1)
        head = await head_of(connection, authority_id)
    return all(each.signed_at > newest - SIGNED_UNSEEN for each in first) if first else head is None


async def _walk(pool: Pool, authority_id: str, verifier: Verifier) -> None:
    async with snapshot(pool) as connection:
        head = await head_of(connection, authority_id)
    with shown(f"Verifying {authority_id}") as bar:
        before = verifier.last
        bar.expect(max((head.position if head else 0) - before, 0))
        while not verifier.over:
            await verifier.step()
            bar.did(max(verifier.last - before, 0))
            before = verifier.last


def _told(
    authority_id: str, verifier: Verifier, asked: argparse.Namespace, kept: _Kept, seconds: float
) -> Iterator[str]:
    """Say what was found, what that proves, and what it does not."""
    first, last = asked.first, verifier.last
    found, events = verifier.finding, max(last - first + 1, 0)
    if found is not None:
        yield f"{authority_id}: BROKEN at position {found.position} ({found.code}). {found.message}"
        if events:
            yield f"  Events {first} to {last} follow from each other, and every signed head among them fits."
        return
    if last == 0:
        yield f"{authority_id}: intact. No events{', so nothing to compare' if kept.missing else ''}."
        return
    rate = f", {events / seconds:,.0f} events/s" if seconds >= RATE_SECONDS else ""
    yield f"{authority_id}: intact. " + (f"Events {first} to {last} verified{rate}." if events else "No events.")
    if first > 1:
        besides = _besides(first, kept.heads)
        yield f"  Events before {first} were not looked at{besides}; the walk began with the link that is stored there."
    if events:
        yield f"  {_signed(verifier)}"
    if kept.path is not None:
        yield f"  {_compared(authority_id, kept)}"


def _besides(first: int, kept: Sequence[SignedHead]) -> str:
    compared = any(head.position < first for head in kept)
    return ", but for the links of those that kept heads name" if compared else ""


def _signed(verifier: Verifier) -> str:
    if not verifier.signed_to:
        return "No signed head stands among them: the chain binds them, but whoever owns the database could renew it."
    unsigned = verifier.last - verifier.signed_to
    behind = f" The {unsigned} behind it are bound by the chain and not yet by a signature." if unsigned else ""
    return f"Signed heads vouch for them up to position {verifier.signed_to}.{behind}"


def _compared(authority_id: str, kept: _Kept) -> str:
    if kept.heads:
        furthest = max(head.position for head in kept.heads)
        return f"The log agrees with the signed heads that were kept elsewhere, up to position {furthest}."
    why = " It is new: its first head is not in the file yet." if kept.new else ""
    return f"NOT COMPARED: {kept.path} holds no head of {authority_id}.{why}"


def _told_of_all(verdicts: Sequence[_Verdict], asked: argparse.Namespace) -> Iterator[str]:
    """Say once, behind all verdicts, what they do not prove, and what to do about that."""
    if any(each.events for each in verdicts):
        yield (
            "Only the keys that you named count."
            if asked.key
            else "Public keys were taken from the database itself: name those that you know with --key."
        )
    if asked.heads is None and any(each.status is INTACT for each in verdicts):
        yield "A log cut off together with its signed heads looks intact: keep heads elsewhere, give them by --heads."
    names = [each.authority_id for each in verdicts if each.not_compared]
    if names:
        yield (
            f"NOT COMPARED: {', '.join(names)}. A log cut off together with its signed heads would look the same. Keep "
            f"{'its' if len(names) == 1 else 'their'} heads from now on: `homeward heads {' '.join(names)}` prints "
            f"them, to be added to {asked.heads}."
        )


def _kept_heads(path: Path) -> list[SignedHead]:
    """Read signed heads that were kept elsewhere; raises Refused for a line that is none, and without the file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise Refused(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read ({type(error).__name__})") from None
    return [_kept_head(f"{path}, line {number}", line) for number, line in enumerate(lines, 1) if line.strip()]


def _kept_head(place: str, line: str) -> SignedHead:
    try:
        view = SignedHeadView.model_validate_json(line)
        head = view.signed_head()
        valid = PublicKeys([view.public_key_bytes()]).valid(head)
    except (ValidationError, ValueError):
        raise Refused(f"{place}: this is no signed head as `homeward heads` prints it") from None
    if not valid:
        raise Refused(f"{place}: the signature of this head is not valid")
    return head
