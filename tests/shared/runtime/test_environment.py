"""A setting that cannot be used is told in a sentence: which, what is wrong, and what it takes."""

from __future__ import annotations

import pytest

from shared.runtime.environment import UnusableSettings, database_of, read_settings, token_of
from shared.runtime.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "none", "is no whole number; it takes a whole number from 0 up to 65535."),
        ("PORT", "", "is no whole number; it takes a whole number from 0 up to 65535."),
        ("PORT", "65536", "is too large; it takes a whole number from 0 up to 65535."),
        ("POOL_SIZE", "0", "is too small; it takes a whole number from 1 up to 100."),
        ("POOL_SIZE", "1.5", "is no whole number; it takes a whole number from 1 up to 100."),
        ("TICK_SECONDS", "soon", "is no number; it takes a number above 0 up to 3600."),
        ("TICK_SECONDS", "0", "is too small; it takes a number above 0 up to 3600."),
        ("DEMO", "perhaps", "is neither yes nor no; it takes 1 or 0."),
        ("SERVICE_TOKEN", "hush", "is too short; it takes a text of at least 32 characters."),
        ("LOG_LEVEL", "LOUD", "is none of the words that it takes; it takes DEBUG, INFO, WARNING or ERROR."),
        ("SIGNING_KEY", "hush", "cannot be used: a key is the Base64 of 32 bytes, as `openssl rand -base64 32` prints"),
        ("DATABASE_URL", "mysql://a:hush@b/c", "must begin with postgresql://; it is written postgresql://user"),
        ("LISTEN_URL", "hush", "is not a URL; it is written postgresql://user:password@host/database"),
        ("EVENTS_URL", "hush", "cannot be used: it is written http://host:port, or https://host:port."),
        ("EVENTS_URL", "http://[hush", "cannot be used: it is written http://host:port, or https://host:port."),
        ("EVENTS_URL", "http://host:hush", "cannot be used: it is written http://host:port, or https://host:port."),
    ],
)
def test_each_is_told_in_a_sentence_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """The words are ours, a person finds the variable in them, and a secret stays one."""
    monkeypatch.setenv(f"HOMEWARD_{name}", value)
    with pytest.raises(UnusableSettings) as told:
        read_settings()
    assert str(told.value).startswith(f"HOMEWARD_{name} {sentence}")
    assert "hush" not in str(told.value)


def test_all_that_are_wrong_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody mends one to be told of the next."""
    monkeypatch.setenv("HOMEWARD_PORT", "none")
    monkeypatch.setenv("HOMEWARD_LOG_LEVEL", "LOUD")
    with pytest.raises(UnusableSettings, match=r"HOMEWARD_PORT is no whole number.*HOMEWARD_LOG_LEVEL is none"):
        read_settings()


def test_what_is_missing_is_named() -> None:
    """A service by itself needs a database and, to follow the log, a token: each is told with what to set."""
    with pytest.raises(UnusableSettings, match=r"HOMEWARD_DATABASE_URL is not set; .* postgresql://user:password@host"):
        database_of(Settings())
    with pytest.raises(UnusableSettings, match=r"HOMEWARD_SERVICE_TOKEN is not set; reporting .* 32 characters"):
        token_of(Settings(), "reporting")


def test_what_can_be_used_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the environment are those of the class."""
    monkeypatch.setenv("HOMEWARD_EVENTS_URL", "https://log.council.example/")
    assert read_settings() == Settings()
    assert read_settings().events_url == "https://log.council.example/"
