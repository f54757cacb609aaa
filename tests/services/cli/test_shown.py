"""What the operator's program shows: in any locale, and nothing that a terminal would obey."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg
import pytest

from services.cli import program
from services.cli.command import Status
from tests.services.cli.operating import on_terminal, operate, started
from tests.services.cli.rebuilding import Site
from tests.support.council import new_authority
from tests.support.events import cloud_event

#: A locale in which Python takes and writes nothing but ASCII.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
NAME = "Comhairle nan Eilean Sìar — “Western Isles”"
#: What a terminal would obey: a line of its own, colours, the bell, and the direction of the text.
OBEYED = "a\nb\x1b[31mc\x07d\N{RIGHT-TO-LEFT OVERRIDE}e\N{LINE SEPARATOR}f\x9bg"
HARMLESS = r"a\nb\x1b[31mc\x07d\u202ee\u2028f\x9bg"


async def store(database_url: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(statement, *values)
    await connection.close()


def test_a_name_is_read_and_shown_in_a_locale_of_ascii(fresh_database_url: str) -> None:
    """What was typed as UTF-8 is stored as that; what cannot be written is written out, and no command breaks off."""
    made = started(fresh_database_url, "authority", "add", "eilean", "--name", NAME, environment=ASCII)
    assert (made.returncode, made.stderr) == (Status.WELL, "")
    note = ("keys", "add", "eilean", "--scope", "events:read", "--note", NAME)
    assert started(fresh_database_url, *note, environment=ASCII).returncode == Status.WELL

    for listing in (("keys", "list", "eilean"), ("authority", "list")):
        plain, ascii_only = (started(fresh_database_url, *listing, environment=each) for each in ({}, ASCII))
        assert (plain.returncode, ascii_only.returncode, ascii_only.stderr) == (Status.WELL, Status.WELL, "")
        assert NAME in plain.stdout
        assert NAME.encode("ascii", "backslashreplace").decode() in ascii_only.stdout
    listed = started(fresh_database_url, "authority", "list", "--json", environment=ASCII)
    assert json.loads(listed.stdout)["name"] == NAME


async def test_every_command_ends_well_in_a_locale_of_ascii(here: Site, tmp_path: Path) -> None:
    """A proof has the same bytes in every locale, and so have heads; verdicts and lists are told."""
    council = here.key.authority_id
    await here.append([cloud_event("child.registered", "child-ab", {"occurred_on": "2026-01-15"}, source="/straße/№1")])
    await here.follow()
    proof = [
        started(here.url, "proof", council, environment={"PYTHONIOENCODING": "latin-1"} | each).stdout
        for each in ({}, ASCII)
    ]
    assert "straße" in proof[0]
    assert proof[0] == proof[1]
    kept = tmp_path / "kämpt"
    kept.write_text("")
    for arguments, status in (
        (("verify",), Status.WELL),
        (("verify", "--heads", str(kept)), Status.NOT_DONE),
        (("verify", "--heads", f"{kept}-nowhere"), Status.NOT_DONE),
        (("heads",), Status.WELL),
        (("consumers",), Status.NOT_WELL),
        (("rebuild",), Status.WELL),
        (("rebuild", "--check"), Status.WELL),
        (("keys", "revoke", council, "schlüssel"), Status.NOT_WELL),
        (("proof", council, "--stream", "straße"), Status.NOT_DONE),
        (("migrate",), Status.WELL),
    ):
        done = started(here.url, *arguments, environment=ASCII)
        assert (done.returncode, "Traceback" in done.stderr) == (status, False), done


async def test_what_was_typed_in_no_encoding_is_refused(fresh_database_url: str) -> None:
    """Bytes that are not UTF-8 are not stored as something else."""
    await new_authority(fresh_database_url, "northshire")
    add = ("keys", "add", "northshire", "--scope", "events:read")
    done = started(fresh_database_url, *add, "--note", b"caf\xe9", environment=ASCII)
    assert (done.returncode, done.stdout) == (Status.NOT_DONE, "")
    assert "--note: this is not UTF-8; write it in UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the name is empty: write the council's name in full"),
        (" \t", "the name is empty: write the council's name in full"),
        ("North\nshire", "leave out character 6 (U+000A)"),
        ("\x1b[2Jx", "leave out character 1 (U+001B)"),
        ("x\N{RIGHT-TO-LEFT OVERRIDE}y", "leave out character 2 (U+202E)"),
        ("n" * 100_000, "the name has 100,000 characters, and at most 200 fit: write a shorter one"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused(capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    """One sentence says what to do, before any database is looked for, and does not repeat the name."""
    with pytest.raises(SystemExit) as ended:
        program.main(["authority", "add", "northshire", "--name", text])
    written = capsys.readouterr()
    assert (ended.value.code, written.out, written.err.count("\n")) == (Status.NOT_DONE, "", 1)
    assert message in written.err
    assert written.err.rstrip("\n").isprintable()
    assert len(written.err) < 250


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OBEYED, "leave out character 2 (U+000A)"),
        ("n" * 100_000, "the note has 100,000 characters, and at most 500 fit"),
    ],
)
def test_a_note_that_cannot_be_shown_is_refused(capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    """As with a name; a note may be left empty."""
    with pytest.raises(SystemExit) as ended:
        program.main(["keys", "add", "northshire", "--scope", "events:read", "--note", text])
    assert ended.value.code == Status.NOT_DONE
    assert message in capsys.readouterr().err


async def test_what_an_earlier_release_stored_is_made_plain(operated: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Names and notes with characters that a terminal obeys are shown with these written out."""
    await new_authority(operated, "northshire")
    await store(operated, "UPDATE identity.authority SET name = $1", OBEYED)
    await store(operated, "UPDATE identity.api_key SET note = $1", OBEYED)
    for listing, lines in ((("authority", "list"), 2), (("keys", "list", "northshire"), 2)):
        status, out, _ = operate(capsys, *listing)
        assert (status, len(out.splitlines())) == (Status.WELL, lines)
        assert HARMLESS in out


async def test_no_argument_reaches_a_terminal_as_it_is(fresh_database_url: str) -> None:
    """What is repeated of wrong arguments, or of a file's name, is made plain before it is shown."""
    await new_authority(fresh_database_url, "northshire")
    for arguments in (
        ("keys", "list", "northshire", OBEYED),
        ("consumers", "resume", OBEYED, "northshire"),
        ("rebuild", OBEYED),
        ("verify", "--heads", f"/nowhere/{OBEYED}"),
        ("keys", "revoke", "northshire", OBEYED),
        ("keys", "list", OBEYED),
    ):
        status, sent = on_terminal(fresh_database_url, *arguments)
        assert status in {Status.NOT_WELL, Status.NOT_DONE}
        assert sent.startswith("homeward: ")
        assert sent.removesuffix("\r\n").isprintable(), arguments
