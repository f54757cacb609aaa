"""What goes wrong with a database, for its operator: one sentence that says what is wrong and what to do next.

No sentence holds the URL, which may hold a password, nor a value of a row, which may be a child's.
Codes are the SQLSTATEs of PostgreSQL's documentation, appendix A.
"""

from __future__ import annotations

import socket

import asyncpg
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from shared.domain.errors import NotReady
from shared.runtime.database import UnusableUrl

_RAISED = (
    OSError,
    UnusableUrl,
    CommandError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
#: What is raised by a database that is away, refuses us, is not what it should be, or is none; and what is made of it.
DATABASE_TROUBLE = (*_RAISED, SQLAlchemyError, NotReady)

#: The database knows migrations that this release does not.
ANOTHER_RELEASE = "the database was migrated by a newer release of Homeward than this one; use that release"
_MIGRATE = "the database lacks what this release works on ({}); bring it up to date with `homeward migrate`"
_AWAY = "the database went away ({}); try again once it runs"
#: By the beginning of the SQLSTATE, the first that fits.
_SENTENCES = (
    ("28", "the database does not let Homeward in ({}); look at user and password in HOMEWARD_DATABASE_URL"),
    (
        "3D000",
        "the server has no such database ({}); make it with `createdb`, or name another in HOMEWARD_DATABASE_URL",
    ),
    ("42501", "this needs more rights ({}); put the role that owns the database into HOMEWARD_DATABASE_URL"),
    ("42P01", _MIGRATE),
    ("42703", _MIGRATE),
    ("42883", _MIGRATE),
    ("3F000", _MIGRATE),
    ("22023", _MIGRATE),
    ("08", _AWAY),
    ("57P", _AWAY),
    ("53", "the database has no room or connection left ({}); free some, and try again"),
    ("55P03", "others hold what this needs for too long ({}); try again at a quieter time"),
    ("57014", "the database took too long ({}); try again at a quieter time"),
)
_REPORTED = "the database reports trouble ({}); its own log tells more"
_OUT_OF_REACH = (
    "the database cannot be reached ({}); look whether it runs, and whether HOMEWARD_DATABASE_URL leads to it"
)


def in_words(error: Exception) -> str:
    """Say what is wrong and what to do, as the rest of a line; ``error`` is one of ``DATABASE_TROUBLE``."""
    cause = _cause(error)
    if isinstance(cause, UnusableUrl):
        return f"{cause}; it is written postgresql://user:password@host/database"
    if isinstance(cause, CommandError):
        return ANOTHER_RELEASE
    if isinstance(cause, OSError):
        return _OUT_OF_REACH.format(_reason(cause))
    if isinstance(cause, asyncpg.exceptions.ClientConfigurationError):
        return f"HOMEWARD_DATABASE_URL cannot be used ({_first_line(cause)})"
    state = str(getattr(cause, "sqlstate", None) or "")
    if not state and isinstance(cause, (asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return _AWAY.format(_first_line(cause))
    sentence = next((text for begin, text in _SENTENCES if state.startswith(begin)), _REPORTED)
    return sentence.format(_first_line(cause))


def _cause(error: BaseException) -> BaseException:
    """Return what the driver raised, out of what was made of it."""
    if isinstance(error, _RAISED):
        return error
    inner = getattr(error, "orig", None) or error.__cause__
    return error if inner is None else _cause(inner)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return error.strerror or type(error).__name__


def _first_line(error: BaseException) -> str:
    """Return PostgreSQL's message without the lines of detail below it, which may hold values."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
