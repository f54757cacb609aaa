"""Rows of the log as JSON text, as :class:`shared.wire.feed.RecordedEventView` describes it.

A page may hold a thousand events, so it is written by msgspec from the rows themselves.
The stored CloudEvent goes out as the bytes it is; all else passes through the encoder, so
that no row can break out of its place in the text, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from services.events.store.read import Page, Row


class _View(msgspec.Struct, gc=False):
    position: int
    stream: str
    stream_position: int
    recorded_at: datetime
    recorded_by: str
    digest: str
    link: str
    event: msgspec.Raw


class _Page(msgspec.Struct, gc=False):
    events: list[_View]
    next_after: int
    at_head: bool
    head: int


_encode = msgspec.json.Encoder().encode


def event_text(row: Row) -> bytes:
    """Return one event; the text holds line ends only where the posted body does."""
    (view,) = _views((row,))
    return _encode(view)


def page_text(page: Page) -> bytes:
    """Return a page, as :class:`shared.wire.feed.FeedPage` describes it."""
    return _encode(_Page(_views(page.rows), page.next_after, page.at_head, page.head))


def _views(rows: Iterable[Row]) -> list[_View]:
    raw = msgspec.Raw
    return [
        _View(position, stream, stream_position, at, by, "sha256:" + digest.hex(), "sha256:" + link.hex(), raw(body))
        for position, stream, stream_position, at, by, body, digest, link in rows
    ]
