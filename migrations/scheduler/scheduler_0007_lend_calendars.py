"""Lend calendars of what is owed by an address that can be revoked."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0007"
down_revision = "scheduler_0006"
branch_labels = None
depends_on = None

ROLE = "homeward_scheduler"

TABLE = """
CREATE TABLE scheduler.calendar_feed (
    authority_id text NOT NULL,
    feed_id uuid NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    reference_key bytea NOT NULL CHECK (octet_length(reference_key) = 32),
    team text,
    role text,
    what text[] CHECK (cardinality(what) > 0),
    kinds text[] CHECK (cardinality(kinds) > 0),
    description text,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    PRIMARY KEY (authority_id, feed_id),
    CHECK (num_nulls(revoked_at, revoked_by) IN (0, 2))
)
"""

GRANTS = (
    "SELECT, INSERT ON scheduler.calendar_feed",
    # What a feed shows never changes, and who holds its address least of all: it can only be revoked.
    "UPDATE (revoked_at, revoked_by) ON scheduler.calendar_feed",
)


def upgrade() -> None:
    """Create the table, and let the service lend and revoke."""
    op.execute(TABLE)
    for grant in GRANTS:
        op.execute(f"GRANT {grant} TO {ROLE}")
