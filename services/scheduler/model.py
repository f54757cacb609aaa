"""The words of this service as types: stored reviews, notices, endpoints, deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.timetable.reviews import Review, Status


class NoticeKind(StrEnum):
    """What a notice tells of a review."""

    APPROACHING = "review.approaching"
    MISSED = "review.missed"
    HELD = "review.held"
    MOVED = "review.moved"
    BOOKED_LATE = "review.booked_late"


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
class StoredReview:
    """A review as the table holds it.

    ``vanished_at`` is when the event was recorded because of which the facts no longer
    make the review owed at all; None while they do.  A forecast that they no longer make is
    not kept.  ``next_notice_on`` is the civil day on which the tick has to look at it.
    """

    review: Review
    next_notice_on: date | None = None
    vanished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell about a review; the same ``dedupe_key`` is told once."""

    kind: NoticeKind
    dedupe_key: str
    review: Review
    moved_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice ready to be stored: its id, and the bytes that every attempt sends."""

    notice_id: UUID
    kind: NoticeKind
    dedupe_key: str
    review_id: UUID
    child_id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFilter:
    """Which reviews are asked for; empty means no condition."""

    children: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    due_from: date | None = None
    due_to: date | None = None


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
