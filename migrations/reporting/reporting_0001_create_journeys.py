"""Create what reporting keeps: its copy of the log, children, and their episodes of care."""

from __future__ import annotations

from alembic import op

revision = "reporting_0001"
down_revision = None
branch_labels = ("reporting",)
depends_on = "identity_0001"

ROLE = "homeward_reporting"

TABLES = """
CREATE TABLE reporting.checkpoint (
    authority_id text PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0)
);
CREATE TABLE reporting.event (
    authority_id text NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    stream text NOT NULL,
    stream_position bigint NOT NULL CHECK (stream_position > 0),
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    recorded_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (authority_id, position)
);
CREATE INDEX event_stream ON reporting.event (authority_id, stream, position);
CREATE INDEX event_recorded ON reporting.event (authority_id, recorded_at, position);
CREATE TABLE reporting.child (
    authority_id text NOT NULL,
    child_id text NOT NULL,
    edition integer NOT NULL,
    latest_on date,
    latest_recorded_at timestamptz NOT NULL,
    team text,
    recommendations_outside integer NOT NULL CHECK (recommendations_outside >= 0),
    episodes integer NOT NULL CHECK (episodes >= 0),
    PRIMARY KEY (authority_id, child_id)
);
CREATE TABLE reporting.episode (
    authority_id text NOT NULL,
    child_id text NOT NULL,
    episode_id text NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    previous_episode_id text,
    previous_ended_on date,
    accommodated_on date NOT NULL,
    legal_reason text NOT NULL,
    born_on date,
    team text,
    recommended_on date CHECK (recommended_on >= accommodated_on),
    route text,
    parallel_route text,
    ended_on date CHECK (ended_on >= accommodated_on),
    destination text,
    overtaken_on date CHECK (overtaken_on >= accommodated_on),
    last_milestone text NOT NULL,
    last_reached_on date NOT NULL,
    next_milestone text,
    next_since_on date,
    position bigint NOT NULL,
    PRIMARY KEY (authority_id, child_id, episode_id),
    UNIQUE (authority_id, child_id, ordinal),
    FOREIGN KEY (authority_id, child_id) REFERENCES reporting.child ON DELETE CASCADE
);
"""

GRANTS = (
    "SELECT, INSERT, UPDATE ON reporting.checkpoint",
    # What was read is never changed.
    "SELECT, INSERT ON reporting.event",
    "SELECT, INSERT, DELETE ON reporting.child, reporting.episode",
)


def upgrade() -> None:
    """Create schema, tables and indexes, and grant the service what it needs."""
    op.execute("CREATE SCHEMA reporting")
    for statement in filter(str.strip, TABLES.split(";\n")):
        op.execute(statement)
    op.execute(f"GRANT USAGE ON SCHEMA reporting TO {ROLE}")
    for grant in GRANTS:
        op.execute(f"GRANT {grant} TO {ROLE}")
