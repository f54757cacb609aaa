"""Keep no forecast that the facts no longer make: it was never owed, and follows from the log where somebody asks."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0003"
down_revision = "scheduler_0002"
branch_labels = None
depends_on = None

ROLE = "homeward_scheduler"

STATEMENTS = """
DELETE FROM scheduler.review WHERE vanished_at IS NOT NULL AND certainty = 'provisional' AND held_on IS NULL;
CREATE INDEX notice_review ON scheduler.notice (authority_id, review_id)
"""


def upgrade() -> None:
    """Delete them, let the service do so, and find by its id whose forecast a notice named."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
    op.execute(f"GRANT DELETE ON scheduler.review TO {ROLE}")
