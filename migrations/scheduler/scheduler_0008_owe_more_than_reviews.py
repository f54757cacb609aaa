"""Say of each review what is owed and whose work it is: packs owe other deadlines than reviews, too."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0008"
down_revision = "scheduler_0007"
branch_labels = None
depends_on = None

STATEMENT = """
ALTER TABLE scheduler.review
    ADD COLUMN what text NOT NULL DEFAULT 'review', ADD COLUMN roles text[] NOT NULL DEFAULT '{}'
"""
# What is stored is all reviews, of packs that do not say whose work they are: nothing has to be projected anew for it.


def upgrade() -> None:
    """Add the columns."""
    op.execute(STATEMENT)
