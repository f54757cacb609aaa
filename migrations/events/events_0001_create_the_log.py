"""Create the log: events that are only ever added, in commit order, for each authority."""

from __future__ import annotations

from alembic import op

revision = "events_0001"
down_revision = None
branch_labels = ("events",)
depends_on = "identity_0001"

ROLE = "homeward_events"

# An appender holds the row of its authority in events.log until its transaction has become
# visible: so when an event can be read, every event before it can be read too.  The row is
# locked and never written: a counter in it would leave a dead version behind every append.
#
# events.event has no foreign key to events.log.  Whoever appends holds that row already, and
# the check would cost as much again as the insert itself.
TABLES = """
CREATE TABLE events.log (
    authority_id text PRIMARY KEY REFERENCES identity.authority
);
CREATE TABLE events.event (
    authority_id text NOT NULL,
    position bigint NOT NULL CHECK (position >= 1),
    source text NOT NULL,
    event_id text NOT NULL,
    stream text NOT NULL,
    stream_position bigint NOT NULL CHECK (stream_position >= 1),
    type text NOT NULL,
    recorded_at timestamptz NOT NULL CHECK (isfinite(recorded_at)),
    body bytea NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (authority_id, position),
    UNIQUE (authority_id, source, event_id),
    UNIQUE (authority_id, stream, stream_position)
);
"""

REFUSAL = """
CREATE FUNCTION events.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Append record.corrected or record.retracted instead.';
END
$$
"""

# Grants keep the service from changing the log; the triggers keep its owner from doing so by accident.
TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events.{table}
FOR EACH STATEMENT EXECUTE FUNCTION events.refuse_change()
"""

GRANTS = (
    "USAGE ON SCHEMA events",
    "SELECT, INSERT ON events.log, events.event",
    # PostgreSQL lets a role lock a row FOR UPDATE only if it might update a column of it.
    # The trigger refuses the update itself.
    "UPDATE (authority_id) ON events.log",
)


def upgrade() -> None:
    """Create schema, tables and triggers; the service may read and append, and no more."""
    op.execute("CREATE SCHEMA events")
    for statement in filter(str.strip, TABLES.split(";\n")):
        op.execute(statement)
    op.execute(REFUSAL)
    for table in ("log", "event"):
        op.execute(TRIGGER.format(table=table))
    for grant in GRANTS:
        op.execute(f"GRANT {grant} TO {ROLE}")
