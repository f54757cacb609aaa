"""The calculator over HTTP: every review that would follow from a few dates, without a record."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request

from services.scheduler.api.parameters import MAX_BODY_BYTES, json_body
from services.scheduler.calculator import DatesAnswer, dates_answer, read_asked
from shared.domain.clock import civil_date
from shared.identity.keys import Scope
from shared.policies.dates import Asked, dates
from shared.runtime.auth import require
from shared.runtime.resources import Opened

router = APIRouter(tags=["timetables"])


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put every definition where it is referred to: references here would be looked for in the whole document."""
    definitions = schema.pop("$defs", {})

    def written(part: Any) -> Any:
        if isinstance(part, list):
            return [written(each) for each in part]
        if not isinstance(part, dict):
            return part
        definition = definitions.get(str(part.get("$ref")).rpartition("/")[2], {})
        return {name: written(each) for name, each in (definition | part).items() if name != "$ref"}

    inlined: dict[str, Any] = written(schema)
    return inlined


_BODY = {
    "requestBody": {
        "required": True,
        "description": f"At most {MAX_BODY_BYTES} bytes.",
        "content": {"application/json": {"schema": inlined(Asked.model_json_schema())}},
    }
}


# Any council's key will do: nothing here is a council's.
@router.post("/v1/timetables/dates", openapi_extra=_BODY, dependencies=[Depends(require(Scope.REVIEWS_READ))])
async def calculate_dates(request: Request, opened: Opened) -> DatesAnswer:
    """Calculate every review that would follow from the dates given, each with its explanation.

    Nothing is read and nothing is stored: not what the council recorded, and not the packs it
    adopted. The packs named count from the beginning of time, each in its latest edition;
    their rules are judged by the day on which the child was accommodated, or the home began.
    """
    asked = read_asked(await json_body(request))
    found = await asyncio.to_thread(dates, asked)
    return dates_answer(found, asked.on or civil_date(opened.clock.now()))
