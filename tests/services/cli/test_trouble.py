"""What stands in a command's way is told in one sentence that says what to do, never in a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from services.cli import program
from services.cli.command import Status
from shared.runtime.migrations import newest_revisions
from tests.services.cli.operating import begun, operate
from tests.support.council import new_authority
from tests.support.pooler import pooler
from tests.support.waiting import eventually

#: One of each command, with the exit status it has when it cannot be done.
COMMANDS = [
    (("authority", "add", "northshire", "--name", "Northshire Council"), Status.NOT_WELL),
    (("authority", "list"), Status.NOT_WELL),
    (("keys", "list", "northshire"), Status.NOT_WELL),
    (("verify",), Status.NOT_DONE),
    (("heads", "northshire"), Status.NOT_DONE),
    (("proof", "northshire"), Status.NOT_DONE),
    (("consumers",), Status.NOT_DONE),
    (("consumers", "resume", "scheduler", "northshire"), Status.NOT_DONE),
    (("rebuild",), Status.NOT_DONE),
]
MIGRATE = (("migrate",), Status.NOT_WELL)
#: The lock that a migration waits for, as `migrations/env.py` names it.
MIGRATING = 7_426_511_009
WAITING = """
SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
async def stranger(fresh_database_url: str) -> AsyncIterator[str]:
    """Yield a database by the URL of a role that may log in and do nothing else."""
    role = f"homeward_test_stranger_{os.getpid()}"
    connection = await asyncpg.connect(fresh_database_url)
    await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'hush'")
    try:
        yield make_url(fresh_database_url).set(username=role, password="hush").render_as_string(hide_password=False)
    finally:
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


def use(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", database_url)


def refused(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: Status) -> str:
    """Run a command that cannot be done, and return the one sentence that it writes."""
    ended, out, err = operate(capsys, *arguments)
    assert (ended, out) == (status, "")
    (line,) = err.splitlines()
    assert line.startswith("homeward: ")
    assert "hush" not in line
    return line.removeprefix("homeward: ")


@pytest.mark.parametrize(("arguments", "status"), [*COMMANDS, MIGRATE])
def test_without_a_database_it_says_what_to_set(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    status: Status,
) -> None:
    """With neither a database set nor an embedded one running, variable and command are named."""
    monkeypatch.setenv("HOMEWARD_DATA_DIR", str(tmp_path))
    told = refused(capsys, arguments, status)
    assert "HOMEWARD_DATABASE_URL" in told
    assert "make run" in told


@pytest.mark.parametrize(("arguments", "status"), [*COMMANDS, MIGRATE])
def test_a_database_that_is_down_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], status: Status
) -> None:
    """It cannot be reached, and that is no verdict on a log."""
    use(monkeypatch, "postgresql://someone:hush@127.0.0.1:1/x")
    assert refused(capsys, arguments, status).startswith("the database cannot be reached (nobody listens there); look")


@pytest.mark.parametrize(("arguments", "status"), COMMANDS)
def test_a_database_with_nothing_in_it_is_told(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    empty_database_url: str,
    arguments: tuple[str, ...],
    status: Status,
) -> None:
    """`homeward migrate` is named as the way on."""
    use(monkeypatch, empty_database_url)
    assert "`homeward migrate` makes it" in refused(capsys, arguments, status)


@pytest.mark.parametrize(
    ("revision", "message"),
    [("an earlier one", "`homeward migrate` brings it up to date"), ("events_9999", "by a newer release of Homeward")],
)
async def test_a_database_of_another_release_is_told(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fresh_database_url: str,
    revision: str,
    message: str,
) -> None:
    """No command works on a schema that it was not written for; which of the two is older is told."""
    use(monkeypatch, fresh_database_url)
    newest = next(each for each in newest_revisions() if each.startswith("events_"))
    connection = await asyncpg.connect(fresh_database_url)
    wanted = "events_0002" if revision == "an earlier one" else revision
    await connection.execute("UPDATE alembic_version SET version_num = $1 WHERE version_num = $2", wanted, newest)
    await connection.close()
    for arguments, status in COMMANDS:
        assert message in refused(capsys, arguments, status)
    if wanted == "events_9999":
        assert message in refused(capsys, *MIGRATE)


async def test_a_role_without_rights_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stranger: str
) -> None:
    """Each command says which right is missing, and whose rights it needs."""
    use(monkeypatch, stranger)
    for arguments, status in (*COMMANDS, MIGRATE):
        told = refused(capsys, arguments, status)
        assert told.startswith("this needs more rights (permission denied for ")
        assert "the role that owns the database" in told


async def test_a_role_that_is_not_there_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fresh_database_url: str
) -> None:
    """Where to look is said: at user and password."""
    url = make_url(fresh_database_url).set(username="nobody_at_all", password="hush")
    use(monkeypatch, url.render_as_string(hide_password=False))
    assert "look at user and password" in refused(capsys, ("verify",), Status.NOT_DONE)


async def test_a_database_that_is_not_there_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fresh_database_url: str
) -> None:
    """That the server runs and lacks it is another trouble than a server that is away."""
    url = make_url(fresh_database_url).set(database="nothing_of_the_kind")
    use(monkeypatch, url.render_as_string(hide_password=False))
    assert refused(capsys, *MIGRATE).startswith("the server has no such database")


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://x:hush@y/z", "postgresql://h:hush/x", "postgresql://a:hush@h/x?sslmod=require"]
)
@pytest.mark.parametrize(("arguments", "status"), [("keys list x", Status.NOT_WELL), ("verify", Status.NOT_DONE)])
def test_a_url_that_is_none_is_told_without_being_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, arguments: str, status: Status
) -> None:
    """What it should look like is said; what it looks like is not, since it may hold a password."""
    use(monkeypatch, url)
    told = refused(capsys, tuple(arguments.split()), status)
    assert told.startswith("HOMEWARD_DATABASE_URL ")
    assert "postgresql://user:password@host/database" in told


def test_a_setting_that_cannot_be_used_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command reads the settings; a wrong one is named, with the page that explains all."""
    monkeypatch.setenv("HOMEWARD_PORT", "none")
    told = refused(capsys, ("verify",), Status.NOT_DONE)
    assert told == (
        "HOMEWARD_PORT is no whole number; it takes a whole number from 0 up to 65535. "
        "All settings: docs/reference/settings.md"
    )


@pytest.mark.parametrize(
    ("arguments", "message", "help_of"),
    [
        ("", "required: COMMAND", "homeward"),
        ("frob", "invalid choice", "homeward"),
        ("keys", "required: COMMAND", "homeward keys"),
        ("authority", "required: COMMAND", "homeward authority"),
        ("authority add northshire", "required: --name", "homeward authority add"),
        ("authority add Northshire --name x", "an authority's id is 2 to 40 of", "homeward authority add"),
        (
            "keys add northshire --scope frob",
            "one of calendars:manage, events:append, events:read",
            "homeward keys add",
        ),
        ("verify --from 0", "whole numbers and begin at 1", "homeward verify"),
        ("verify --from x", "whole numbers and begin at 1", "homeward verify"),
        ("verify --key secret", "the Base64 of 32 bytes", "homeward verify"),
        ("proof x --stream nobody", "a stream is", "homeward proof"),
        ("proof x --others all", "one of hashed, named", "homeward proof"),
        ("consumers resume reporting", "required: AUTHORITY", "homeward consumers resume"),
        ("consumers resume nobody x", "invalid choice", "homeward consumers resume"),
        ("rebuild nobody", "there are: scheduler, reporting", "homeward rebuild"),
    ],
)
def test_wrong_arguments_are_told_with_what_is_right(
    capsys: pytest.CaptureFixture[str], arguments: str, message: str, help_of: str
) -> None:
    """Status 2 before anything is read or done, and one sentence: what is wrong, and where to read on."""
    with pytest.raises(SystemExit) as ended:
        program.main(arguments.split())
    written = capsys.readouterr()
    assert (ended.value.code, written.out, written.err.count("\n")) == (Status.NOT_DONE, "", 1)
    assert written.err.startswith("homeward: ")
    assert message in written.err
    assert f"`{help_of} --help`" in written.err


async def test_migrating_through_a_pooler_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs the server itself, and says so before it has begun."""
    use(monkeypatch, "postgresql://a:hush@127.0.0.1:1/x?pooler=transaction")
    assert refused(capsys, *MIGRATE).startswith("migrating goes to the server itself; give it a HOMEWARD_DATABASE_URL")


async def test_all_else_works_through_a_pooler(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fresh_database_url: str
) -> None:
    """Each command may have another connection of the server for each transaction."""
    with pooler(fresh_database_url) as url:
        use(monkeypatch, url)
        for _ in range(2):
            assert operate(capsys, "authority", "add", "northshire", "--name", "Northshire Council")[0] == Status.WELL
            assert operate(capsys, "keys", "add", "northshire", "--scope", "events:read")[0] == Status.WELL
            assert operate(capsys, "verify")[0] == Status.WELL
            assert operate(capsys, "proof", "northshire")[0] == Status.WELL
            assert operate(capsys, "consumers")[0] == Status.NOT_WELL


def told_at_the_end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a program, and return its exit status and what it wrote to standard error."""
    with process:
        _, err = process.communicate(timeout=60)
    return process.returncode, err


async def test_what_nobody_reads_is_neither_good_news_nor_noise(fresh_database_url: str) -> None:
    """When the reader of its output goes away, as `head` does, the program ends quietly and vouches for nothing."""
    await new_authority(fresh_database_url, "northshire")
    reads, writes = os.pipe()
    os.close(reads)
    ended = told_at_the_end(begun(fresh_database_url, "verify", output=writes))
    os.close(writes)
    assert ended == (Status.NOT_DONE, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
async def test_output_that_cannot_be_written_is_told(fresh_database_url: str) -> None:
    """On a full disk a proof is not whole, and both the exit status and a sentence say so."""
    await new_authority(fresh_database_url, "northshire")
    full = os.open("/dev/full", os.O_WRONLY)
    status, err = told_at_the_end(begun(fresh_database_url, "proof", "northshire", output=full))
    os.close(full)
    assert status == Status.NOT_DONE
    assert (
        err == "homeward: standard output cannot be written (No space left on device); what stands there is not whole\n"
    )


async def test_ctrl_c_ends_it_in_one_sentence(fresh_database_url: str) -> None:
    """However far it was, there is no traceback, and a shell sees that it was interrupted."""
    connection = await asyncpg.connect(fresh_database_url)
    await connection.execute(f"SELECT pg_advisory_lock({MIGRATING})")
    process = begun(fresh_database_url, "migrate", output=subprocess.DEVNULL)
    await eventually(lambda: connection.fetch(WAITING), within=30)
    process.send_signal(signal.SIGINT)
    ended = told_at_the_end(process)
    await connection.close()
    assert ended == (program.INTERRUPTED, "homeward: stopped before it was done\n")
