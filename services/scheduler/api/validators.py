"""``ETag`` and 304: an answer that was given before is not read again while it would be the same.

The validator is weak: it tells that an answer says the same, not that its bytes are the same.  It is made
of what is shown, the civil day, the question and the authority that asks, so that it can be compared
without reading what it validates.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from hashlib import sha256
from typing import Annotated, Any

import orjson
from fastapi import Header, Request, Response

from services.scheduler.store.shown import Shown
from shared.runtime.times import Times

IfNoneMatch = Annotated[
    str | None,
    Header(description="`ETag` of an answer to the same question; while it would say the same, the answer is 304."),
]

_TEXT = {"schema": {"type": "string"}}
#: Describes both answers of an operation that has a validator.
VALIDATED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "Send it as `If-None-Match` to ask whether anything changed.", **_TEXT}}},
    304: {"description": "What was answered before still holds.", "headers": {"ETag": _TEXT}},
}


@dataclass(frozen=True, slots=True)
class Validator:
    """The validator of one answer."""

    etag: str

    @property
    def headers(self) -> dict[str, str]:
        """What stands beside the answer, and beside a 304 in its place."""
        return {"etag": self.etag, "vary": "accept, authorization"}

    def is_known(self, if_none_match: str | None) -> bool:
        """Tell whether the caller names this answer; ``*`` names none, and is answered in full."""
        named = (each.strip().removeprefix("W/") for each in (if_none_match or "").split(","))
        return self.etag.removeprefix("W/") in named

    def unchanged(self) -> Response:
        """Return the 304."""
        return Response(status_code=304, headers=self.headers)


def validator_of(request: Request, authority_id: str, when: Times, shown: Shown, *, form: str = "json") -> Validator:
    """Return the validator of the answer, in JSON or another form, to this request."""
    question = [request.url.path, sorted(request.query_params.multi_items()), form]
    made_of = orjson.dumps([authority_id, when.today, *astuple(shown), question])
    return Validator(f'W/"{sha256(made_of).hexdigest()[:32]}"')
