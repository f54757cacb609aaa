"""Arguments that must be of a certain kind; one that is not is refused in words that say what may stand there."""

from __future__ import annotations

import argparse
import os
import re

from shared.domain.ids import AUTHORITY_PATTERN, check_stream
from shared.identity.keys import ALL_SCOPES, Scope
from shared.identity.labels import check_name, check_note
from shared.runtime.signing import UnusableKey, read_key
from shared.wire.log_proof import Others

SCOPES = ", ".join(sorted(ALL_SCOPES))


def new_authority(text: str) -> str:
    """Return the id of an authority that is to be made."""
    if not re.fullmatch(AUTHORITY_PATTERN[1:-1], text):
        raise argparse.ArgumentTypeError("an authority's id is 2 to 40 of a-z, 0-9 and '-', and begins with a letter")
    return text


def name(text: str) -> str:
    """Return the name of an authority."""
    try:
        return check_name(_as_typed(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def note(text: str) -> str:
    """Return what a key is for."""
    try:
        return check_note(_as_typed(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _as_typed(text: str) -> str:
    """Return what was typed: bytes that the locale does not read are read as UTF-8 (see PEP 383)."""
    try:
        return os.fsencode(text).decode() if any("\udc80" <= each <= "\udcff" for each in text) else text
    except UnicodeError:
        raise argparse.ArgumentTypeError("this is not UTF-8; write it in UTF-8") from None


def scope(text: str) -> Scope:
    """Return what a key may do."""
    try:
        return Scope(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it is one of {SCOPES}") from None


def position(text: str) -> int:
    """Return a position of a log."""
    if not re.fullmatch("0*[1-9][0-9]{0,17}", text, re.ASCII):
        raise argparse.ArgumentTypeError("positions are whole numbers and begin at 1")
    return int(text)


def stream(text: str) -> str:
    """Return the name of a stream."""
    try:
        return check_stream(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def public_key(text: str) -> bytes:
    """Return the bytes of a public key."""
    try:
        return read_key(text)
    except UnusableKey:
        raise argparse.ArgumentTypeError("a public key is the Base64 of 32 bytes") from None


def others(text: str) -> Others:
    """Return how a proof shows the events of other streams."""
    try:
        return Others(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it is one of {', '.join(Others)}") from None
