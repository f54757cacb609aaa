"""The tables of the schema ``reporting``; the migration creates them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, MetaData, Table, Text

from shared.runtime.leases import declare_lease
from shared.runtime.log_copy import declare_log_copy

metadata = MetaData(schema="reporting")

checkpoint, event = declare_log_copy(metadata)
lease = declare_lease(metadata)

#: A row holds for every question about ``latest_on`` or a later day, with everything known
#: that was recorded by ``latest_recorded_at``, as long as ``edition`` is that of the projection.
child = Table(
    "child",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("child_id", Text, primary_key=True),
    Column("edition", Integer, nullable=False),
    Column("latest_on", Date),
    Column("latest_recorded_at", DateTime(timezone=True), nullable=False),
    Column("team", Text),
    Column("recommendations_outside", Integer, nullable=False),
    Column("episodes", Integer, nullable=False),
)

episode = Table(
    "episode",
    metadata,
    Column("authority_id", Text, primary_key=True),
    Column("child_id", Text, primary_key=True),
    Column("episode_id", Text, primary_key=True),
    Column("ordinal", Integer, nullable=False),
    Column("previous_episode_id", Text),
    Column("previous_ended_on", Date),
    Column("accommodated_on", Date, nullable=False),
    Column("legal_reason", Text, nullable=False),
    Column("born_on", Date),
    Column("team", Text),
    Column("recommended_on", Date),
    Column("route", Text),
    Column("parallel_route", Text),
    Column("ended_on", Date),
    Column("destination", Text),
    Column("overtaken_on", Date),
    Column("last_milestone", Text, nullable=False),
    Column("last_reached_on", Date, nullable=False),
    Column("next_milestone", Text),
    Column("next_since_on", Date),
    Column("position", BigInteger, nullable=False),
)
