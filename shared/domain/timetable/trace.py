"""What stays on the record of a child's reviews, cause by cause.

What was owed in earnest is never gone: once the facts no longer make it owed, the record keeps its last
reading, withdrawn and with the reason.  A mere forecast goes without a trace.  A review of a home that
takes the place of one counted while no home was recorded says so, and how long that one stood overdue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from uuid import UUID

from shared.domain.timetable.causes import Aspect, Cause, Change, aspects, standing
from shared.domain.timetable.change_words import days_overdue, gone_because, sentence
from shared.domain.timetable.engine import ReviewKey
from shared.domain.timetable.reviews import Outcome, Review

#: How the identity of a clock ends that runs while no home is recorded (see :mod:`.clocks`).
_NO_HOME = (":no-home", ":left")


@dataclass(frozen=True, slots=True)
class Kept:
    """A review as the record shows it.

    ``clock`` is the identity of the clock that owes it.  ``vanished_at`` is the instant of the cause because
    of which the facts no longer make it owed; None while they do.  ``once`` is what was owed in earnest under
    the same key last, where ``review`` is only a forecast.  ``replaces`` and ``replaced_by`` name the reviews
    between which a home that was recorded late stands; ``overdue`` are the first and the last day on which
    the record showed the review, or the one it replaces, as overdue although it is not owed so any more.
    ``told_as`` is the review it replaces for as long as it is due on the same day: what was told of that one
    is not told again.
    """

    review: Review
    clock: str = field(default="", kw_only=True)
    vanished_at: datetime | None = field(default=None, kw_only=True)
    once: Kept | None = field(default=None, kw_only=True)
    replaces: UUID | None = field(default=None, kw_only=True)
    replaced_by: UUID | None = field(default=None, kw_only=True)
    told_as: UUID | None = field(default=None, kw_only=True)
    overdue: tuple[date, date] | None = field(default=None, kw_only=True)

    @property
    def owed(self) -> bool:
        """Whether the facts make it owed, or made it so until it was settled."""
        return self.vanished_at is None


@dataclass(slots=True)
class Step:
    """What one cause leaves on the record: what to put there, which forecasts to take away, and the changes."""

    put: dict[UUID, Kept] = field(default_factory=dict)
    dropped: set[UUID] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)


def in_earnest(review: Review, on: date) -> bool:
    """Tell whether a review is owed in earnest on the fold day: it is firm, was held, or stands overdue.

    One that is counted from a review not held yet is a forecast however long ago it would have been: it
    cannot be late before the review in front of it, and that one stays.  Nor did anybody see as overdue what
    the record has only since that day: histories are brought in event by event.
    """
    seen = review.shown_on is None or review.shown_on < on
    overdue = not review.rests_on_projection and review.due_on is not None and review.due_on < on
    return not review.forecast or (seen and overdue)


def without_home(kept: Kept) -> bool:
    """Tell whether a review is counted because no home is recorded."""
    return kept.clock.endswith(_NO_HOME)


def step(rows: Mapping[UUID, Kept], now: Mapping[ReviewKey, Review], cause: Cause, *, forecasts: bool = False) -> Step:
    """Bring the record ``rows``, by id, up to what the facts make owed ``now``, because of ``cause``.

    With ``forecasts`` those that vanish are kept, too.
    """
    done = Step()
    appeared = [key for key, review in now.items() if _take(rows.get(review.review_id), key, review, cause, done)]
    present = {review.review_id for review in now.values()}
    gone = [each for review_id, each in rows.items() if each.owed and review_id not in present]
    if gone:
        heirs = _heirs(gone, {key: now[key] for key in appeared}, cause)
        for each in gone:
            _let_go(each, heirs.get(each.review.review_id), cause, done, forecasts=forecasts)
    return done


def let_go(before: Kept, cause: Cause) -> Step:
    """Return the step by which the record ceases to show a review as owed, apart from all others."""
    done = Step()
    _let_go(before, None, cause, done, forecasts=False)
    return done


def _take(before: Kept | None, key: ReviewKey, review: Review, cause: Cause, done: Step) -> bool:
    """Take over what is owed now; tell whether it was not owed before."""
    if before is not None and before.owed and before.review == review:
        return False
    on = cause.on
    was = before is not None and (not before.owed or in_earnest(before.review, on))
    after = in_earnest(review, on)
    shown = before if before is not None and before.owed else None
    kept = Kept(
        review,
        clock=key[2],
        once=None if after else _once(before, earnest=was),
        replaces=shown.replaces if shown else None,
        told_as=shown.told_as if shown and shown.review.due_on == review.due_on else None,
        overdue=shown.overdue if shown else None,
    )
    if was or after:
        changed = frozenset({Aspect.APPEARED}) if shown is None else aspects(shown.review, review)
        _tell(kept, before, changed, cause, done)
    done.put[review.review_id] = kept
    return shown is None


def _once(before: Kept | None, *, earnest: bool) -> Kept | None:
    if before is None:
        return None
    return _plain(before) if earnest else before.once


def _plain(kept: Kept) -> Kept:
    """Return what was kept and nothing that anybody laid beside it, nor what stood under the key before."""
    return Kept(**{each.name: getattr(kept, each.name) for each in fields(Kept) if each.name != "once"})


def _let_go(before: Kept, heir: Review | None, cause: Cause, done: Step, *, forecasts: bool) -> None:
    """Keep what was owed in earnest, with why it is not any more; a forecast goes."""
    review_id = before.review.review_id
    if in_earnest(before.review, cause.on):
        kept = withdrawn(before, cause, heir)
    elif before.once is not None:
        kept = before.once if not before.once.owed else withdrawn(before.once, cause)
    else:
        done.dropped.add(review_id)
        if forecasts:
            done.put[review_id] = withdrawn(before, cause)
        return
    changed = frozenset({Aspect.OUTCOME, *([Aspect.REPLACED] if heir else [])})
    done.put[review_id] = kept
    _tell(kept, before, changed, cause, done)
    if heir is not None:
        _inherit(done, heir.review_id, kept, cause)


def withdrawn(before: Kept, cause: Cause, heir: Review | None = None) -> Kept:
    """Return what the record keeps of a review that the facts no longer make owed; ``heir`` takes its place."""
    review, overdue = before.review, days_overdue(before.review, cause.on)
    gone = replace(
        review,
        outcome=Outcome.WITHDRAWN,
        closed_on=cause.on,
        closed_because=gone_because(cause, replaced=heir is not None, overdue=overdue),
        position=max(review.position, cause.position or 0),
    )
    replaced_by = None if heir is None else heir.review_id
    return replace(
        before, review=gone, vanished_at=cause.at, once=None, replaced_by=replaced_by, overdue=overdue or before.overdue
    )


def _heirs(gone: Iterable[Kept], appeared: Mapping[ReviewKey, Review], cause: Cause) -> dict[UUID, Review]:
    """Return which reviews of homes take the places of which that were counted for want of one.

    They are of the same rule, ordinal and episode; each takes one place.
    """
    free: dict[tuple[object, ...], list[Review]] = {}
    for key, review in appeared.items():
        if not key[2].endswith(_NO_HOME):
            free.setdefault(_place(review), []).append(review)
    found = {}
    for each in sorted(gone, key=_by_due_date):
        waiting = free.get(_place(each.review))
        if waiting and without_home(each) and in_earnest(each.review, cause.on):
            found[each.review.review_id] = waiting.pop(0)
    return found


def _place(review: Review) -> tuple[object, ...]:
    return (review.explanation.pack, review.kind, review.ordinal, review.episode_id)


def _by_due_date(kept: Kept) -> tuple[date, str]:
    return (kept.review.due_on or date.max, str(kept.review.review_id))


def _inherit(done: Step, heir: UUID, replaced: Kept, cause: Cause) -> None:
    """Say of a home's review which one it replaces, and that the record showed that one as overdue."""
    kept, replaces = done.put[heir], replaced.review.review_id
    told_as = replaces if kept.review.due_on == replaced.review.due_on else None
    kept = replace(kept, replaces=replaces, told_as=told_as, overdue=replaced.overdue)
    done.put[heir] = kept
    told = next((place for place, each in enumerate(done.changes) if each.review_id == heir), None)
    changed = frozenset({Aspect.APPEARED, Aspect.REPLACED})
    if told is not None:
        words = sentence(None, kept.review, changed, cause)
        done.changes[told] = replace(done.changes[told], aspects=changed, sentence=words)
    else:
        _tell(kept, None, changed, cause, done)


def _tell(kept: Kept, before: Kept | None, changed: frozenset[Aspect], cause: Cause, done: Step) -> None:
    """Tell what changed, if anything did."""
    if not changed:
        return
    review, was = kept.review, None if before is None else before.review
    change = Change(
        review_id=review.review_id,
        child_id=review.child_id,
        team=review.team,
        kind=review.kind,
        title=review.title,
        ordinal=review.ordinal,
        aspects=changed,
        before=None if was is None else standing(was),
        after=standing(review),
        cause=cause,
        sentence=sentence(was, review, changed, cause),
    )
    done.changes.append(change)
