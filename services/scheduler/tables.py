"""The tables of the schema ``scheduler``; the migration creates them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.runtime.leases import declare_lease
from shared.runtime.log_copy import declare_log_copy

metadata = MetaData(schema="scheduler")


def _instant() -> DateTime:
    return DateTime(timezone=True)


checkpoint, event = declare_log_copy(metadata, Column("timetable_digest", Text))
lease = declare_lease(metadata)

review = Table(
    "review",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("review_id", Uuid, primary_key=True),
    Column("child_id", Text, nullable=False),
    Column("episode_id", Text, nullable=False),
    Column("team", Text),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("due_on", Date),
    Column("due_at", _instant()),
    Column("last_working_day_on", Date),
    Column("what", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("certainty", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("held_on", Date),
    Column("held_meeting_id", Text),
    Column("recorded_on", Date),
    Column("shown_on", Date),
    Column("closed_on", Date),
    Column("closed_because", Text),
    Column("booked_on", Date),
    Column("booked_meeting_id", Text),
    Column("position", BigInteger, nullable=False),
    Column("explanation", JSONB, nullable=False),
    Column("vanished_at", _instant()),
    Column("next_notice_on", Date),
    Column("known_on", Date),
    Column("clock", Text, nullable=False, server_default=""),
    Column("once_owed", JSONB(none_as_null=True)),
    Column("replaces", Uuid),
    Column("replaced_by", Uuid),
    Column("told_as", Uuid),
    Column("stood_overdue_from", Date),
    Column("stood_overdue_until", Date),
    Column("sort_on", Date, Computed("coalesce(due_on, DATE '2999-12-31')", persisted=True), nullable=False),
)

review_change = Table(
    "review_change",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("changed_at", _instant(), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("review_id", Uuid, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("type", Text),
    Column("child_id", Text, nullable=False),
    Column("team", Text),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("aspects", ARRAY(Text), nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB, nullable=False),
    Column("sentence", Text, nullable=False),
)

revisit = Table(
    "revisit",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("child_id", Text, primary_key=True),
    Column("revisit_on", Date, nullable=False),
)

notice_head = Table(
    "notice_head",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("notice_id", Uuid, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("review_id", Uuid, nullable=False),
    Column("child_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", _instant(), nullable=False),
)

held_back = Table(
    "held_back",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("notice_id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("review_id", Uuid, nullable=False),
    Column("review_kind", Text, nullable=False),
    Column("child_id", Text, nullable=False),
    Column("due_on", Date),
    Column("about_on", Date, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("held_back_at", _instant(), nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_at", _instant()),
    Column("decided_by", Text),
)

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("endpoint_id", Uuid, primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("kinds", ARRAY(Text)),
    Column("description", Text),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", _instant(), nullable=False),
    Column("disabled_at", _instant()),
    Column("disabled_because", Text),
)

#: Calendars lent by address; of the secret in the address only a digest is kept.
calendar_feed = Table(
    "calendar_feed",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("feed_id", Uuid, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("reference_key", LargeBinary, nullable=False),
    Column("team", Text),
    Column("role", Text),
    Column("what", ARRAY(Text)),
    Column("kinds", ARRAY(Text)),
    Column("description", Text),
    Column("created_at", _instant(), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revoked_at", _instant()),
    Column("revoked_by", Text),
)

delivery = Table(
    "delivery",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("endpoint_id", Uuid, primary_key=True),
    Column("notice_id", Uuid, primary_key=True),
    Column("notice_position", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("next_attempt_at", _instant(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("lease_id", Uuid),
    Column("lease_until", _instant()),
    Column("claimed_at", _instant()),
)

attempt = Table(
    "attempt",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("endpoint_id", Uuid, primary_key=True),
    Column("notice_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", _instant(), nullable=False),
    Column("duration_ms", Integer),
    Column("status", Integer),
    Column("error", Text),
    Column("excerpt", Text),
)
