"""Identifiers: what they look like, and the streams they name.

Every identifier of a child is chosen by the council's own system.  It must be
opaque: a Community Health Index number encodes date of birth and sex, so ten
digits are refused as a child's identifier.
"""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import AfterValidator, StringConstraints

#: Root of all derived identifiers, so that replaying a log gives the same ones.
NAMESPACE = UUID("5f0e7d0a-3c1b-5d1e-9c2a-8b6f4e2d1a00")

AUTHORITY_PATTERN = r"^[a-z][a-z0-9-]{1,39}$"
IDENTIFIER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
CODE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"

CHILD_STREAM_PREFIX = "child-"
#: The stream of facts about the council itself, such as the timetables it adopts.
AUTHORITY_STREAM = "authority"

_CHI_LIKE = re.compile(r"^[0-9]{10}$")


def refuse_chi_number(child_id: str) -> str:
    """Return ``child_id``; raise ValueError if it looks like a CHI number."""
    if _CHI_LIKE.match(child_id):
        raise ValueError("ten digits look like a CHI number, which identifies a person; use an opaque identifier")
    return child_id


Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER_PATTERN)]
Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
ChildId = Annotated[Identifier, AfterValidator(refuse_chi_number)]


def child_stream(child_id: str) -> str:
    """Name the stream of one child."""
    return f"{CHILD_STREAM_PREFIX}{child_id}"


def child_of_stream(stream: str) -> str | None:
    """Return the child whose stream this is, or None for a stream about no child."""
    if not stream.startswith(CHILD_STREAM_PREFIX):
        return None
    return stream.removeprefix(CHILD_STREAM_PREFIX)


def check_stream(stream: str) -> str:
    """Return ``stream`` if it names one child or the authority.

    Raises ValueError otherwise; the message never repeats the value.
    """
    if stream == AUTHORITY_STREAM:
        return stream
    child_id = child_of_stream(stream)
    if child_id is None or not re.fullmatch(IDENTIFIER_PATTERN[1:-1], child_id):
        raise ValueError(f"a stream is '{AUTHORITY_STREAM}' or '{CHILD_STREAM_PREFIX}' and an identifier")
    refuse_chi_number(child_id)
    return stream


def derived_id(*parts: str | int) -> UUID:
    """Return the UUID that these parts always give, in this order."""
    return uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))
