"""Keep what changed of each review and because of what, and have every child's history folded anew."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0005"
down_revision = "scheduler_0004"
branch_labels = None
depends_on = None

ROLE = "homeward_scheduler"

COLUMNS = """
ALTER TABLE scheduler.review
    ADD COLUMN clock text NOT NULL DEFAULT '',
    ADD COLUMN once_owed jsonb,
    ADD COLUMN replaces uuid,
    ADD COLUMN replaced_by uuid,
    ADD COLUMN told_as uuid,
    ADD COLUMN stood_overdue_from date,
    ADD COLUMN stood_overdue_until date
"""
LOG = """
CREATE TABLE scheduler.review_change (
    authority_id text NOT NULL,
    changed_at timestamptz NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    review_id uuid NOT NULL,
    cause text NOT NULL CHECK (cause IN ('event', 'day', 'edition')),
    type text,
    child_id text NOT NULL,
    team text,
    kind text NOT NULL,
    title text NOT NULL,
    ordinal integer NOT NULL,
    aspects text[] NOT NULL CHECK (cardinality(aspects) > 0),
    before jsonb,
    after jsonb NOT NULL,
    sentence text NOT NULL,
    PRIMARY KEY (authority_id, changed_at, position, review_id),
    CHECK ((cause = 'event') = (type IS NOT NULL))
)
"""
INDEXES = (
    "CREATE INDEX review_change_review ON scheduler.review_change (authority_id, review_id, changed_at)",
    "CREATE INDEX review_change_child ON scheduler.review_change (authority_id, child_id, changed_at)",
)
# The log follows from the copy of the events, so no statement fills it: the digest is that of no timetable, and the
# scheduler that starts next therefore folds every child's whole history, and tells nothing that was told already.
FOLD_ANEW = "UPDATE scheduler.checkpoint SET timetable_digest = 'scheduler_0005' WHERE timetable_digest IS NOT NULL"


def upgrade() -> None:
    """Create the log, which the service may read and add to, and let the next start fill it."""
    op.execute(COLUMNS)
    op.execute(LOG)
    for index in INDEXES:
        op.execute(index)
    op.execute(f"GRANT SELECT, INSERT ON scheduler.review_change TO {ROLE}")
    op.execute(FOLD_ANEW)


def downgrade() -> None:
    """Forget what changed."""
    op.execute("DROP TABLE scheduler.review_change")
    names = ("clock", "once_owed", "replaces", "replaced_by", "told_as")
    overdue = ("stood_overdue_from", "stood_overdue_until")
    dropped = ", ".join(f"DROP COLUMN {name}" for name in (*names, *overdue))
    op.execute(f"ALTER TABLE scheduler.review {dropped}")
