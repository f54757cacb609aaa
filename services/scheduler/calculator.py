"""What the calculator takes and answers, as JSON; the HTTP operation and the operator's command share it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import orjson
from pydantic import Field, ValidationError

from services.scheduler.representations import explanation_view
from services.scheduler.schemas import ExplanationView, View
from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.errors import InvalidInput
from shared.domain.timetable.reviews import Certainty, Outcome, Review, Status, What, status
from shared.domain.timetable.rules import Pack
from shared.policies.dates import Asked, Dates
from shared.wire.faults import faults_of


class UsedPackView(View):
    """An edition of a timetable pack that judged what was asked."""

    pack: str
    edition: str
    title: str
    jurisdiction: str
    source: str


class CalculatedReviewView(View):
    """One review that would follow, and how it stands on the day asked about."""

    what: What = Field(description="What is owed; of visits and the like none is asked about, so none is done.")
    kind: str = Field(description="Key of the rule that owes it.")
    title: str
    ordinal: int
    status: Status
    due_on: date | None = Field(description="Last lawful civil day; null where the law asks for an agreed frequency.")
    due_at: datetime | None = Field(description="The instant, where the rule counts hours.")
    last_working_day_on: date | None = Field(description="Last working day on or before `due_on`.")
    certainty: Certainty
    outcome: Outcome
    held_on: date | None
    days_late: int | None = Field(description="Days by which it was held late; 0 if on time; null if not held.")
    closed_on: date | None
    closed_because: str | None
    explanation: ExplanationView = Field(
        description="As for a review on record, but for `anchor.position`, which is null: nothing is recorded."
    )


class NotCountedView(View):
    """A meeting that was given and satisfies none of the reviews."""

    held_on: date
    meeting_kind: MeetingKind


class NotAskedView(View):
    """A rule of the packs that owes nothing here: what starts its clock is not asked about."""

    pack: str
    kind: str = Field(description="Key of the rule.")
    title: str
    event: str = Field(description="The event type that starts its clock.")


class DatesAnswer(View):
    """Every review that would follow, by due date; those without a due date come last."""

    on: date = Field(description="The civil day from which statuses are seen.")
    packs: list[UsedPackView]
    reviews: list[CalculatedReviewView]
    not_counted: list[NotCountedView] = Field(description="Meetings given that are none of these reviews.")
    not_asked: list[NotAskedView] = Field(
        description="Rules of which nothing can follow, because the calculator does not ask about their events."
    )


def read_asked(members: Any) -> Asked:
    """Return what the members of a decoded JSON object ask; raises InvalidInput with pointers to what cannot be."""
    try:
        return Asked.model_validate_json(orjson.dumps(members))
    except ValidationError as error:
        raise InvalidInput(faults=faults_of(error.errors(include_input=False, include_url=False))) from None


def dates_answer(found: Dates, on: date) -> DatesAnswer:
    """Return the answer, with statuses as they are seen from the day ``on``."""
    return DatesAnswer(
        on=on,
        packs=[_pack_view(pack) for pack in found.packs],
        reviews=[_review_view(review, on) for review in found.reviews],
        not_counted=[
            NotCountedView(held_on=each.held_on, meeting_kind=each.meeting_kind) for each in found.not_counted
        ],
        not_asked=[NotAskedView(**asdict(each)) for each in found.not_asked],
    )


def _pack_view(pack: Pack) -> UsedPackView:
    return UsedPackView(**{name: getattr(pack, name) for name in UsedPackView.model_fields})


#: What a review says in its own members.
_PLAIN = CalculatedReviewView.model_fields.keys() - {"status", "explanation"}


def _review_view(review: Review, on: date) -> CalculatedReviewView:
    why = explanation_view(review.explanation)
    nowhere = why.anchor.model_copy(update={"position": None})
    return CalculatedReviewView(
        **{name: getattr(review, name) for name in _PLAIN},
        status=status(review, as_of=on),
        explanation=why.model_copy(update={"anchor": nowhere}),
    )
