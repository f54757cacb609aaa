"""Calendar feeds: lent to people by an address, revoked at any time, and read by calendar programs."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from secrets import token_bytes
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.scheduler.api.dates import inlined
from services.scheduler.api.parameters import MAX_BODY_BYTES, MAX_VALUES, Cursor, Limit, json_body
from services.scheduler.api.validators import VALIDATED, IfNoneMatch, Validator, validator_of
from services.scheduler.calendar_text import Seen, calendar_text, closed_since
from services.scheduler.schemas import View
from services.scheduler.store import feeds as store
from services.scheduler.store.events import log_copy
from services.scheduler.store.feeds import Contents, Feed
from services.scheduler.store.shown import shown
from shared.domain.catalogue.base import ShortText
from shared.domain.catalogue.roles import Role
from shared.domain.clock import civil_date
from shared.domain.errors import Fault, InvalidInput, NotFound
from shared.domain.ids import Code
from shared.domain.timetable.reviews import What
from shared.identity.feed_tokens import FeedToken, new_feed_token, parse_feed_token
from shared.identity.keys import Scope
from shared.policies.loader import known_packs
from shared.runtime.auth import Principal, require
from shared.runtime.database import Connection, snapshot
from shared.runtime.problems import faults_of
from shared.runtime.resources import Opened
from shared.runtime.times import Times
from shared.wire.cursor import Cursors

router = APIRouter(tags=["calendars"])

#: Feeds of one authority that are lent at the same time.
MAX_LENT = 500
#: Reviews in one calendar, which then has about two megabytes: more is slow in calendar programs.
MAX_EVENTS = 3_000

MEDIA_TYPE = "text/calendar"

#: Calendars written at the same time in one process; further ones wait, so that no address can keep it busy.
MAX_WRITING = 2

Manager = Annotated[Principal, Depends(require(Scope.CALENDARS_MANAGE))]

# Bounded, because an instant at the edge of the calendar cannot be turned into UTC.
_Made = Annotated[AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
_PLACE = TypeAdapter(tuple[_Made, UUID])


class NewCalendarFeed(BaseModel):
    """A calendar feed to lend. Whoever is given its address sees all that is named here, until it is revoked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    team: Code | None = Field(None, description="Only what is owed to this team's children; null: to all.")
    role: Role | None = Field(
        None,
        description="Only the work of this role, and what a rule leaves to nobody in particular; null: of all roles.",
    )
    what: list[What] | None = Field(
        None, min_length=1, max_length=len(What), description="Only reviews, visits and so on; null: all that is owed."
    )
    kinds: list[Code] | None = Field(
        None, min_length=1, max_length=MAX_VALUES, description="Only these kinds (keys of rules); null: all."
    )
    description: ShortText | None = Field(None, description="For whom it is; shown in lists only, not in the calendar.")


class CalendarFeedView(View):
    """A calendar feed that was lent; its address is shown once, when it is made."""

    feed_id: UUID
    team: str | None
    role: Role | None
    what: list[What] | None
    kinds: list[str] | None
    description: str | None
    created_at: datetime
    created_by: str = Field(description="Id of the key with which it was made.")
    revoked_at: datetime | None
    revoked_by: str | None = Field(description="Id of the key with which it was revoked.")


class CalendarFeedCreated(CalendarFeedView):
    """A new calendar feed with its address, which is not shown again, and how much it shows now."""

    address: str = Field(
        description="Path of the feed, to be put behind the address of this API. Who has it needs no key.",
        examples=["/v1/calendars/hwc1.northshire.1f0c….ics"],
    )
    events: int = Field(description="Events that it shows now; 0 may mean that the team is written differently.")
    without_day: int = Field(description="Open ones without a day, which no calendar can show.")
    left_out: int = Field(description=f"Those beyond the {MAX_EVENTS} that one feed shows; it says so itself.")


class CalendarFeedPage(View):
    """A page of the calendar feeds that were lent, the oldest first."""

    items: list[CalendarFeedView]
    next_cursor: str | None = Field(description="Send as `cursor` for the next page; null on the last one.")


_BODY = {
    "requestBody": {
        "required": True,
        "description": f"At most {MAX_BODY_BYTES} bytes.",
        "content": {"application/json": {"schema": inlined(NewCalendarFeed.model_json_schema())}},
    }
}


@router.post("/v1/calendar-feeds", status_code=201, openapi_extra=_BODY)
async def lend_calendar(request: Request, principal: Manager, opened: Opened) -> CalendarFeedCreated:
    """Lend a calendar feed of what is owed; the answer shows its address this once.

    Whoever has the address reads the feed, without a key, until it is revoked.
    """
    wanted = _parsed(await json_body(request))
    now = opened.clock.now()
    token = new_feed_token(principal.authority_id, uuid4())
    feed = _new_feed(wanted, token, principal, now)
    async with opened.engine.begin() as connection:
        if await store.count_lent(connection, principal.authority_id) >= MAX_LENT:
            message = f"An authority lends at most {MAX_LENT} calendar feeds; revoke one first."
            raise InvalidInput(faults=[Fault("", "too_many_feeds", message)])
        await store.add(connection, principal.authority_id, feed)
        held = await _contents(connection, principal.authority_id, feed, civil_date(now))
    return CalendarFeedCreated(
        **_members(feed),
        address=f"/v1/calendars/{token}.ics",
        events=len(held.open) + len(held.closed),
        without_day=held.without_day,
        left_out=held.more_open + held.more_closed,
    )


@router.get("/v1/calendar-feeds")
async def list_calendars(
    request: Request, principal: Manager, opened: Opened, limit: Limit = 100, cursor: Cursor = None
) -> CalendarFeedPage:
    """List the calendar feeds that the council lent, revoked ones too, the oldest first; no address is shown again."""
    cursors = Cursors.of("calendar feeds", request.query_params.multi_items())
    after = None if cursor is None else cursors.decode(cursor, _PLACE)
    async with opened.engine.connect() as connection:
        found = await store.page(connection, principal.authority_id, after=after, limit=limit + 1)
    listed = found[:limit]
    following = None if len(found) <= limit else cursors.encode(listed[-1].created_at, listed[-1].feed_id)
    return CalendarFeedPage(items=[_view(each) for each in listed], next_cursor=following)


@router.delete("/v1/calendar-feeds/{feed_id}")
async def revoke_calendar(feed_id: UUID, principal: Manager, opened: Opened) -> CalendarFeedView:
    """Revoke a calendar feed: its address answers 404 from now on, for ever.  Doing it twice changes nothing."""
    async with opened.engine.begin() as connection:
        await store.revoke(connection, principal.authority_id, feed_id, opened.clock.now(), principal.key_id)
        feed = await store.find(connection, principal.authority_id, feed_id)
    if feed is None:
        raise NotFound
    return _view(feed)


_CALENDAR_ANSWERS: dict[int | str, dict[str, Any]] = {
    **VALIDATED,
    200: {
        **VALIDATED[200],
        "description": "The calendar (RFC 5545).",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
}


@router.get("/v1/calendars/{token}.ics", response_class=Response, responses=_CALENDAR_ANSWERS)
async def read_calendar(token: str, request: Request, opened: Opened, if_none_match: IfNoneMatch = None) -> Response:
    """Read a calendar feed by its address; no key is needed.

    It shows all that is open, and what was done or withdrawn in the last 90 days. An address that was revoked
    is answered as one that never was.
    """
    presented = parse_feed_token(token)
    if presented is None:
        raise NotFound
    today = civil_date(opened.clock.now())
    async with snapshot(opened.engine) as connection:
        feed = await _lent(connection, presented)
        validator = await _validator(connection, request, presented.authority_id, today)
    if validator.is_known(if_none_match):
        return Response(status_code=304, headers=_headers(validator))
    # Whoever waits here holds no connection that others need.
    async with request.app.state.calendars_written:
        async with snapshot(opened.engine) as connection:
            validator = await _validator(connection, request, presented.authority_id, today)
            position = await log_copy.position(connection, presented.authority_id)
            held = await _contents(connection, presented.authority_id, feed, today)
        text = await asyncio.to_thread(calendar_text, feed, Seen(today, position, held))
    return Response(text, media_type=MEDIA_TYPE, headers=_headers(validator))


async def _validator(connection: Connection, request: Request, authority_id: str, today: date) -> Validator:
    state = await shown(connection, authority_id, today)
    return validator_of(request, authority_id, Times(today, None, today), state, form="ics")


def _headers(validator: Validator) -> dict[str, str]:
    return {
        "etag": validator.etag,
        # It may be kept by who fetched it, and by nobody between; each time it is asked for anew.
        "cache-control": "private, no-cache",
        "content-disposition": 'inline; filename="homeward-reviews.ics"',
        "x-robots-tag": "noindex",
    }


async def _lent(connection: Connection, presented: FeedToken) -> Feed:
    """Return the feed whose token this is; raises NotFound, whatever it is that is wrong."""
    feed = await store.find(connection, presented.authority_id, presented.feed_id)
    if feed is None or not presented.matches(feed.digest) or feed.revoked_at is not None:
        raise NotFound
    return feed


async def _contents(connection: Connection, authority_id: str, feed: Feed, today: date) -> Contents:
    return await store.contents(connection, authority_id, feed, closed_since=closed_since(today), limit=MAX_EVENTS)


def _parsed(body: Any) -> NewCalendarFeed:
    try:
        wanted = NewCalendarFeed.model_validate_json(orjson.dumps(body))
    except ValidationError as error:
        raise InvalidInput(faults=faults_of(error.errors(include_input=False, include_url=False))) from None
    known = {rule.key for pack in known_packs() for rule in pack.rules}
    message = "No rule of the packs at hand has this key, so the calendar would stay empty; see /v1/timetables."
    unknown = [place for place, kind in enumerate(wanted.kinds or ()) if kind not in known]
    if unknown:
        raise InvalidInput(faults=[Fault(f"/kinds/{place}", "kind_unknown", message) for place in unknown])
    return wanted


def _new_feed(wanted: NewCalendarFeed, token: FeedToken, principal: Principal, now: datetime) -> Feed:
    return Feed(
        feed_id=token.feed_id,
        digest=token.digest,
        reference_key=token_bytes(32),
        team=wanted.team,
        role=wanted.role,
        what=None if wanted.what is None else tuple(sorted(set(wanted.what))),
        kinds=None if wanted.kinds is None else tuple(sorted(set(wanted.kinds))),
        description=wanted.description,
        created_at=now,
        created_by=principal.key_id,
    )


def _view(feed: Feed) -> CalendarFeedView:
    return CalendarFeedView(**_members(feed))


def _members(feed: Feed) -> dict[str, Any]:
    members = {name: getattr(feed, name) for name in CalendarFeedView.model_fields}
    return {**members, "what": feed.what and list(feed.what), "kinds": feed.kinds and list(feed.kinds)}
