"""What goes wrong with a database becomes one sentence that says what to do."""

from __future__ import annotations

import socket

import asyncpg
import pytest
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.domain.errors import NotReady
from shared.runtime.database import UnusableUrl, create_engine
from shared.runtime.database_trouble import DATABASE_TROUBLE, in_words

RAISED = [
    (asyncpg.InvalidPasswordError("no"), "look at user and password"),
    (asyncpg.InvalidCatalogNameError("no"), "createdb"),
    (asyncpg.InsufficientPrivilegeError("no"), "more rights"),
    (asyncpg.UndefinedTableError("no"), "homeward migrate"),
    (asyncpg.UndefinedColumnError("no"), "homeward migrate"),
    (asyncpg.TooManyConnectionsError("no"), "no room or connection left"),
    (asyncpg.CannotConnectNowError("no"), "try again once it runs"),
    (asyncpg.ConnectionDoesNotExistError("no"), "try again once it runs"),
    (asyncpg.InterfaceError("no"), "try again once it runs"),
    (asyncpg.LockNotAvailableError("no"), "quieter time"),
    (asyncpg.QueryCanceledError("no"), "quieter time"),
    (asyncpg.DataCorruptedError("no"), "its own log tells more"),
    (asyncpg.exceptions.ClientConfigurationError("no"), "cannot be used"),
    (ConnectionRefusedError(), "nobody listens there"),
    (TimeoutError(), "no answer in time"),
    (socket.gaierror(), "no such host"),
    (OSError("several"), "cannot be reached (OSError)"),
    (UnusableUrl("HOMEWARD_DATABASE_URL is not a URL"), "postgresql://user:password@host/database"),
    (CommandError("No such revision"), "newer release"),
]


@pytest.mark.parametrize(("error", "words"), RAISED)
def test_every_trouble_has_its_sentence(error: Exception, words: str) -> None:
    """What is wrong and what to do, on one line, whether it comes as it is or as what was made of it for a caller."""
    assert isinstance(error, DATABASE_TROUBLE)
    assert words in in_words(error)
    assert "\n" not in in_words(error)
    made = NotReady("The database went away; send the request again.")
    made.__cause__ = error
    assert in_words(made) == in_words(error)


def test_details_of_rows_are_not_told() -> None:
    """PostgreSQL's first line is told; what follows may hold values of a row."""
    error = asyncpg.UniqueViolationError("duplicate key\nDETAIL: Key (stream)=(child-ada) already exists.")
    assert "duplicate key" in in_words(error)
    assert "ada" not in in_words(error)


async def test_what_comes_through_sqlalchemy_is_told_the_same(database_url: str) -> None:
    """The statement, its values and the names of drivers are left out."""
    engine = create_engine(database_url, service="events")
    with pytest.raises(DBAPIError) as caught:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT :value FROM nowhere"), {"value": "hush"})
    await engine.dispose()
    told = in_words(caught.value)
    assert told.startswith('the database lacks what this release works on (relation "nowhere" does not exist); ')
    assert "hush" not in told
