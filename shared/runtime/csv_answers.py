"""Answering in CSV where the caller asks for it, by parameter or by header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response

CSV = "text/csv"
#: With this header a page in CSV names the cursor of the next one.
NEXT_CURSOR_HEADER = "homeward-next-cursor"
#: Describes the CSV beside the JSON of an operation.
CSV_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}

Format = Annotated[
    Literal["json", "csv"] | None, Query(description="`csv` for a spreadsheet; `Accept: text/csv` does the same.")
]


def wants_csv(request: Request, asked: str | None) -> bool:
    """Tell whether the caller asked for CSV, by parameter or by header."""
    if asked is not None:
        return asked == "csv"
    accepted = request.headers.get("accept", "")
    return any(part.partition(";")[0].strip().lower() == CSV for part in accepted.split(","))


def csv_response(text: str, *, headers: Mapping[str, str] | None = None, next_cursor: str | None = None) -> Response:
    """Return a CSV answer; ``next_cursor``, if any, stands in a header, for CSV has no place beside its rows."""
    following = {} if next_cursor is None else {NEXT_CURSOR_HEADER: next_cursor}
    return Response(text, headers={**(headers or {}), **following}, media_type=f"{CSV}; charset=utf-8")
