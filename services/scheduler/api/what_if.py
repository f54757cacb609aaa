"""What-if over HTTP: what would change if the council adopted a pack that is still a draft."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.scheduler.api.parameters import json_body
from services.scheduler.projection.what_if import Draft
from services.scheduler.store.events import log_copy
from services.scheduler.what_if import Room, differences
from services.scheduler.what_if_answer import WhatIfAnswer, what_if_answer
from shared.domain.catalogue.base import CivilDate
from shared.domain.clock import civil_date
from shared.domain.errors import Fault, InvalidInput
from shared.domain.timetable.rules import Pack
from shared.identity.keys import Scope
from shared.policies.linter import TEXT_MAX, Finding, Reading, check
from shared.runtime.auth import Principal, require
from shared.runtime.database import snapshot
from shared.runtime.problems import faults_of
from shared.runtime.resources import Opened

router = APIRouter(tags=["timetables"])

#: A pack as long as any may be, in JSON.
MAX_DRAFT_BYTES = 3 * TEXT_MAX

#: Errors of a draft that are told at once.
MOST_FAULTS = 100
_NAME = "draft"


class WhatIfAsked(BaseModel):
    """A draft pack, and the day from which it would count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pack: str = Field(max_length=TEXT_MAX, description="The pack as its file would say it, in TOML.")
    adopt_on: CivilDate = Field(
        description="The first day for whose clocks its rules would count; in the past, to see it on today's children."
    )


_BODY = {
    "requestBody": {
        "required": True,
        "description": f"At most {MAX_DRAFT_BYTES} bytes.",
        "content": {"application/json": {"schema": WhatIfAsked.model_json_schema()}},
    }
}


@router.post("/v1/timetables/what-if", openapi_extra=_BODY)
async def ask_what_if(
    request: Request, principal: Annotated[Principal, Depends(require(Scope.REVIEWS_READ))], opened: Opened
) -> WhatIfAnswer:
    """Tell what would change if the council adopted a draft pack; nothing is written.

    A draft with errors is refused, with the line, column and key of each. One question of a council is
    answered at a time.
    """
    asked = _parsed(await json_body(request, MAX_DRAFT_BYTES))
    today = civil_date(opened.clock.now())
    room: Room = request.app.state.what_if_room
    async with room.of(principal.authority_id), snapshot(opened.engine) as connection:
        reading = await asyncio.to_thread(check, asked.pack, _NAME)
        draft = Draft(_pack_of(reading), asked.adopt_on)
        position = await log_copy.position(connection, principal.authority_id)
        found = await differences(connection, principal.authority_id, draft, today)
    return what_if_answer(found, draft, reading, position)


def _parsed(body: Any) -> WhatIfAsked:
    try:
        return WhatIfAsked.model_validate_json(orjson.dumps(body))
    except ValidationError as error:
        raise InvalidInput(faults=faults_of(error.errors(include_input=False, include_url=False))) from None


def _pack_of(reading: Reading) -> Pack:
    """Return the pack that was read; raises InvalidInput with what is wrong with it, or the first of that."""
    if reading.pack is None:
        faults = [_fault(each) for each in reading.errors[:MOST_FAULTS]]
        told = f" Its first {MOST_FAULTS} errors are told." if len(reading.errors) > MOST_FAULTS else ""
        raise InvalidInput(f"The draft is no pack yet.{told}", faults=faults)
    return reading.pack


def _fault(finding: Finding) -> Fault:
    # A pack holds nothing about a child, so what is told of it may quote it.
    key = f", {finding.key}" if finding.key else ""
    return Fault("/pack", finding.code, f"Line {finding.line}, column {finding.column}{key}: {finding.message}.")
