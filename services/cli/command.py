"""What every command has in common: how it ends, what it prints, and how wrong arguments are told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn

Commands = argparse._SubParsersAction  # noqa: SLF001 - what argparse calls the type that it has us add commands to


class Status(IntEnum):
    """How a command ends.

    A command with a verdict (``verify``, ``heads``, ``proof``, ``consumers``, ``rebuild``) ends
    with ``NOT_DONE`` when it could not come to one: that is never taken for bad news, or for
    good.  The others end with 1 then.  Wrong arguments are 2 everywhere.
    """

    WELL = 0
    NOT_WELL = 1
    NOT_DONE = 2


Command = Callable[[argparse.Namespace], int]

#: How a command without a verdict ends, as its help tells it.
ENDS = "It ends with 0 when it is done, 1 when it could not be, and 2 for wrong arguments."
#: What stands for the id of a council in the help of a command.
COUNCIL = "id of the council; `homeward authority list` shows which there are"
COUNCILS = "ids of councils, as `homeward authority list` shows them; all councils when left out"


class Refused(Exception):
    """What the operator asks for cannot be done; the message says why, and what can be."""


class NobodyReads(Exception):
    """Whoever read standard output has gone, as ``head`` does."""


class Parser(argparse.ArgumentParser):
    """Reads a command's arguments; one that is wrong ends the program with a sentence and status 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and where to read what they are."""
        tell(f"{message}; `{self.prog} --help` shows what it takes.")
        self.exit(Status.NOT_DONE)


def plain(text: str, *, kept: str = "") -> str:
    """Write out every character that a terminal would not show as itself, as Python writes it, but for those ``kept``.

    What stands in a database or was typed may hold characters that move the cursor, change
    colours, turn the direction of the text or begin a line that nobody wrote.
    """
    shown = (each if each.isprintable() or each in kept else each.encode("unicode_escape").decode() for each in text)
    return text if text.isprintable() else "".join(shown)


def tell(sentence: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"homeward: {plain(sentence)}\n")


def write(text: str) -> None:
    """Write lines to standard output, :func:`plain`; raises NobodyReads, and Refused when it cannot take more."""
    try:
        sys.stdout.write(plain(text, kept="\n\t"))
    except OSError as error:
        _raise_unwritten(error)


def write_bytes(data: bytes) -> None:
    """Write bytes to standard output as they are, whatever its encoding; raises as :func:`write` does."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    except OSError as error:
        _raise_unwritten(error)


def flush() -> None:
    """Bring to its reader what was written; raises as :func:`write` does."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _raise_unwritten(error)


def _raise_unwritten(error: OSError) -> NoReturn:
    if isinstance(error, BrokenPipeError):
        raise NobodyReads from None
    raise Refused(f"standard output cannot be written ({error.strerror}); what stands there is not whole") from None
