"""The operator's program."""

from __future__ import annotations

import json
import re

import pytest

from services.events.app import create_app
from shared.identity.keys import Scope, parse_key
from shared.runtime.settings import Settings
from tests.services.cli.operating import operate
from tests.support.clients import asgi_client


async def test_a_key_that_was_made_opens_what_its_scopes_say(
    capsys: pytest.CaptureFixture[str], settings: Settings, operated: str
) -> None:
    """The printed key works at once, for its scopes and its authority."""
    operate(capsys, "authority", "add", "northshire", "--name", "Northshire Council")
    status, out, _ = operate(capsys, "keys", "add", "northshire", "--scope", "events:read", "--note", "a reader")
    key = parse_key(out.splitlines()[0])

    assert status == 0
    assert key is not None
    async with asgi_client(create_app(settings.model_copy(update={"database_url": operated})), key) as client:
        assert (await client.get("/v1/events")).status_code == 200
        assert (await client.post("/v1/events", json={})).status_code == 403


@pytest.mark.usefixtures("operated")
def test_keys_are_listed_without_their_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """A list shows what a key may do and whether it is usable, and never the secret."""
    operate(capsys, "authority", "add", "northshire", "--name", "Northshire Council")
    _, out, _ = operate(capsys, "keys", "add", "northshire", "--scope", Scope.EVENTS_READ, "--note", "a reader")
    key = parse_key(out.splitlines()[0])
    assert key is not None

    assert operate(capsys, "keys", "revoke", "northshire", key.key_id)[0] == 0
    status, out, _ = operate(capsys, "keys", "list", "northshire")

    heading, line = out.splitlines()
    assert (status, heading.split()) == (0, ["ID", "MADE", "STATE", "SCOPES", "NOTE"])
    assert re.fullmatch(rf"{key.key_id} +20\S+ +revoked 20\S+ +events:read +a reader", line)
    assert heading.index("NOTE") == line.index("a reader")
    assert heading.index("STATE") == line.index("revoked")
    assert key.secret not in out


@pytest.mark.usefixtures("operated")
def test_a_program_reads_the_list_of_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json each key is an object on a line of its own, and whether it is usable is a member."""
    operate(capsys, "authority", "add", "northshire", "--name", "Northshire Council")
    assert operate(capsys, "keys", "list", "northshire", "--json")[:2] == (0, "")
    _, out, _ = operate(capsys, "keys", "add", "northshire", "--scope", "reviews:read", "--scope", "events:read")
    key = parse_key(out.splitlines()[0])
    assert key is not None
    of_it = {"key_id": key.key_id, "scopes": ["events:read", "reviews:read"], "note": "", "expires_on": None}

    told = json.loads(operate(capsys, "keys", "list", "northshire", "--json")[1])
    made_on = told.pop("made_on")
    assert told == of_it | {"usable": True, "revoked_on": None}

    operate(capsys, "keys", "revoke", "northshire", key.key_id)
    told = json.loads(operate(capsys, "keys", "list", "northshire", "--json")[1])
    assert told == of_it | {"made_on": made_on, "usable": False, "revoked_on": made_on}


@pytest.mark.usefixtures("operated")
def test_adding_an_authority_twice_does_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    """The second time it stays as it is."""
    for _ in range(2):
        assert operate(capsys, "authority", "add", "northshire", "--name", "Northshire Council")[0] == 0


@pytest.mark.usefixtures("operated")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("keys", "add", "nowhere", "--scope", "events:read"), "there is no authority"),
        (("keys", "list", "nowhere"), "there is no authority"),
        (("keys", "revoke", "nowhere", "abcdefgh"), "there is no authority"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """A refusal is a sentence on standard error and exit status 1."""
    status, out, err = operate(capsys, *arguments)

    assert status == 1
    assert out == ""
    assert message in err


def test_migrating_brings_an_empty_database_up_to_date(
    capsys: pytest.CaptureFixture[str], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`homeward migrate` is all that an empty database needs."""
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", empty_database_url)

    assert operate(capsys, "migrate")[0] == 0
    assert operate(capsys, "authority", "add", "northshire", "--name", "Northshire Council")[0] == 0
