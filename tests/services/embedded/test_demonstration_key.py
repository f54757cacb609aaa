"""The demonstration key is the same at every start, and a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.embedded.demonstration_key import UnusableKey, admit, demonstration_key
from services.events.app import create_app
from shared.domain.clock import SystemClock
from shared.runtime.environment import UnusableSettings
from shared.runtime.settings import Settings
from tests.support.clients import asgi_client

FIXED = f"hw1.demonstration.abcdefgh.{'s' * 40}"


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """The second start finds the key of the first, in a file that only its owner may read."""
    first = demonstration_key(tmp_path / "data", None)

    assert demonstration_key(tmp_path / "data", None) == first
    assert (tmp_path / "data/demonstration-key").stat().st_mode & 0o777 == 0o600


def test_a_fixed_key_is_used_as_it_is(tmp_path: Path) -> None:
    """A key that is set needs no file."""
    assert str(demonstration_key(tmp_path, SecretStr(FIXED))) == FIXED
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["secret", FIXED.replace("demonstration", "northshire"), FIXED[:-20], ""])
def test_a_key_that_is_none_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    """What is no key of the demonstration council is refused, and the message does not show it."""
    with pytest.raises(UnusableSettings, match="HOMEWARD_DEMO_KEY") as refusal:
        demonstration_key(tmp_path, SecretStr(text))
    assert not text or text not in str(refusal.value)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A data folder that is a file is a sentence, not a traceback."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UnusableKey, match="HOMEWARD_DATA_DIR"):
        demonstration_key(tmp_path / "file", None)


async def test_an_admitted_key_may_read_and_append(fresh_database_url: str, settings: Settings) -> None:
    """Admitting twice is as good as once, and the key then opens the log of its authority."""
    key = demonstration_key(Path(), SecretStr(FIXED))
    for _ in range(2):
        await admit(fresh_database_url, key, SystemClock())

    app = create_app(settings.model_copy(update={"database_url": fresh_database_url}))
    async with asgi_client(app, key) as client:
        assert (await client.get("/v1/events")).json()["events"] == []
