"""Cases with known answers for whatever works out review dates: the engine, the command and the HTTP operation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[1] / "vectors"

#: By file, then name of the case.
CASES: dict[str, dict[str, Any]] = {
    f"{path.stem}: {case['name']}": case
    for path in sorted(_FOLDER.glob("timetable_*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
}


def wanted(case: Mapping[str, Any]) -> dict[str, list[date]]:
    """Return by kind the days, or where hours are counted the instants, by which the first reviews are due."""
    return {kind: [_read(text) for text in texts] for kind, texts in case["due"].items()}


def told(reviews: Iterable[Mapping[str, Any]], case: Mapping[str, Any]) -> dict[str, list[date]]:
    """Return what an answer's ``reviews`` say of the dates that :func:`wanted` gives."""
    found: dict[str, list[date]] = {kind: [] for kind in case["due"]}
    for review in reviews:
        if review["kind"] in found:
            found[review["kind"]].append(_read(review["due_at"] or review["due_on"]))
    return {kind: found[kind][: len(texts)] for kind, texts in case["due"].items()}


def _read(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
