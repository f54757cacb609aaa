"""Bind the log: who recorded each event, a hash chain over all of them, and signed heads."""

from __future__ import annotations

from alembic import op

revision = "events_0002"
down_revision = "events_0001"
branch_labels = None
depends_on = None

ROLE = "homeward_events"

COLUMNS = """
ALTER TABLE events.event
    ADD COLUMN recorded_by text NOT NULL DEFAULT 'unknown',
    ADD COLUMN link bytea
"""

# Walks each log in the order of its positions, because every link needs the one before it.  The texts are those of
# shared/domain/hash_chain.py; a test compares the two.
CHAIN = """
DO $$
DECLARE
    one record;
    previous bytea;
    of_authority text := '';
BEGIN
    FOR one IN
        SELECT authority_id, position, stream, stream_position, type, source, event_id, recorded_at, recorded_by, digest
        FROM events.event ORDER BY authority_id, position
    LOOP
        IF one.authority_id <> of_authority THEN
            of_authority := one.authority_id;
            previous := sha256(convert_to(E'homeward-log-1\\n' || of_authority || E'\\n', 'UTF8'));
        END IF;
        previous := sha256(previous || sha256(convert_to(concat_ws(E'\\n',
            'homeward-event-1', one.authority_id, one.position, one.stream, one.stream_position, one.type, one.source,
            one.event_id, (extract(epoch FROM one.recorded_at) * 1000000)::bigint, one.recorded_by,
            encode(one.digest, 'hex'), ''), 'UTF8')));
        UPDATE events.event SET link = previous
        WHERE authority_id = one.authority_id AND position = one.position;
    END LOOP;
END
$$
"""

CLOSE = """
ALTER TABLE events.event
    ALTER COLUMN recorded_by DROP DEFAULT,
    ALTER COLUMN link SET NOT NULL,
    ADD CHECK (octet_length(link) = 32)
"""

# What a key signed of the chain, and when.  Several keys may sign one position: while keys are changed.
SIGNED_HEAD = """
CREATE TABLE events.signed_head (
    authority_id text NOT NULL,
    position bigint NOT NULL CHECK (position >= 1),
    key_id text NOT NULL,
    link bytea NOT NULL CHECK (octet_length(link) = 32),
    signed_at timestamptz NOT NULL CHECK (isfinite(signed_at)),
    signature bytea NOT NULL CHECK (octet_length(signature) = 64),
    PRIMARY KEY (authority_id, position, key_id)
)
"""

# The public keys that signed, kept so that old heads can be checked when the key has been changed.  They stand beside
# what they prove: an inspector compares them with the ones that he was given.
SIGNING_KEY = """
CREATE TABLE events.signing_key (
    authority_id text NOT NULL,
    key_id text NOT NULL,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    first_used_at timestamptz NOT NULL CHECK (isfinite(first_used_at)),
    PRIMARY KEY (authority_id, key_id)
)
"""

TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events.{table}
FOR EACH STATEMENT EXECUTE FUNCTION events.refuse_change()
"""


def upgrade() -> None:
    """Add the columns, chain what is there already, and make the tables of signed heads and of keys."""
    op.execute(COLUMNS)
    # The only change the log ever sees: rows from before the chain get their link.
    op.execute("ALTER TABLE events.event DISABLE TRIGGER append_only")
    # It takes as long as the log is: some minutes for millions of events.
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute(CHAIN)
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("ALTER TABLE events.event ENABLE TRIGGER append_only")
    op.execute(CLOSE)
    op.execute(SIGNED_HEAD)
    op.execute(SIGNING_KEY)
    for table in ("signed_head", "signing_key"):
        op.execute(TRIGGER.format(table=table))
        op.execute(f"GRANT SELECT, INSERT ON events.{table} TO {ROLE}")
