"""Every setting of Homeward, with its default and a sentence.

Each is read from the environment as ``HOMEWARD_<NAME>``.  ``docs/reference/settings.md``
is made from this module, and a test holds the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.runtime.signing import read_key

ENVIRONMENT_PREFIX = "HOMEWARD_"


class Settings(BaseSettings):
    """Every setting of Homeward."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # it may be a secret
    )

    database_url: str | None = Field(
        default=None,
        description="PostgreSQL server to use (versions 15 to 18), as `postgresql://user:password@host/database`. "
        "Without it `make run` starts an embedded server. The three separate processes need it. It may ask for "
        "encryption with `?sslmode=`, as libpq knows it. Behind a pooler in "
        "transaction mode (pgbouncer) it ends with `?pooler=transaction`; migrating and rebuilding go to the server "
        "itself.",
    )
    listen_url: str | None = Field(
        default=None,
        description="The same PostgreSQL server past a pooler: set it when `HOMEWARD_DATABASE_URL` leads through a "
        "pgbouncer that pools transactions, which loses what LISTEN should hear. Without it the events service still "
        "works: readers that wait then see what another process appended up to a second later.",
    )
    data_dir: Path = Field(
        default=Path(".homeward"),
        description="Folder of the embedded PostgreSQL server, of the demonstration key and of the signing key.",
    )
    host: str = Field(default="127.0.0.1", description="Address on which to listen.")
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        description="Port on which to listen. The three separate processes default to 8001 (events), "
        "8002 (scheduler) and 8003 (reporting).",
    )
    demo: bool = Field(
        default=True,
        description="Whether `make run` loads the demonstration council into an empty log; `0` leaves it empty.",
    )
    demo_key: SecretStr | None = Field(
        default=None,
        description="Fixes the demonstration council's API key, for scripts: "
        "`hw1.demonstration.<8 to 32 of a-z0-9>.<32 to 128 of A-Za-z0-9_->`. Without it a random key is made once "
        "and kept in the data folder.",
    )
    service_token: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Secret shared by the three processes, with which scheduler and reporting read the log. At least "
        "32 characters. In one process a fresh one is made at each start.",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description="Private Ed25519 key with which the events service signs the heads of the logs: the Base64 of 32 "
        "random bytes, as `openssl rand -base64 32` prints. Several processes share one. `make run` makes one and "
        "keeps it in the data folder; the separate events service signs nothing without it.",
    )
    sign_seconds: float = Field(
        default=60.0, gt=0, le=86_400, description="How often the head of every log that has moved is signed."
    )
    events_url: str = Field(
        default="http://127.0.0.1:8001",
        description="Where scheduler and reporting reach the events service.",
    )
    pool_size: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Connections of one pool to the database; a service has two to four such pools.",
    )
    lease_seconds: float = Field(
        default=4.0,
        ge=0.5,
        le=60,
        description="How long scheduler and reporting keep the right to follow a log without renewing it. When a "
        "process dies, another goes on after this time.",
    )
    tick_seconds: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="How often the scheduler looks at the clock for a new day, on which reviews have come near or are "
        "missed. It asks the database when there is one, when reviews have changed, and every few seconds.",
    )
    delivery_seconds: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description="How often the scheduler looks whether the clock was set, so that a webhook delivery has become "
        "due. Whatever this says, what is new goes out at once and a retry at its instant.",
    )
    delivery_timeout_seconds: float = Field(
        default=15.0, gt=0, le=60, description="Longest time that one webhook attempt may take in all."
    )
    delivery_concurrency: int = Field(default=32, ge=1, le=1000, description="Webhook attempts under way at once.")
    webhook_allow: str = Field(
        default="",
        description="Webhook targets allowed although they are private or not https: comma-separated "
        "`<CIDR>:<port>` or `<CIDR>:*`, for instance `10.20.0.0/16:443,127.0.0.1/32:*`. Empty allows none.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="What is logged: DEBUG, INFO, WARNING or ERROR."
    )

    @field_validator("events_url")
    @classmethod
    def _leads_somewhere(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            leads = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:  # Its words may repeat the URL.
            leads = False
        if not leads:
            raise ValueError("it is written http://host:port, or https://host:port")
        return url

    @field_validator("signing_key")
    @classmethod
    def _holds_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            read_key(key.get_secret_value())
        return key
