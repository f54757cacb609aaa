"""Say of each review that was held on which day that was recorded, and have all reviews projected anew."""

from __future__ import annotations

from alembic import op

revision = "scheduler_0004"
down_revision = "scheduler_0003"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE scheduler.review ADD COLUMN recorded_on date, ADD COLUMN shown_on date;
UPDATE scheduler.checkpoint SET timetable_digest = 'scheduler_0004' WHERE timetable_digest IS NOT NULL
"""
# The new columns follow from the log, so no statement fills them: the digest is that of no timetable, and the
# scheduler that starts next therefore projects every child anew, as it does whenever the rules at hand change.


def upgrade() -> None:
    """Add the columns, and let the next start fill them."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
