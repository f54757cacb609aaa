"""What a what-if is answered, as JSON; the HTTP operation and the operator's command share it."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from services.scheduler.projection.what_if import LOAD_MONTHS, MOST_LISTED, Change, Differences, Draft, Kind, Load
from services.scheduler.schemas import View
from shared.domain.timetable.reviews import Certainty, Status, status
from shared.policies.linter import Reading


class FindingView(View):
    """What the linter asks the author of a pack to look at again."""

    line: int
    column: int
    key: str
    code: str
    message: str


class WhatIfChangeView(View):
    """A review that would be another one."""

    change: Kind
    review_id: str
    child_id: str
    team: str | None
    kind: str
    title: str
    ordinal: int
    certainty: Certainty
    due_on: date | None = Field(description="As it stands; null where it is not owed, or has no day.")
    would_be_due_on: date | None = Field(description="By the draft; null where it would not be owed, or have no day.")
    status: Status | None = Field(description="As it stands today; null where it is not owed.")
    would_be_status: Status | None = Field(description="By the draft, today; null where it would not be owed.")
    would_be_overdue: bool = Field(description="Overdue by the draft, and not as it stands.")


class WhatIfCounts(View):
    """How much would change, whatever is listed."""

    children: int
    reviews: int
    would_be_reviews: int
    moved: int
    appearing: int
    vanishing: int
    settled_otherwise: int = Field(description="Due on the same day, and held, missed or open where it is not now.")
    overdue: int
    overdue_by_draft: int
    would_be_overdue: int = Field(description="Overdue by the draft, and not as it stands.")
    no_longer_overdue: int


class LoadView(View):
    """How many open reviews of a team fall due in a month."""

    month: str = Field(examples=["2026-11"])
    team: str | None
    reviews: int
    would_be_reviews: int


class WhatIfAnswer(View):
    """What would change if the council adopted the draft. Nothing was stored."""

    as_of: date
    projection_position: int
    pack: str
    edition: str
    adopt_on: date
    findings: list[FindingView] = Field(description="Warnings about the draft; with errors there is no answer.")
    counts: WhatIfCounts
    changes: list[WhatIfChangeView] = Field(
        description=f"At most {MOST_LISTED}: those that would be overdue first, then by the day they would be due."
    )
    left_out: int = Field(description="Changes that are counted and not listed.")
    load: list[LoadView] = Field(
        description=f"By month and team, for {LOAD_MONTHS} months, the present one first; without what is 0 both times."
    )


def what_if_answer(found: Differences, draft: Draft, reading: Reading, position: int) -> WhatIfAnswer:
    """Return the answer; ``reading`` is that of the draft, ``position`` that of the log up to which it was asked."""
    return WhatIfAnswer(
        as_of=found.today,
        projection_position=position,
        pack=draft.pack.pack,
        edition=draft.pack.edition,
        adopt_on=draft.adopt_on,
        findings=[
            FindingView(line=each.line, column=each.column, key=each.key, code=each.code, message=each.message)
            for each in reading.warnings
        ],
        counts=_counts(found),
        changes=[_change(each, found.today) for each in found.listed],
        left_out=found.left_out,
        load=_load(found.load),
    )


def _counts(found: Differences) -> WhatIfCounts:
    return WhatIfCounts(
        children=found.children,
        reviews=found.now,
        would_be_reviews=found.drafted,
        overdue=found.overdue_now,
        overdue_by_draft=found.overdue_drafted,
        would_be_overdue=found.would_be_overdue,
        no_longer_overdue=found.no_longer_overdue,
        **{kind.value: found.kinds[kind] for kind in Kind},
    )


def _change(change: Change, today: date) -> WhatIfChangeView:
    now, drafted, review = change.now, change.drafted, change.review
    return WhatIfChangeView(
        change=change.kind,
        review_id=str(review.review_id),
        child_id=review.child_id,
        team=review.team,
        kind=review.kind,
        title=review.title,
        ordinal=review.ordinal,
        certainty=review.certainty,
        due_on=now and now.due_on,
        would_be_due_on=drafted and drafted.due_on,
        status=now and status(now, as_of=today),
        would_be_status=drafted and status(drafted, as_of=today),
        would_be_overdue=change.would_be_overdue,
    )


def _load(load: Load) -> list[LoadView]:
    places = sorted(load.now.keys() | load.drafted.keys(), key=lambda each: (each[0], each[1] or ""))
    return [
        LoadView(
            month=f"{month:%Y-%m}",
            team=team,
            reviews=load.now[month, team],
            would_be_reviews=load.drafted[month, team],
        )
        for month, team in places
    ]
