"""From this service's types to what it says: JSON views, CSV, the bytes of notices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from services.scheduler.model import Attempt, Delivery, DeliveryState, Endpoint, Listed, NoticeKind
from services.scheduler.notice_schemas import HeldBackCount, HeldBackView
from services.scheduler.schemas import (
    AdoptedPackView,
    AnchorView,
    AttemptView,
    CalendarView,
    CouncilDayView,
    DeliveryView,
    EndpointView,
    ExplanationView,
    FollowedView,
    PackView,
    ReviewView,
    RuleView,
    StatusCounts,
)
from services.scheduler.webhooks import webhook_id
from shared.domain.timetable.engine import Timetable
from shared.domain.timetable.reviews import Explanation, Review, Status, status
from shared.domain.timetable.rules import Pack
from shared.domain.timetable.working_days import WorkingCalendar
from shared.wire.tables_as_csv import table_as_csv

_PLAIN = tuple(each.name for each in fields(Review) if each.name != "explanation")
#: What follows from the members of a review.
_COUNTED = ("days_late", "days_early", "days_recorded_late", "booked_late_by_days")


def review_view(review: Review, as_of: date) -> ReviewView:
    """Return the view of a review on the day asked about."""
    plain = {name: getattr(review, name) for name in (*_PLAIN, *_COUNTED)}
    return ReviewView(
        **plain,
        status=status(review, as_of=as_of),
        explanation=explanation_view(review.explanation),
    )


def explanation_view(why: Explanation) -> ExplanationView:
    """Return the view of why a review is owed on its date."""
    return ExplanationView(
        rule=why.rule,
        rule_title=why.rule_title,
        pack=why.pack,
        edition=why.pack_edition,
        basis=why.basis,
        citation=why.citation,
        verified=why.verified,
        verified_by=why.verified_by,
        verified_on=why.verified_on,
        anchor=AnchorView(
            event_type=why.anchor.event_type,
            description=why.anchor.description,
            occurred_on=why.anchor.occurred_on,
            position=why.anchor.position,
        ),
        plain=why.plain,
        arithmetic=why.arithmetic,
        notes=list(why.notes),
    )


def counts_view(counts: Mapping[Status, int]) -> StatusCounts:
    """Return the counts of all statuses."""
    return StatusCounts(**{each.value: counts.get(each, 0) for each in Status})


CSV_COLUMNS = (
    *(name for name in ReviewView.model_fields if name != "explanation"),
    *(name for name in ExplanationView.model_fields if name not in {"anchor", "notes"}),
    "anchor",
    "anchor_on",
    "notes",
)


def reviews_csv(views: Iterable[ReviewView]) -> str:
    """Return reviews as CSV with a header line; no cell can be taken for a formula."""
    return table_as_csv(CSV_COLUMNS, map(_flat, views))


def _flat(view: ReviewView) -> dict[str, Any]:
    row = view.model_dump(mode="json")
    why: dict[str, Any] = row.pop("explanation")
    anchor = why.pop("anchor")
    notes = " ".join(why.pop("notes"))
    row["roles"] = " ".join(row["roles"])
    return row | why | {"anchor": anchor["description"], "anchor_on": anchor["occurred_on"], "notes": notes}


def held_back_view(listed: Listed) -> HeldBackView:
    """Return the view of a notice that was held back."""
    held = listed.held
    return HeldBackView(
        notice_id=held.notice_id,
        kind=held.kind.value,
        about_on=held.about_on,
        held_back_at=held.held_back_at,
        state=listed.state.value,
        decided_at=listed.decided_at,
        decided_by=listed.decided_by,
        data=dict(held.data),
    )


def held_back_count(kind: NoticeKind, month_on: date, waiting: int) -> HeldBackCount:
    """Return how many notices of a kind wait that are about the month that begins on ``month_on``."""
    return HeldBackCount(kind=kind.value, month=f"{month_on:%Y-%m}", waiting=waiting)


def endpoint_view(endpoint: Endpoint) -> EndpointView:
    """Return the view of an endpoint."""
    return EndpointView(**endpoint_members(endpoint))


def endpoint_members(endpoint: Endpoint) -> dict[str, Any]:
    """Return the members of an endpoint's view."""
    kinds = None if endpoint.kinds is None else [kind.value for kind in endpoint.kinds]
    return {
        "endpoint_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "kinds": kinds,
        "description": endpoint.description,
        "enabled": endpoint.enabled,
        "created_at": endpoint.created_at,
        "disabled_at": endpoint.disabled_at,
        "disabled_because": endpoint.disabled_because,
    }


def delivery_view(delivery: Delivery) -> DeliveryView:
    """Return the view of a delivery."""
    return DeliveryView(
        notice_id=delivery.notice_id,
        webhook_id=webhook_id(delivery.notice_id),
        kind=delivery.kind.value,
        review_id=delivery.review_id,
        created_at=delivery.created_at,
        state=delivery.state.value,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at if delivery.state is DeliveryState.PENDING else None,
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """Return the view of an attempt."""
    return AttemptView(
        number=attempt.number,
        started_at=attempt.started_at,
        duration_ms=attempt.duration_ms,
        status=attempt.status,
        error=None if attempt.error is None else attempt.error.value,
        excerpt=attempt.excerpt,
    )


def pack_view(pack: Pack) -> PackView:
    """Return the view of a pack with its rules."""
    rules = [
        RuleView(
            key=rule.key,
            title=rule.title,
            basis=rule.basis,
            citation=rule.citation,
            verified=rule.verified_by is not None,
            verified_by=rule.verified_by,
            verified_on=rule.verified_on,
            effective_from=rule.effective_from,
            effective_to=rule.effective_to,
        )
        for rule in pack.rules
    ]
    return PackView(
        pack=pack.pack,
        edition=pack.edition,
        title=pack.title,
        jurisdiction=pack.jurisdiction,
        source=pack.source,
        rules=rules,
    )


def adopted_views(timetable: Timetable) -> list[AdoptedPackView]:
    """Return the packs to which a council works, and those that it adopted and that are not at hand."""
    at_hand = [
        AdoptedPackView(
            pack=each.pack.pack,
            edition=each.pack.edition,
            effective_on=None if each.effective_on == date.min else each.effective_on,
            position=each.position or None,
            available=True,
        )
        for each in timetable.adopted
    ]
    missing = [
        AdoptedPackView(
            pack=each.pack,
            edition=each.edition,
            effective_on=each.effective_on,
            position=each.position,
            available=False,
        )
        for each in timetable.unknown
    ]
    return at_hand + missing


def calendar_views(timetable: Timetable) -> list[CalendarView]:
    """Return the calendars on which adopted rules count, and those about which a council decided something."""
    named = {rule.calendar for each in timetable.adopted for rule in each.pack.rules}
    shown = ((name, each.present) for name, each in sorted(timetable.calendars.items()))
    return [_calendar_view(each) for name, each in shown if name in named or each.council_days or each.follows]


def _calendar_view(calendar: WorkingCalendar) -> CalendarView:
    follows = calendar.follows
    return CalendarView(
        calendar=calendar.name,
        title=calendar.title,
        source=calendar.source,
        holidays_from=calendar.first_on,
        holidays_to=calendar.last_on,
        follows=follows
        and FollowedView(calendar=follows.calendar, decided_on=follows.decided_on, position=follows.position),
        council_days=len(calendar.council_days),
        changed=[
            CouncilDayView(
                holiday_on=each.day,
                worked=each.worked,
                reason=each.reason,
                decided_on=each.decided_on,
                position=each.position,
            )
            for each in calendar.council_days
        ],
    )
