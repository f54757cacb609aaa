"""`homeward verify`, `homeward heads` and `homeward proof`, as an operator uses them."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from services.cli import verify
from services.cli.command import Status
from services.cli.verify import BROKEN, INTACT
from services.events.app import create_app
from services.events.store.connection import open_pool
from services.events.store.heads import head_of, keep_head
from shared.domain.signed_head import SignedHead
from shared.runtime.settings import Settings
from tests.services.cli.operating import operate
from tests.services.events.posting import post_lines, registered
from tests.services.events.tampering import (
    PUBLIC_KEY,
    SIGNER,
    SignedLog,
    check_offline,
    kept_lines,
    sign,
    signed_log,
    superuser,
)
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority

WRONG_LINK = "UPDATE events.event SET link = sha256('x') WHERE authority_id = $1 AND position = $2"


@pytest.fixture
async def log(operated: str, settings: Settings, clock: SettableClock) -> SignedLog:
    """Return a log in a database of its own, which is the one that the commands use."""
    key = await new_authority(operated, "northshire")
    app = create_app(settings.model_copy(update={"database_url": operated}), clock=clock)
    async with open_pool(operated, size=1) as pool, asgi_client(app, key) as client:
        return await signed_log(client, pool, clock, key)


async def break_at(database_url: str, position: int) -> None:
    async with superuser(database_url) as connection:
        await connection.execute(WRONG_LINK, "northshire", position)


async def another_log(database_url: str, settings: Settings, log: SignedLog, *, seconds: int) -> SignedHead:
    """Let a second council append, and sign its first head so long after the last one of the first council."""
    key = await new_authority(database_url, "southshire")
    clock = SettableClock(log.heads[-1].signed_at + timedelta(seconds=seconds))
    app = create_app(settings.model_copy(update={"database_url": database_url}), clock=clock)
    async with open_pool(database_url, size=1) as pool, asgi_client(app, key) as client:
        await post_lines(client, [registered("c", id="e1")])
        return await sign(pool, "southshire", clock, SIGNER)


async def test_an_intact_log_is_told_with_what_is_proved(log: SignedLog, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict says how far the events are verified, how far they are signed, and what is not proved."""
    status, out, _ = operate(capsys, "verify", "northshire")

    assert status == INTACT
    assert "northshire: intact. Events 1 to 10 verified" in out
    assert "up to position 8. The 2 behind it are bound by the chain and not yet by a signature." in out
    assert "Public keys were taken from the database itself" in out
    assert "cut off together with its signed heads looks intact" in out


@pytest.mark.parametrize(("second", "rate"), [(0.01, ""), (1.0, ", 10 events/s")])
async def test_a_rate_is_told_of_long_work_only(
    *, log: SignedLog, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, second: float, rate: str
) -> None:
    """What ten events took in a moment says nothing of a log of millions."""
    monkeypatch.setattr(verify, "perf_counter", count(0.0, second).__next__)
    assert f"Events 1 to 10 verified{rate}.\n" in operate(capsys, "verify")[1]


async def test_heads_and_keys_from_elsewhere_are_told(
    log: SignedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With both, the verdict says what they add."""
    (tmp_path / "kept").write_text(kept_lines(log.heads))

    status, out, _ = operate(capsys, "verify", "northshire", "--heads", str(tmp_path / "kept"), "--key", PUBLIC_KEY)

    assert status == INTACT
    assert "Only the keys that you named count." in out
    assert "agrees with the signed heads that were kept elsewhere, up to position 8" in out


async def test_what_heads_prints_can_be_kept_and_given_back(
    log: SignedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines that `heads` prints are those that `verify --heads` takes."""
    status, out, _ = operate(capsys, "heads", "northshire")
    (tmp_path / "kept").write_text(out)

    assert (status, out) == (INTACT, kept_lines(log.heads))
    assert operate(capsys, "verify", "--heads", str(tmp_path / "kept"))[0] == INTACT


async def test_a_log_without_signed_heads_says_so(
    fresh_database_url: str, log: SignedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unsigned chain is intact, and whoever owns the database could have renewed it: both are told."""
    async with superuser(fresh_database_url) as connection:
        await connection.execute("DELETE FROM events.signed_head")

    status, out, _ = operate(capsys, "verify")

    assert status == INTACT
    assert "No signed head stands among them" in out


async def test_every_log_is_verified_and_the_worst_counts(
    fresh_database_url: str, log: SignedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a name all authorities are verified; one broken log makes the status 1 and hides no other verdict."""
    await new_authority(fresh_database_url, "southshire")
    await break_at(fresh_database_url, 5)

    status, out, _ = operate(capsys, "verify")

    assert status == BROKEN
    assert "northshire: BROKEN at position 5 (link_broken)" in out
    assert "Events 1 to 4 follow from each other" in out
    assert "southshire: intact. No events.\n" in out


async def test_a_log_that_ends_before_the_beginning_hides_no_broken_one(
    *, fresh_database_url: str, log: SignedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told as not verified, with status 2, and those after it are verified: a broken one makes the status 1."""
    await new_authority(fresh_database_url, "eastshire")
    told = "eastshire: NOT VERIFIED: the log ends at position 0, before the position to begin with.\n"

    status, out, _ = operate(capsys, "verify", "--from", "8")
    assert (status, told in out) == (Status.NOT_DONE, True)
    assert "northshire: intact. Events 8 to 10 verified" in out

    await break_at(fresh_database_url, 9)
    status, out, _ = operate(capsys, "verify", "--from", "8")
    assert (status, told in out, "northshire: BROKEN at position 9" in out) == (BROKEN, True, True)


async def test_an_empty_log_has_nothing_to_compare(
    *, fresh_database_url: str, log: SignedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named or not, it does no harm; one of which the file holds a head was cut off, and is broken."""
    await new_authority(fresh_database_url, "southshire")
    kept = tmp_path / "kept"
    kept.write_text(kept_lines(log.heads))
    told = "southshire: intact. No events, so nothing to compare.\n"

    assert operate(capsys, "verify", "southshire", "--heads", str(kept))[:2] == (INTACT, told)
    status, out, _ = operate(capsys, "verify", "--heads", str(kept))
    assert (status, told in out, "NOT COMPARED" in out) == (INTACT, True, False)

    kept.write_text(kept_lines([SIGNER.head("southshire", 1, b"x" * 32, log.heads[0].signed_at)]))
    status, out, _ = operate(capsys, "verify", "southshire", "--heads", str(kept))
    assert (status, "southshire: BROKEN at position 1 (log_ends_early)" in out) == (BROKEN, True)


async def test_a_log_without_a_signed_head_is_told_when_its_heads_are_asked_for(
    *, fresh_database_url: str, log: SignedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, with why there is none; the job that keeps those of all logs stays silent."""
    await new_authority(fresh_database_url, "southshire")
    status, out, err = operate(capsys, "heads", "southshire")
    assert (status, out, err) == (INTACT, "", "homeward: southshire has no signed head yet: its log is empty\n")
    assert operate(capsys, "heads") == (INTACT, kept_lines(log.heads), "")

    async with superuser(fresh_database_url) as connection:
        await connection.execute("DELETE FROM events.signed_head")
    err = operate(capsys, "heads", "northshire")[2]
    assert err.startswith("homeward: northshire has no signed head yet: its log holds events, and its first head is")


async def test_what_holds_for_all_logs_is_told_once(
    *, fresh_database_url: str, settings: Settings, log: SignedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdicts stay short; at the end stands what they do not prove, and of which councils."""
    await another_log(fresh_database_url, settings, log, seconds=1)
    (tmp_path / "kept").write_text("")

    out = operate(capsys, "verify")[1]
    assert [out.count(each) for each in ("Public keys were taken", "looks intact: keep heads")] == [1, 1]
    out = operate(capsys, "verify", "--heads", str(tmp_path / "kept"))[1]
    assert out.splitlines()[-1] == (
        "NOT COMPARED: northshire, southshire. A log cut off together with its signed heads would look the same. Keep "
        "their heads from now on: `homeward heads northshire southshire` prints them, to be added to "
        f"{tmp_path / 'kept'}."
    )
    assert out.count("would look the same") == out.count("Public keys were taken") == 1


async def test_verification_may_begin_later(
    fresh_database_url: str, log: SignedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a position on, what lies before it is not looked at, and the verdict says so."""
    await break_at(fresh_database_url, 2)

    status, out, _ = operate(capsys, "verify", "northshire", "--from", "4")

    assert status == INTACT
    assert "Events 4 to 10 verified" in out
    assert "Events before 4 were not looked at" in out
    assert operate(capsys, "verify", "northshire")[0] == BROKEN


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "nowhere"), "there is no authority nowhere"),
        (("heads", "nowhere"), "there is no authority nowhere"),
        (("proof", "nowhere"), "there is no authority nowhere"),
        (("proof", "northshire", "--stream", "child-nosuch"), "the log of northshire holds no event of child-nosuch"),
        (("verify", "--heads", "/nowhere/kept"), "there is no file /nowhere/kept"),
    ],
)
async def test_what_cannot_be_checked_is_no_verdict(
    log: SignedLog, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """Status 2 and a sentence: neither intact nor broken."""
    status, out, err = operate(capsys, *arguments)

    assert (status, out) == (Status.NOT_DONE, "")
    assert message in err


@pytest.mark.parametrize("kept_of", [(), ("southshire",)])
async def test_a_log_that_was_compared_with_no_kept_head_is_not_done(
    *,
    fresh_database_url: str,
    log: SignedLog,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kept_of: tuple[str, ...],
) -> None:
    """With --heads, a sound log of which the file holds no head is told sound and not compared, with status 2."""
    await new_authority(fresh_database_url, "southshire")
    heads = [SIGNER.head(authority, 1, b"x" * 32, log.heads[0].signed_at) for authority in kept_of]
    (tmp_path / "kept").write_text(kept_lines(heads))

    status, out, _ = operate(capsys, "verify", "northshire", "--heads", str(tmp_path / "kept"))

    assert status == Status.NOT_DONE
    assert "northshire: intact. Events 1 to 10 verified" in out
    assert "kept holds no head of northshire" in out
    assert "give them by --heads" not in out


async def test_the_kept_heads_of_one_council_vouch_for_no_other(
    *,
    fresh_database_url: str,
    settings: Settings,
    log: SignedLog,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Only the council without a kept head is named; a log that is broken counts more than one not compared."""
    await another_log(fresh_database_url, settings, log, seconds=-3_600)
    (tmp_path / "kept").write_text(kept_lines(log.heads))
    asked = ("verify", "--heads", str(tmp_path / "kept"))

    status, out, _ = operate(capsys, *asked)
    assert (status, "no head of southshire" in out, "no head of northshire" in out) == (Status.NOT_DONE, True, False)
    assert "It is new" not in out
    assert "Keep its heads from now on: `homeward heads southshire` prints them" in out

    await break_at(fresh_database_url, 5)
    assert operate(capsys, *asked)[0] == BROKEN


@pytest.mark.parametrize("seconds", [1, 0, -3_599])
async def test_a_council_that_is_new_does_not_fail_the_job_of_the_night(
    *,
    fresh_database_url: str,
    settings: Settings,
    log: SignedLog,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    seconds: int,
) -> None:
    """A log whose first head the file may have missed is told and counts as intact, unless it was asked for by name."""
    await new_authority(fresh_database_url, "eastshire")  # Without any event, and so without a head.
    await another_log(fresh_database_url, settings, log, seconds=seconds)
    kept = tmp_path / "kept"
    kept.write_text(kept_lines(log.heads))
    asked = ("verify", "--heads", str(kept))

    status, out, _ = operate(capsys, *asked)
    assert (status, out.count("NOT COMPARED"), out.count("It is new: ")) == (INTACT, 2, 1)
    assert "holds no head of southshire. It is new: " in out
    assert "eastshire: intact. No events, so nothing to compare." in out
    assert "agrees with the signed heads that were kept elsewhere, up to position 8" in out
    assert operate(capsys, *asked[:1], "southshire", *asked[1:])[0] == Status.NOT_DONE

    await break_at(fresh_database_url, 5)
    assert operate(capsys, *asked)[0] == BROKEN


async def test_a_first_head_that_was_under_way_while_the_file_was_written(
    *,
    operated: str,
    settings: Settings,
    log: SignedLog,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Signed before another process's head that the file holds and committed behind it: the job does not fail."""
    key = await new_authority(operated, "southshire")
    clock = SettableClock(log.heads[-1].signed_at - timedelta(seconds=1))
    app = create_app(settings.model_copy(update={"database_url": operated}), clock=clock)
    kept = tmp_path / "kept"
    async with open_pool(operated, size=2) as pool, asgi_client(app, key) as client:
        await post_lines(client, [registered("c", id="e1")])
        async with pool.transaction() as connection:
            end = await head_of(connection, "southshire")
            assert end is not None
            head = SIGNER.head("southshire", end.position, end.link, clock.now())
            await keep_head(connection, head, SIGNER.public_key)
            kept.write_text(operate(capsys, "heads")[1])
    assert kept.read_text() == kept_lines(log.heads)

    status, out, _ = operate(capsys, "verify", "--heads", str(kept))
    assert (status, "holds no head of southshire. It is new: " in out) == (INTACT, True)

    kept.write_text(kept.read_text() + operate(capsys, "heads", "southshire")[1])
    status, out, _ = operate(capsys, "verify", "--heads", str(kept))
    assert (status, "NOT COMPARED" in out) == (INTACT, False)


async def test_a_council_whose_heads_are_all_gone_is_not_taken_for_new(
    *,
    fresh_database_url: str,
    settings: Settings,
    log: SignedLog,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A log with events and without any signed head is not compared, and the job says so."""
    await another_log(fresh_database_url, settings, log, seconds=1)
    async with superuser(fresh_database_url) as connection:
        await connection.execute("DELETE FROM events.signed_head WHERE authority_id = 'southshire'")
    kept = tmp_path / "kept"
    kept.write_text(kept_lines(log.heads))

    status, out, _ = operate(capsys, "verify", "--heads", str(kept))
    assert (status, "It is new" in out) == (Status.NOT_DONE, False)


async def test_the_heads_of_all_councils_are_kept_at_once(
    *,
    fresh_database_url: str,
    settings: Settings,
    log: SignedLog,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a name `heads` prints those of every log, so that the file of the next night misses no council."""
    of_another = await another_log(fresh_database_url, settings, log, seconds=1)

    status, out, _ = operate(capsys, "heads")
    assert (status, out) == (INTACT, kept_lines([*log.heads, of_another]))
    (tmp_path / "kept").write_text(out)
    status, out, _ = operate(capsys, "verify", "--heads", str(tmp_path / "kept"))
    assert (status, "NOT COMPARED" in out) == (INTACT, False)
    assert operate(capsys, "heads", "southshire")[1] == kept_lines([of_another])


async def test_a_name_that_is_wrong_is_told_before_anything_is_verified(
    log: SignedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a job is not done: with one misspelt name among several, no log is walked."""
    status, out, err = operate(capsys, "verify", "northshire", "nortshire")
    assert (status, out) == (Status.NOT_DONE, "")
    assert "did you mean northshire?" in err


async def test_kept_heads_before_the_beginning_are_compared(
    fresh_database_url: str, log: SignedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --from, heads of earlier positions are compared with the rows that are stored there."""
    (tmp_path / "kept").write_text(kept_lines(log.heads))
    asked = ("verify", "northshire", "--from", "10", "--heads", str(tmp_path / "kept"))

    status, out, _ = operate(capsys, *asked)
    assert status == INTACT
    assert "Events before 10 were not looked at, but for the links of those that kept heads name;" in out
    assert "agrees with the signed heads that were kept elsewhere, up to position 8" in out

    await break_at(fresh_database_url, 8)
    status, out, _ = operate(capsys, *asked)
    assert (status, "BROKEN at position 8 (kept_head_differs)" in out) == (BROKEN, True)

    async with superuser(fresh_database_url) as connection:
        await connection.execute("DELETE FROM events.event WHERE authority_id = 'northshire' AND position = 4")
    status, out, _ = operate(capsys, *asked)
    assert (status, "BROKEN at position 4 (position_missing)" in out) == (BROKEN, True)


@pytest.mark.parametrize("change", [('position":4', 'position":5'), ("northshire", "southshire"), ("{", "[")])
async def test_a_kept_head_that_is_none_is_refused(
    log: SignedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str]
) -> None:
    """A line whose signature is not valid, or that is no signed head, proves nothing and is named."""
    (tmp_path / "kept").write_text("\n" + kept_lines(log.heads).replace(*change))

    status, _, err = operate(capsys, "verify", "--heads", str(tmp_path / "kept"))

    assert status == Status.NOT_DONE
    assert "kept, line 2" in err


async def test_the_written_proof_can_be_checked(
    log: SignedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `proof` writes to standard output is what the inspector's script takes."""
    status, out, _ = operate(capsys, "proof", "northshire", "--stream", "child-a")

    assert status == INTACT
    assert json.loads(out.splitlines()[0])["stream"] == "child-a"
    assert (await check_offline(tmp_path, out.encode(), keys=[PUBLIC_KEY]))[0] == 0
