"""Create what the scheduler keeps: its copy of the log, owed reviews, notices, deliveries."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0001"
down_revision = None
branch_labels = ("scheduler",)
depends_on = "identity_0001"

ROLE = "homeward_scheduler"

TABLES = """
CREATE TABLE scheduler.checkpoint (
    authority_id text PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    timetable_digest text
);
CREATE TABLE scheduler.event (
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
CREATE INDEX event_stream ON scheduler.event (authority_id, stream, position);
CREATE INDEX event_first_of_stream ON scheduler.event (authority_id, stream) WHERE stream_position = 1;
CREATE TABLE scheduler.review (
    authority_id text NOT NULL,
    review_id uuid NOT NULL,
    child_id text NOT NULL,
    episode_id text NOT NULL,
    team text,
    kind text NOT NULL,
    title text NOT NULL,
    ordinal integer NOT NULL,
    due_on date,
    due_at timestamptz,
    last_working_day_on date,
    certainty text NOT NULL,
    outcome text NOT NULL,
    held_on date,
    held_meeting_id text,
    closed_on date,
    closed_because text,
    booked_on date,
    booked_meeting_id text,
    position bigint NOT NULL,
    explanation jsonb NOT NULL,
    vanished_at timestamptz,
    next_notice_on date,
    sort_on date NOT NULL GENERATED ALWAYS AS (coalesce(due_on, DATE '2999-12-31')) STORED,
    PRIMARY KEY (authority_id, review_id)
);
CREATE INDEX review_next_notice ON scheduler.review (authority_id, next_notice_on) WHERE next_notice_on IS NOT NULL;
CREATE INDEX review_due ON scheduler.review (authority_id, sort_on, review_id);
CREATE INDEX review_child ON scheduler.review (authority_id, child_id);
CREATE INDEX review_team ON scheduler.review (authority_id, team, sort_on, review_id);
CREATE INDEX review_kind ON scheduler.review (authority_id, kind, sort_on, review_id);
CREATE INDEX review_outcome ON scheduler.review (authority_id, outcome, sort_on, review_id);
CREATE TABLE scheduler.revisit (
    authority_id text NOT NULL,
    child_id text NOT NULL,
    revisit_on date NOT NULL,
    PRIMARY KEY (authority_id, child_id)
);
CREATE INDEX revisit_day ON scheduler.revisit (authority_id, revisit_on);
CREATE TABLE scheduler.notice_head (
    authority_id text PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0)
);
CREATE TABLE scheduler.notice (
    authority_id text NOT NULL,
    notice_id uuid NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    dedupe_key text NOT NULL,
    kind text NOT NULL,
    review_id uuid NOT NULL,
    child_id text NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (authority_id, notice_id),
    UNIQUE (authority_id, position),
    UNIQUE (authority_id, dedupe_key)
);
CREATE TABLE scheduler.webhook_endpoint (
    authority_id text NOT NULL,
    endpoint_id uuid NOT NULL,
    url text NOT NULL,
    secret text NOT NULL,
    kinds text[],
    description text,
    enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    disabled_because text,
    PRIMARY KEY (authority_id, endpoint_id)
);
CREATE TABLE scheduler.delivery (
    authority_id text NOT NULL,
    endpoint_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    notice_position bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'exhausted')),
    next_attempt_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    step integer NOT NULL DEFAULT 0,
    lease_id uuid,
    lease_until timestamptz,
    claimed_at timestamptz,
    PRIMARY KEY (authority_id, endpoint_id, notice_id),
    FOREIGN KEY (authority_id, endpoint_id) REFERENCES scheduler.webhook_endpoint,
    FOREIGN KEY (authority_id, notice_id) REFERENCES scheduler.notice
);
CREATE INDEX delivery_due ON scheduler.delivery (authority_id, endpoint_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX delivery_listed ON scheduler.delivery (authority_id, endpoint_id, notice_position);
CREATE TABLE scheduler.attempt (
    authority_id text NOT NULL,
    endpoint_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    started_at timestamptz NOT NULL,
    duration_ms integer,
    status integer,
    error text,
    excerpt text,
    PRIMARY KEY (authority_id, endpoint_id, notice_id, number),
    FOREIGN KEY (authority_id, endpoint_id, notice_id) REFERENCES scheduler.delivery
);
"""

GRANTS = (
    "SELECT, INSERT, UPDATE ON scheduler.checkpoint, scheduler.review, scheduler.notice_head",
    "SELECT, INSERT, UPDATE ON scheduler.webhook_endpoint, scheduler.delivery",
    "SELECT, INSERT, UPDATE, DELETE ON scheduler.revisit",
    # What was read, what was said and what was tried is never changed.
    "SELECT, INSERT ON scheduler.event, scheduler.notice, scheduler.attempt",
)


def upgrade() -> None:
    """Create schema, tables and indexes, and grant the service what it needs."""
    op.execute("CREATE SCHEMA scheduler")
    for statement in filter(str.strip, TABLES.split(";\n")):
        op.execute(statement)
    op.execute(f"GRANT USAGE ON SCHEMA scheduler TO {ROLE}")
    for grant in GRANTS:
        op.execute(f"GRANT {grant} TO {ROLE}")
