"""The operator's program as somebody sees it who types it: bars and sentences on a terminal, plain lines elsewhere."""

from __future__ import annotations

import re

import pytest

from services.cli.command import Status
from services.cli.verify import BROKEN, INTACT
from tests.services.cli.operating import on_terminal, started
from tests.services.cli.rebuilding import Site
from tests.services.demonstration.councils import council
from tests.services.events.tampering import superuser

EVENTS = council(1).events[:300]
STORED = len({(each["source"], each["id"]) for each in EVENTS})
BAR = "━"
#: What leads a terminal's cursor about; the bar ends by wiping its own line.
WIPED = "\x1b[2K"


@pytest.fixture
async def here(here: Site) -> Site:
    """Return the council with a log that both services have followed."""
    await here.append(EVENTS)
    await here.follow()
    return here


async def tamper(here: Site, position: int) -> None:
    async with superuser(here.url) as connection:
        await connection.execute("UPDATE events.event SET body = body || ' ' WHERE position = $1", position)


def split(sent: str) -> tuple[str, str]:
    """Return what a terminal showed while the program worked, in plain words, and what stays on it."""
    shown, _, stays = sent.rpartition(WIPED)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown), stays


@pytest.mark.parametrize(
    ("arguments", "label", "last"),
    [
        (("verify",), "Verifying council-", "council-"),
        (("rebuild",), "Rebuilding", "scheduler: rebuilt from"),
        (("rebuild", "--check"), "Checking", "scheduler: all"),
    ],
)
async def test_a_terminal_shows_a_bar_and_keeps_a_sentence(
    here: Site, arguments: tuple[str, ...], label: str, last: str
) -> None:
    """The bar says what is done, how far it is, and that the end is near; then it goes, and what came of it is told."""
    status, sent = on_terminal(here.url, *arguments)
    shown, stays = split(sent)
    assert status == Status.WELL
    assert label in shown
    assert BAR in shown
    assert f"{STORED} of {STORED} events, finishing" in shown
    assert stays.startswith(last)
    assert f"{STORED}" in stays
    assert BAR not in stays


async def test_a_terminal_is_told_of_a_broken_log(here: Site) -> None:
    """The bar stops where the log is broken, and the verdict that stays names the position."""
    await tamper(here, 7)
    status, sent = on_terminal(here.url, "verify")
    assert status == BROKEN
    assert f"{here.key.authority_id}: BROKEN at position 7" in split(sent)[1]


async def test_a_script_reads_whether_a_log_is_sound(here: Site) -> None:
    """With its outputs redirected a verification is a verdict on standard output, plain, and an exit status."""
    done = started(here.url, "verify")
    assert (done.returncode, done.stderr) == (INTACT, "")
    assert done.stdout.startswith(f"{here.key.authority_id}: intact. Events 1 to {STORED} verified")
    assert all(line.isprintable() for line in done.stdout.splitlines())


@pytest.mark.parametrize("position", [1, 7, STORED])
async def test_a_script_reads_where_a_log_is_broken(here: Site, position: int) -> None:
    """The first position at which the log is no longer what it was is named, and the exit status says broken."""
    await tamper(here, position)
    done = started(here.url, "verify")
    assert (done.returncode, done.stderr) == (BROKEN, "")
    assert done.stdout.startswith(f"{here.key.authority_id}: BROKEN at position {position} ")


@pytest.mark.parametrize("arguments", [("rebuild",), ("rebuild", "--check")])
async def test_a_script_reads_lines_of_a_rebuild(here: Site, arguments: tuple[str, ...]) -> None:
    """With its outputs redirected a rebuild writes one plain line for each projection, and nothing else."""
    done = started(here.url, *arguments)
    assert (done.returncode, done.stderr) == (Status.WELL, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["scheduler", "reporting"]
    assert all(line.isprintable() for line in done.stdout.splitlines())


async def test_what_a_rebuild_says_meanwhile_goes_to_standard_error(here: Site) -> None:
    """That an earlier rebuild left something is no result: a script that reads the results does not stumble over it."""
    await here.execute("CREATE SCHEMA reporting_rebuild")
    done = started(here.url, "rebuild", "reporting")
    assert (done.returncode, len(done.stdout.splitlines())) == (Status.WELL, 1)
    assert done.stderr == "reporting: dropped what an earlier rebuild left unfinished (without a note).\n"


async def test_a_check_that_finds_a_difference_ends_with_status_1(here: Site) -> None:
    """Which rows do not follow from the log is told, and the exit status is not that of good news."""
    await here.execute("UPDATE reporting.episode SET team = 'nobody' WHERE ordinal = 1")
    done = started(here.url, "rebuild", "--check")
    assert (done.returncode, done.stderr) == (Status.NOT_WELL, "")
    assert "reporting.episode: " in done.stdout
