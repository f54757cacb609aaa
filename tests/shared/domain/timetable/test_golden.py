"""Whole timelines, one file each beside this module: what each pack makes of one story.

A file is changed only on purpose: it is what a council would see.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.domain.timetable.reviews import Review, What
from shared.policies.loader import known_packs
from tests.shared.domain.timetable.story import Story, adopting

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def plain(review: Review) -> dict[str, Any]:
    """Return what a golden file says of a review; what is None or plain is left out."""
    said = {
        "what": None if review.what is What.REVIEW else review.what,
        "kind": review.kind,
        "ordinal": review.ordinal,
        "due_on": review.due_on,
        "due_at": review.due_at,
        "last_working_day_on": review.last_working_day_on,
        "certainty": review.certainty,
        "outcome": review.outcome,
        "held_on": review.held_on,
        "days_late": review.days_late or None,
        "booked_on": review.booked_on,
        "closed_because": review.closed_because,
        "citation": review.explanation.citation,
        "arithmetic": review.explanation.arithmetic,
    }
    return {name: str(value) if name != "ordinal" else value for name, value in said.items() if value is not None}


def timeline(golden: dict[str, Any]) -> list[dict[str, Any]]:
    story = Story()
    for fact in golden["facts"]:
        story.tell(fact["type"], fact["occurred_on"], **fact.get("data", {}))
    reviews = story.reviews(timetable=adopting(*golden["packs"]))
    return [plain(review) for review in reviews if review.explanation.pack == golden["shown"]]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_timeline(path: Path) -> None:
    """The timeline of this story is, review for review and word for word, the one on file."""
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert timeline(golden) == golden["reviews"]


def test_every_pack_has_a_golden_timeline() -> None:
    """No pack is shipped without a timeline on file."""
    shown = {json.loads(path.read_text(encoding="utf-8"))["shown"] for path in GOLDEN}
    assert shown == {pack.pack for pack in known_packs()}
