"""Query parameters that several operations share, and how an answer becomes JSON or CSV."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response

from services.reporting.representations import provenance_headers
from services.reporting.schemas import Provenance
from shared.runtime.resources import Resources, resources
from shared.runtime.times import Times, times

CSV = "text/csv"
CSV_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}

Opened = Annotated[Resources, Depends(resources)]
When = Annotated[Times, Depends(times)]
Format = Annotated[
    Literal["json", "csv"] | None, Query(description="`csv` for a spreadsheet; `Accept: text/csv` does the same.")
]


def wants_csv(request: Request, asked: str | None) -> bool:
    """Tell whether the caller asked for CSV, by parameter or by header."""
    if asked is not None:
        return asked == "csv"
    accepted = request.headers.get("accept", "")
    return any(part.partition(";")[0].strip().lower() == CSV for part in accepted.split(","))


def csv_response(text: str, answer: Provenance, **headers: str) -> Response:
    """Return a CSV answer; headers say what it was made from, as the JSON answer does."""
    return Response(text, headers=provenance_headers(answer) | headers, media_type=f"{CSV}; charset=utf-8")
