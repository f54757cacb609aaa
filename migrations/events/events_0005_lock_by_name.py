"""Lock by name: whoever appends to a log holds a lock of the log's name, and no row has to be locked for that.

To lock a row is to write it, which took a twentieth of the time of a lone append.
"""

from __future__ import annotations

from alembic import op

revision = "events_0005"
down_revision = "events_0004"
branch_labels = None
depends_on = None

# As before (events_0003 and events_0004 say why it is so), but for the lock.  The head is looked at in a statement
# behind the one that takes the lock, so it is that of the instant at which the lock was had.  The lock is that of
# services/events/store/connection.py: whatever appends takes the same.
FUNCTION = """
CREATE OR REPLACE FUNCTION events.append_many(
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
    PERFORM pg_advisory_xact_lock(hashtextextended('homeward log ' || in_authority_id, 0));
    PERFORM FROM (
        SELECT event.position, event.link FROM events.event
        WHERE event.authority_id = in_authority_id AND event.position >= in_position
        ORDER BY event.position LIMIT 1
    ) AS head
    WHERE head.position = in_position AND head.link = in_link;
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
    """Replace the function."""
    op.execute(FUNCTION)
