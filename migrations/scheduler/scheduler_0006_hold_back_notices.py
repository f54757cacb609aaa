"""Hold back notices about the past until a person releases them, and look at reviews for more thresholds than two."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0006"
down_revision = "scheduler_0005"
branch_labels = None
depends_on = None

ROLE = "homeward_scheduler"

HELD_BACK = """
CREATE TABLE scheduler.held_back (
    authority_id text NOT NULL,
    notice_id uuid NOT NULL,
    number bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    dedupe_key text NOT NULL,
    kind text NOT NULL,
    review_id uuid NOT NULL,
    review_kind text NOT NULL,
    child_id text NOT NULL,
    due_on date,
    about_on date NOT NULL,
    data jsonb NOT NULL,
    held_back_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'released', 'dismissed')),
    decided_at timestamptz,
    decided_by text,
    PRIMARY KEY (authority_id, notice_id),
    UNIQUE (authority_id, number),
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CHECK ((state = 'waiting') = (decided_by IS NULL))
)
"""
LOOKED_AT = "CREATE INDEX review_next_notice ON scheduler.review ({columns}) WHERE next_notice_on IS NOT NULL"
INDEXES = (
    "CREATE INDEX held_back_waiting ON scheduler.held_back (authority_id, number) WHERE state = 'waiting'",
    "CREATE INDEX held_back_review ON scheduler.held_back (authority_id, review_id)",
    # The tick takes the reviews of a day in order of their ids, some at a time: it need not sort them each time.
    "DROP INDEX scheduler.review_next_notice",
    LOOKED_AT.format(columns="authority_id, next_notice_on, review_id"),
)
#: What was held back stays: who released or dismissed it, and when, is on record for good.
GRANTS = (
    "SELECT, INSERT ON scheduler.held_back",
    "UPDATE (state, decided_at, decided_by) ON scheduler.held_back",
)

#: Until now a review was looked at twice: 14 days before, and the day after.  From tomorrow on every threshold counts.
LOOK_AGAIN = """
UPDATE scheduler.review SET next_notice_on = least(next_notice_on, current_date + 1)
WHERE outcome = 'open' AND vanished_at IS NULL AND due_on IS NOT NULL
    AND explanation -> 'anchor' ->> 'position' IS NOT NULL
    AND (next_notice_on IS NULL OR next_notice_on > due_on)
"""


def upgrade() -> None:
    """Create the table, note when a due date became known, and look at open reviews again."""
    op.execute(HELD_BACK)
    for index in INDEXES:
        op.execute(index)
    for grant in GRANTS:
        op.execute(f"GRANT {grant} TO {ROLE}")
    op.execute("ALTER TABLE scheduler.review ADD COLUMN known_on date")
    op.execute(LOOK_AGAIN)


def downgrade() -> None:
    """Forget what was held back and when due dates became known; days of looking stay."""
    op.execute("ALTER TABLE scheduler.review DROP COLUMN known_on")
    op.execute("DROP TABLE scheduler.held_back")
    op.execute("DROP INDEX scheduler.review_next_notice")
    op.execute(LOOKED_AT.format(columns="authority_id, next_notice_on"))
