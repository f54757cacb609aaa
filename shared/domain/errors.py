"""Everything a caller can do wrong, as types.

::

    HomewardError                    has a stable problem type, title and status
    ├── InvalidInput                 422  the request or event breaks a rule
    ├── MalformedBody                400  the bytes cannot be read as what they claim to be
    ├── UnreadableUrl                400  the URL cannot be read, or is too long
    ├── UnsupportedMedia             415  no such format is taken here
    ├── BodyTooLarge                 413  the body is over the published limit
    ├── BodyTooSlow                  408  the body did not arrive in time
    ├── NotAuthenticated             401  no key, or a key that is not valid
    ├── NotPermitted                 403  the key lacks the scope
    ├── NotFound                     404  no such thing within this authority
    ├── StreamPositionConflict       412  the stream is not where the writer believed
    ├── EventIdConflict              409  the id is taken by other content
    ├── TooManyWaiting               429  no more readers of one authority may wait
    └── NotReady                     503  a dependency is away; try again

The first line of each docstring is the problem's title.  Messages never repeat a
value that was sent: it may be a child's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    ``pointer`` is a JSON Pointer (RFC 6901) into the body, or ``?name`` for a query
    parameter, or ``:name`` for a header or path part.  ``code`` is stable.
    """

    pointer: str
    code: str
    message: str


class HomewardError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"

    def __init__(self, detail: str = "", *, faults: Sequence[Fault] = ()) -> None:
        """Keep what to tell the caller: a sentence, and the single faults."""
        self.detail = detail or self.title
        self.faults = tuple(faults)
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """The first line of the docstring of the error's class."""
        return (type(self).__doc__ or "").strip().splitlines()[0]


class InvalidInput(HomewardError):
    """The request breaks a rule of this API."""

    status = 422
    slug = "invalid-input"


class MalformedBody(HomewardError):
    """The body cannot be read as the format it claims to be."""

    status = 400
    slug = "malformed-body"


class UnreadableUrl(HomewardError):
    """The URL cannot be read, or is too long."""

    status = 400
    slug = "unreadable-url"


class UnsupportedMedia(HomewardError):
    """This operation does not take that media type."""

    status = 415
    slug = "unsupported-media-type"


class BodyTooLarge(HomewardError):
    """The body is larger than this operation takes."""

    status = 413
    slug = "body-too-large"


class BodyTooSlow(HomewardError):
    """The body did not arrive in time."""

    status = 408
    slug = "body-too-slow"


class NotAuthenticated(HomewardError):
    """A valid API key is needed."""

    status = 401
    slug = "not-authenticated"


class NotPermitted(HomewardError):
    """The API key lacks the scope for this operation."""

    status = 403
    slug = "not-permitted"


class NotFound(HomewardError):
    """There is no such thing within this authority."""

    status = 404
    slug = "not-found"


class StreamPositionConflict(HomewardError):
    """The stream is not at the expected position."""

    status = 412
    slug = "stream-position-conflict"


class EventIdConflict(HomewardError):
    """An event with this source and id is stored with other content."""

    status = 409
    slug = "event-id-conflict"


class TooManyWaiting(HomewardError):
    """Too many readers of this authority wait for events."""

    status = 429
    slug = "too-many-waiting"


class NotReady(HomewardError):
    """A part that this operation needs is not ready; try again shortly."""

    status = 503
    slug = "not-ready"
