"""Check by type: what every row of the log has to be stands in the types of its columns.

A constraint of a table is read and planned anew by every statement that inserts, which took
a twentieth of the time of a lone append.  That of a type is kept.
"""

from __future__ import annotations

from alembic import op

revision = "events_0004"
down_revision = "events_0003"
branch_labels = None
depends_on = None

ROLE = "homeward_events"

# A place is a position, in a log or in a stream: `position` is a keyword, which names a type only with its schema.
TYPES = (
    "CREATE DOMAIN events.place AS bigint CHECK (VALUE >= 1)",
    "CREATE DOMAIN events.instant AS timestamptz CHECK (isfinite(VALUE))",
    "CREATE DOMAIN events.sha256 AS bytea CHECK (octet_length(VALUE) = 32)",
)
RETYPE = """
ALTER TABLE events.event
    DROP CONSTRAINT event_position_check, ALTER position TYPE events.place,
    DROP CONSTRAINT event_stream_position_check, ALTER stream_position TYPE events.place,
    DROP CONSTRAINT event_recorded_at_check, ALTER recorded_at TYPE events.instant,
    DROP CONSTRAINT event_digest_check, ALTER digest TYPE events.sha256,
    DROP CONSTRAINT event_link_check, ALTER link TYPE events.sha256
"""

# As before (events_0003 says why it is so), but for the way in which the columns come: asyncpg looks at each element of
# an array for longer than it takes to write it.  So digests and links come as one value, 32 bytes each; names and
# numbers as one text, a line each, since none of them can hold a line end (the chain rests on that, too).
DROP = """
DROP FUNCTION events.append_many(
    text, bigint, bytea, timestamptz, text[], bigint[], text[], text[], text[], text[], bytea[], bytea[], bytea[]
)
"""
FUNCTION = """
CREATE FUNCTION events.append_many(
    in_authority_id text, in_position bigint, in_link bytea, in_recorded_at timestamptz,
    in_streams text, in_stream_positions text, in_sources text, in_event_ids text, in_types text,
    in_recorded_by text, in_bodies bytea[], in_digests bytea, in_links bytea
) RETURNS text LANGUAGE plpgsql
SET lock_timeout = '5s'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'an append runs in a READ COMMITTED transaction' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM FROM events.log
    WHERE log.authority_id = in_authority_id AND in_link = (
        SELECT CASE WHEN event.position = in_position THEN event.link END
        FROM events.event WHERE event.authority_id = in_authority_id AND event.position >= in_position
        ORDER BY event.position LIMIT 1
    )
    FOR UPDATE OF log;
    IF NOT FOUND THEN
        RETURN 'elsewhere';
    END IF;
    INSERT INTO events.event (authority_id, recorded_at, position, stream, stream_position,
                              source, event_id, type, recorded_by, body, digest, link)
    SELECT in_authority_id, in_recorded_at, in_position + place, stream, stream_position::bigint,
           coalesce(source, in_sources), event_id, coalesce(type, in_types), coalesce(recorded_by, in_recorded_by),
           body, substring(in_digests FROM 32 * place::int - 31 FOR 32),
           substring(in_links FROM 32 * place::int - 31 FOR 32)
    FROM unnest(
        string_to_array(in_streams, E'\\n'), string_to_array(in_stream_positions, E'\\n'),
        string_to_array(in_sources, E'\\n'), string_to_array(in_event_ids, E'\\n'), string_to_array(in_types, E'\\n'),
        string_to_array(in_recorded_by, E'\\n'), in_bodies
    ) WITH ORDINALITY AS added (stream, stream_position, source, event_id, type, recorded_by, body, place);
    RETURN 'stored';
EXCEPTION WHEN unique_violation THEN
    RETURN 'taken';
END
$$
"""


def upgrade() -> None:
    """Make the types, give them to the log's columns, and replace the function."""
    for statement in TYPES:
        op.execute(statement)
    # The table is written anew: some minutes for millions of events.
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute(RETYPE)
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute(DROP)
    op.execute(FUNCTION)
    op.execute("REVOKE ALL ON FUNCTION events.append_many FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION events.append_many TO {ROLE}")
