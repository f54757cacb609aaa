"""Opaque cursors: where a page ended, in a form that callers give back and do not read.

A cursor belongs to one list and to the filters with which it was asked.  With others its
page would silently leave things out, so there it is refused.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Self, TypeVar
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.domain.errors import Fault, InvalidInput

#: Query parameters that say which part of a list is shown and how, not what is in it.
NO_FILTERS = frozenset({"cursor", "limit", "format"})

Place = TypeVar("Place", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one list, asked for with certain filters."""

    list_name: str
    digest: str

    @classmethod
    def of(cls, list_name: str, parameters: Iterable[tuple[str, str]]) -> Self:
        """Return those of a list; ``parameters`` are the names and values of the request's query, in any order."""
        filters = sorted({(name, value) for name, value in parameters if name not in NO_FILTERS})
        return cls(list_name, sha256(orjson.dumps(filters)).hexdigest()[:16])

    def encode(self, *place: str | int | date | UUID) -> str:
        """Return the cursor of this place in the list."""
        # asyncpg gives identifiers as a subclass of UUID, which orjson writes by its text only.
        text = orjson.dumps([self.list_name, self.digest, *place], default=str)
        return urlsafe_b64encode(text).decode().rstrip("=")

    def decode(self, cursor: str, shape: TypeAdapter[Place]) -> Place:
        """Return the place that a cursor names, in the types of ``shape``.

        Raises InvalidInput for a cursor of another list or of other filters, and for any
        text that :meth:`encode` does not make.
        """
        match _written(cursor):
            case [self.list_name, self.digest, *parts]:
                place = _typed(parts, shape)
            case _:
                raise _foreign()
        # What was made here is written in one way only.
        if self.encode(*place) != cursor:
            raise _foreign()
        return place


def _written(cursor: str) -> Any:
    try:
        return orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise _foreign() from None


def _typed(parts: list[Any], shape: TypeAdapter[Place]) -> Place:
    try:
        return shape.validate_json(orjson.dumps(parts), strict=True)
    except ValidationError:
        raise _foreign() from None


def _foreign() -> InvalidInput:
    message = "Send the cursor exactly as it was given, to the same list, with the same filters."
    return InvalidInput(faults=[Fault("?cursor", "cursor_unknown", message)])
