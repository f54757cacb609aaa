"""The words of this service as types: stored reviews, notices, endpoints, deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from shared.domain.catalogue.roles import Role
from shared.domain.timetable.causes import Cause
from shared.domain.timetable.reviews import Review, Status, What
from shared.domain.timetable.trace import Kept


class NoticeKind(StrEnum):
    """What a notice tells of a review, or of another deadline."""

    APPROACHING = "review.approaching"
    DUE = "review.due"
    MISSED = "review.missed"
    OVERDUE = "review.overdue"
    HELD = "review.held"
    MOVED = "review.moved"
    BOOKED_LATE = "review.booked_late"
    DEADLINE_APPROACHING = "deadline.approaching"
    DEADLINE_DUE = "deadline.due"
    DEADLINE_MISSED = "deadline.missed"
    DEADLINE_OVERDUE = "deadline.overdue"
    DEADLINE_HELD = "deadline.held"
    DEADLINE_MOVED = "deadline.moved"
    DEADLINE_BOOKED_LATE = "deadline.booked_late"

    @property
    def both(self) -> tuple[NoticeKind, NoticeKind]:
        """The kind that tells this of a review, and the one that tells it of another deadline."""
        what = self.value.partition(".")[2]
        return NoticeKind(f"review.{what}"), NoticeKind(f"deadline.{what}")

    def about(self, what: str) -> NoticeKind:
        """Return the kind that tells this of ``what`` is owed (a value of What)."""
        of_review, of_deadline = self.both
        return of_review if what == What.REVIEW else of_deadline


class DeliveryState(StrEnum):
    """How a delivery stands: still tried, answered with success, or given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"


class AttemptError(StrEnum):
    """Why an attempt got no HTTP status."""

    TIMEOUT = "timeout"
    NAME_NOT_RESOLVED = "name_not_resolved"
    TARGET_FORBIDDEN = "target_forbidden"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    NOT_HTTP = "not_http"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class StoredReview(Kept):
    """A review as the table holds it: as the record keeps it, and when the tick has to look at it.

    A forecast that the facts no longer make is not kept.  ``next_notice_on`` is the civil day on which the
    tick has to look at it, and ``known_on`` that on which the present due date was first projected; None where
    an earlier release did.  Neither follows from the facts alone, so ``known_on`` makes no two of them unequal.
    """

    next_notice_on: date | None = None
    known_on: date | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell about a review because of ``cause``; the same ``dedupe_key`` is told once.

    ``known_on`` is the civil day on which what is told of became known; None where that was not noted.
    """

    kind: NoticeKind
    dedupe_key: str
    review: Review
    moved_from: date | None = None
    cause: Cause | None = None
    known_on: date | None = field(default=None, compare=False)

    @property
    def about_on(self) -> date | None:
        """The civil day that it is about, however long ago; None where it is about days to come."""
        if self.kind is NoticeKind.HELD:
            return self.review.held_on
        if self.kind is NoticeKind.MOVED and self.review.due_on is not None:
            return max(self.review.due_on, self.moved_from or self.review.due_on)
        return None


class DueLook(NamedTuple):
    """What the tick reads of a review at which it has to look; there can be thousands on a day.

    ``told_as`` is the review whose place it takes, where what was told of that one is not told again.
    """

    review_id: UUID
    told_as: UUID | None
    child_id: str
    what: str
    kind: str
    title: str
    due_on: date
    certainty: str
    runs: bool
    booked_on: date | None
    known_on: date | None
    pack: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice ready to be stored: its id, what it says of its review, and the bytes that every attempt sends."""

    notice_id: UUID
    kind: NoticeKind
    dedupe_key: str
    review_id: UUID
    child_id: str
    data: Mapping[str, Any]
    body: bytes


class HoldState(StrEnum):
    """What a person decided about a notice that is held back, if anything yet."""

    WAITING = "waiting"
    RELEASED = "released"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A notice about the past that waits for a person; ``about_on`` is the day that it is about."""

    notice_id: UUID
    kind: NoticeKind
    dedupe_key: str
    review_id: UUID
    review_kind: str
    child_id: str
    due_on: date | None
    about_on: date
    data: Mapping[str, Any]
    held_back_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A notice that was held back, its place in the list, and what the holder of which key decided, if anybody."""

    number: int
    held: HeldBack
    state: HoldState
    decided_at: datetime | None
    decided_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBackFilter:
    """Which notices held back are asked for; empty means no condition."""

    children: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    review_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFilter:
    """Which reviews are asked for; empty means no condition.

    What a rule leaves to nobody in particular is the work of each of the ``roles``.
    """

    whats: tuple[What, ...] = ()
    roles: tuple[Role, ...] = ()
    children: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    due_from: date | None = None
    due_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Which changes are asked for; empty means no condition."""

    review_id: UUID | None = None
    children: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ChangePlace:
    """Where a change stands in the log: by the instant and the position of its cause, then by review."""

    changed_at: datetime
    position: int
    review_id: UUID


#: Sorts a review without a due date behind all others.  Not date.max: asyncpg sends that as infinity.
NO_DUE_DATE = date(2999, 12, 31)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a review stands in lists: by due date, then id; those without a due date come last."""

    sort_on: date
    review_id: UUID


def place_of(review: Review) -> Place:
    """Return where ``review`` stands in lists."""
    return Place(review.due_on or NO_DUE_DATE, review.review_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An integrator's address for notices; ``kinds`` None means all kinds."""

    endpoint_id: UUID
    url: str
    kinds: tuple[NoticeKind, ...] | None
    description: str | None
    enabled: bool
    created_at: datetime
    disabled_at: datetime | None
    disabled_because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice owed to one endpoint."""

    endpoint_id: UUID
    notice_id: UUID
    notice_position: int
    kind: NoticeKind
    review_id: UUID
    created_at: datetime
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right, until the lease ends, to make attempt ``number`` at a delivery.

    ``step`` is the place in the schedule of retries, from 0.
    """

    authority_id: str
    endpoint_id: UUID
    notice_id: UUID
    lease_id: UUID
    number: int
    step: int
    url: str
    secret: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt: a status, or why there was none; and what the receiver said."""

    status: int | None = None
    error: AttemptError | None = None
    excerpt: str | None = None
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the notice: any 2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the class of success


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a delivery.  ``duration_ms`` is None where the sender was stopped in the middle."""

    number: int
    started_at: datetime
    duration_ms: int | None
    status: int | None
    error: AttemptError | None
    excerpt: str | None
