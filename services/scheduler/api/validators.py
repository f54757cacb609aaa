"""``ETag`` and 304: an answer that was given before is not read again while it would be the same.

The validator is weak: it tells that an answer says the same, not that its bytes are the same.  It is made
of what is shown, the program that shows it, the civil day, the question and the authority that asks, so
that it can be compared without reading what it validates.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import Header, Request, Response

from services.scheduler.store.shown import Shown
from shared.runtime.times import Times

IfNoneMatch = Annotated[
    str | None,
    Header(description="`ETag` of an answer to the same question; while it would say the same, the answer is 304."),
]

#: Whose code makes answers of what is stored.
_ANSWERING = ("services/scheduler", "shared")

_TEXT = {"schema": {"type": "string"}}
#: Describes both answers of an operation that has a validator.
VALIDATED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "Send it as `If-None-Match` to ask whether anything changed.", **_TEXT}}},
    304: {"description": "What was answered before still holds.", "headers": {"ETag": _TEXT}},
}


@cache
def _program() -> str:
    """Return a digest of the code that answers: another release may say the same things in other words."""
    root = Path(__file__).parents[3]
    sources = sorted(path for part in _ANSWERING for path in (root / part).rglob("*.py"))
    return sha256(b"".join(sha256(path.read_bytes()).digest() for path in sources)).hexdigest()


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
    made_of = orjson.dumps([_program(), authority_id, when.today, *astuple(shown), question])
    return Validator(f'W/"{sha256(made_of).hexdigest()[:32]}"')
