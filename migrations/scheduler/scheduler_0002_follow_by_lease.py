"""Follow the log by lease, say where and why following stopped, and know the version of copied data."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0002"
down_revision = "scheduler_0001"
branch_labels = None
depends_on = None

ROLE = "homeward_scheduler"

STATEMENTS = """
CREATE TABLE scheduler.lease (
    authority_id text PRIMARY KEY,
    holder text NOT NULL,
    token bigint NOT NULL CHECK (token > 0),
    expires_at timestamptz NOT NULL
);
ALTER TABLE scheduler.checkpoint
    ADD COLUMN state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'ahead')),
    ADD COLUMN stopped_position bigint CHECK (stopped_position >= 0),
    ADD COLUMN stopped_type text,
    ADD COLUMN stopped_reason text,
    ADD COLUMN stopped_at timestamptz,
    ADD COLUMN resume_asked boolean NOT NULL DEFAULT false,
    ADD CHECK (
        CASE WHEN state = 'running' THEN num_nulls(stopped_position, stopped_type, stopped_reason, stopped_at) = 4
        ELSE num_nulls(stopped_position, stopped_reason, stopped_at) = 0 END
    );
ALTER TABLE scheduler.event
    ADD COLUMN schema_version integer NOT NULL DEFAULT 1 CHECK (schema_version > 0),
    ADD COLUMN recorded_by text NOT NULL DEFAULT 'unknown';
ALTER TABLE scheduler.event
    ALTER COLUMN schema_version DROP DEFAULT,
    ALTER COLUMN recorded_by DROP DEFAULT
"""
# Until now there was one version of each type, and nobody noted who appended: hence the two defaults,
# which only the rows that are there already get.


def upgrade() -> None:
    """Create the leases, and widen checkpoint and copy."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON scheduler.lease TO {ROLE}")
