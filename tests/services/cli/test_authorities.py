"""`homeward authority`: which councils there are, and what somebody is told who misspells one."""

from __future__ import annotations

import json
import re

import pytest

from services.cli.command import Status
from services.events.app import create_app
from shared.runtime.settings import Settings
from tests.services.cli.operating import operate
from tests.services.events.posting import post_lines, registered
from tests.support.clients import asgi_client
from tests.support.council import new_authority

#: Commands that work for one council, each with the exit status that it has when it is not done.
FOR_ONE = [
    ("keys add {} --scope events:read", Status.NOT_WELL),
    ("keys list {}", Status.NOT_WELL),
    ("keys revoke {} abcdefgh", Status.NOT_WELL),
    ("verify {}", Status.NOT_DONE),
    ("heads {}", Status.NOT_DONE),
    ("proof {}", Status.NOT_DONE),
    ("consumers resume scheduler {}", Status.NOT_DONE),
]


def add(capsys: pytest.CaptureFixture[str], *ids: str) -> None:
    for each in ids:
        assert operate(capsys, "authority", "add", each, "--name", f"The council of {each}")[0] == Status.WELL


def refused(capsys: pytest.CaptureFixture[str], command: str, authority: str, status: Status) -> str:
    ended, out, err = operate(capsys, *(part.format(authority) for part in command.split()))
    assert (ended, out, err.count("\n")) == (status, "", 1)
    return err


async def test_every_council_is_listed(operated: str, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Each stands in a line: id, day on which it was added, usable keys, events, and its name."""
    key = await new_authority(operated, "northshire")
    revoked = await new_authority(operated, "northshire")
    operate(capsys, "keys", "revoke", "northshire", revoked.key_id)
    async with asgi_client(create_app(settings.model_copy(update={"database_url": operated})), key) as client:
        await post_lines(client, [registered("a", id="e1"), registered("b", id="e2")])
    operate(capsys, "authority", "add", "eilean-siar", "--name", "Comhairle nan Eilean Sìar")

    status, out, _ = operate(capsys, "authority", "list")

    heading, first, second = out.splitlines()
    assert (status, heading.split()) == (Status.WELL, ["ID", "ADDED", "KEYS", "EVENTS", "NAME"])
    assert re.fullmatch(r"eilean-siar +20\d\d-\d\d-\d\d +0 +0 +Comhairle nan Eilean Sìar", first)
    assert re.fullmatch(r"northshire +20\d\d-\d\d-\d\d +1 +2 +Council northshire", second)
    assert heading.index("NAME") == first.index("Comhairle") == second.index("Council")


def test_a_program_reads_the_list(operated: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json each council is an object on a line of its own."""
    assert operate(capsys, "authority", "list", "--json")[:2] == (Status.WELL, "")
    add(capsys, "northshire")
    told = json.loads(operate(capsys, "authority", "list", "--json")[1])
    assert told.pop("added_on").startswith("20")
    name = "The council of northshire"
    assert told == {"authority": "northshire", "keys": 0, "events": 0, "name": name}


@pytest.mark.parametrize(("command", "status"), FOR_ONE)
def test_a_misspelt_council_is_not_made_a_second_one(
    operated: str, capsys: pytest.CaptureFixture[str], command: str, status: Status
) -> None:
    """Every command names the council that was meant, and none says how to add one."""
    add(capsys, "northshire", "eilean-siar")
    told = refused(capsys, command, "nortshire", status)
    assert "there is no authority nortshire; did you mean northshire? `homeward authority list`" in told
    assert "authority add" not in told


def test_somebody_who_is_far_off_learns_which_there_are(operated: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A few councils are all named; of many it is said where to see them; with none it is said how to begin."""
    assert "`homeward authority add` makes one" in refused(capsys, *FOR_ONE[1][:1], "zzz", Status.NOT_WELL)
    add(capsys, "northshire", "eilean-siar")
    assert "; there are: eilean-siar, northshire\n" in refused(capsys, "keys list {}", "zzz", Status.NOT_WELL)
    add(capsys, *(f"council-{letter}" for letter in "abcdef"))
    assert "; `homeward authority list` shows the 8 that" in refused(capsys, "keys list {}", "zzz", Status.NOT_WELL)


@pytest.mark.parametrize("authority", ["North\x1b[31mshire", "\N{RIGHT-TO-LEFT OVERRIDE}x", "n" * 100_000, "\udce9"])
@pytest.mark.parametrize(("command", "status"), FOR_ONE)
def test_what_cannot_be_an_id_is_not_repeated(
    operated: str, capsys: pytest.CaptureFixture[str], command: str, authority: str, status: Status
) -> None:
    """It may be anything, and would be sent to the terminal."""
    add(capsys, "northshire")
    told = refused(capsys, command, authority, status)
    assert told.startswith("homeward: there is no authority of that id; ")
    assert told.rstrip("\n").isprintable()
    assert len(told) < 200


def test_who_adds_an_authority_learns_the_next_step(operated: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says that it was added, and how to make its first key."""
    status, out, _ = operate(capsys, "authority", "add", "northshire", "--name", "Northshire Council")
    assert (status, out.count("\n")) == (Status.WELL, 1)
    assert out.startswith("The authority northshire was added. ")
    assert "`homeward keys add northshire --scope SCOPE ...`" in out


def test_an_authority_that_is_there_is_told_with_its_name(operated: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever adds it with another name learns that it keeps the one it has."""
    add(capsys, "northshire")
    status, out, _ = operate(capsys, "authority", "add", "northshire", "--name", "Another")
    assert (status, out) == (
        Status.WELL,
        "The authority northshire is there already, as 'The council of northshire', and stays so.\n",
    )
