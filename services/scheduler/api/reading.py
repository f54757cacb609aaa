"""The two ways to answer a question about reviews: from the table, or by projecting anew.

The table holds what follows from everything recorded, as of today.  A question about
another day, or about what had been recorded by an instant, is answered from the copy of
the log.  Both give the same answer to the same question.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.scheduler.model import Place, ReviewFilter, StoredReview, place_of
from services.scheduler.projection import still_shown, stored_as
from services.scheduler.projection.council import Council
from services.scheduler.projection.whole import fold_history
from services.scheduler.store import events, notices, reviews
from services.scheduler.store.events import log_copy
from shared.domain.errors import Fault, InvalidInput, NotFound
from shared.domain.history import facts
from shared.domain.ids import CHILD_STREAM_PREFIX
from shared.domain.timetable.engine import Timetable, project_reviews
from shared.domain.timetable.reviews import Review, Status, status
from shared.policies.timetables import council_timetable
from shared.runtime.database import Connection
from shared.runtime.times import Times

#: Children projected together; between two batches other requests get their turn.
BATCH = 100

_STREAM_NAMED = ("child_is_stream_name", "Name the child, not its stream: leave out the `child-` in front.")
_UNKNOWN = ("child_unknown", "Of a child of this name nothing is recorded here, as far as the log has been read.")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of reviews with its surroundings; ``following`` is where the next page begins."""

    reviews: Sequence[Review]
    counts: Mapping[Status, int]
    following: Place | None


async def find_page(
    connection: Connection,
    authority_id: str,
    asked: ReviewFilter,
    when: Times,
    *,
    after: Place | None,
    limit: int,
) -> Found:
    """Return a page of the reviews asked for; ``connection`` shows one state throughout."""
    if is_present(when):
        stored = await reviews.page(connection, authority_id, asked, as_of=when.as_of, after=after, limit=limit + 1)
        counts = await reviews.counts(connection, authority_id, asked, as_of=when.as_of)
        return _found([each.review for each in stored], counts, limit)
    projected = await _projected(connection, authority_id, asked.children, when)
    concerned = [review for review in projected if _is_concerned(review, asked)]
    counts = Counter(status(review, as_of=when.as_of) for review in concerned)
    wanted = [review for review in concerned if _matches(review, asked, when)]
    behind = sorted((review for review in wanted if after is None or place_of(review) > after), key=place_of)
    return _found(behind, counts, limit)


async def find_one(connection: Connection, authority_id: str, review_id: UUID, when: Times) -> Review:
    """Return one review; raises NotFound.

    A forecast that is not made any more can be read if a notice has named it.
    """
    stored = await reviews.find(connection, authority_id, review_id)
    if stored is None:
        stored = await _vanished_forecast(connection, authority_id, review_id, when)
    if is_present(when):
        if stored is None:
            raise NotFound
        return stored.review
    # A review that only an earlier state of the record made owed may not be in the table.
    children = () if stored is None else (stored.review.child_id,)
    for review in await _projected(connection, authority_id, children, when):
        if review.review_id == review_id:
            return review
    if stored is not None and still_shown(stored, as_of=when.as_of, known_at=when.known_at):
        return stored.review
    raise NotFound


async def refuse_unknown(connection: Connection, authority_id: str, children: Sequence[str]) -> None:
    """Raise what is wrong with children asked for by name of whom nothing is recorded.

    Silence would look like "nothing is owed".  InvalidInput where a stream was named in place of its
    child, otherwise NotFound.  A child may be called as another's stream is: who is known is never refused.
    """
    of_stream = {child: child.removeprefix(CHILD_STREAM_PREFIX) for child in children}
    known = await events.known_children(connection, authority_id, sorted({*children, *of_stream.values()}))
    unknown = [(place, child) for place, child in enumerate(children) if child not in known]
    streams = [Fault(f"?child.{place}", *_STREAM_NAMED) for place, child in unknown if of_stream[child] in known]
    if streams:
        raise InvalidInput(faults=streams)
    if unknown:
        raise NotFound(_UNKNOWN[1], faults=[Fault(f"?child.{place}", *_UNKNOWN) for place, _ in unknown])


async def _vanished_forecast(
    connection: Connection, authority_id: str, review_id: UUID, when: Times
) -> StoredReview | None:
    """Return a forecast that a notice named and nobody keeps: it follows from the child's history."""
    child = await notices.child_of(connection, authority_id, review_id)
    if child is None:
        return None
    council = await log_copy.authority_events(connection, authority_id)
    known = (await log_copy.child_events(connection, authority_id, [child]))[child]

    def fold() -> StoredReview | None:
        folded = fold_history(child, known, Council(council), when.today, forecasts=True)
        return next((stored_as(each) for each in folded.reviews if each.review.review_id == review_id), None)

    return await asyncio.to_thread(fold)


async def timetable_at(connection: Connection, authority_id: str, when: Times) -> Timetable:
    """Return the timetable to which the council worked, as of a day and as known at an instant."""
    found = await log_copy.authority_events(connection, authority_id, known_at=when.known_at)
    return council_timetable(found, known_at=when.known_at, as_of=when.as_of)


def is_present(when: Times) -> bool:
    """Tell whether the table answers a question about these times."""
    return when.known_at is None and when.as_of == when.today


def _found(rows: Sequence[Review], counts: Mapping[Status, int], limit: int) -> Found:
    shown = rows[:limit]
    return Found(shown, counts, place_of(shown[-1]) if len(rows) > limit else None)


async def _projected(connection: Connection, authority_id: str, children: Sequence[str], when: Times) -> list[Review]:
    """Return the reviews of these children (none named: of all), projected for ``when``."""
    timetable = await timetable_at(connection, authority_id, when)
    concerned = (
        await events.known_children(connection, authority_id, children)
        if children
        else await events.all_children(connection, authority_id)
    )
    found: list[Review] = []
    for start in range(0, len(concerned), BATCH):
        found += await _batch(connection, authority_id, concerned[start : start + BATCH], when, timetable)
    return found


async def _batch(
    connection: Connection, authority_id: str, children: Sequence[str], when: Times, timetable: Timetable
) -> list[Review]:
    histories = await log_copy.child_events(connection, authority_id, children, known_at=when.known_at)
    gone = await reviews.vanished(connection, authority_id, children)

    def project_all() -> list[Review]:
        return [review for child in children for review in _of_child(child)]

    def _of_child(child: str) -> Iterable[Review]:
        held_true = facts(histories[child], known_at=when.known_at, as_of=when.as_of)
        owed = project_reviews(child, held_true, timetable)
        present = {review.review_id for review in owed}
        shown = (each.review for each in gone[child] if still_shown(each, as_of=when.as_of, known_at=when.known_at))
        return [*owed, *(review for review in shown if review.review_id not in present)]

    return await asyncio.to_thread(project_all)


def _matches(review: Review, asked: ReviewFilter, when: Times) -> bool:
    return (not asked.statuses or status(review, as_of=when.as_of) in asked.statuses) and _due_within(review, asked)


def _is_concerned(review: Review, asked: ReviewFilter) -> bool:
    of_team = not asked.teams or review.team in asked.teams
    of_kind = not asked.kinds or review.kind in asked.kinds
    of_role = not (asked.roles and review.roles) or not set(asked.roles).isdisjoint(review.roles)
    return of_team and of_kind and of_role and (not asked.whats or review.what in asked.whats)


def _due_within(review: Review, asked: ReviewFilter) -> bool:
    if asked.due_from is None and asked.due_to is None:
        return True
    if review.due_on is None:
        return False
    early = asked.due_from is not None and review.due_on < asked.due_from
    late = asked.due_to is not None and review.due_on > asked.due_to
    return not early and not late
