"""Append in one call: a function that compares the end of a log with what was assumed, and inserts."""

from __future__ import annotations

from alembic import op

revision = "events_0003"
down_revision = "events_0002"
branch_labels = None
depends_on = None

ROLE = "homeward_events"

# The event at the assumed end cannot go away once it has been seen, and what another appender has put behind it takes
# the place of the first new one: so if the rows can be inserted, the log ended where it was assumed to.
#
# That event is asked for as the first one from its position on, because that order is an index's own: with a plain
# comparison the planner, while the log is young, takes any index that begins with the authority, and keeps to it.
#
# A taken place or key is caught here and told as a word: as an error it would stand in PostgreSQL's log, with the key,
# which may be personal.
#
# The settings make the function independent of its session, which a pooler in transaction mode may share.  They are
# those of services/events/store/connection.py: every plan is made once and by index.
#
# Most appends are of one source and one key, many of one type: an array of one element stands for all, because unnest
# fills shorter arrays up with NULL.
FUNCTION = """
CREATE FUNCTION events.append_many(
    in_authority_id text, in_position bigint, in_link bytea, in_recorded_at timestamptz,
    in_streams text[], in_stream_positions bigint[], in_sources text[], in_event_ids text[], in_types text[],
    in_recorded_by text[], in_bodies bytea[], in_digests bytea[], in_links bytea[]
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
    SELECT in_authority_id, in_recorded_at, in_position + place, stream, stream_position,
           coalesce(source, in_sources[1]), event_id, coalesce(type, in_types[1]),
           coalesce(recorded_by, in_recorded_by[1]), body, digest, link
    FROM unnest(in_streams, in_stream_positions, in_sources, in_event_ids, in_types,
                in_recorded_by, in_bodies, in_digests, in_links) WITH ORDINALITY
         AS added (stream, stream_position, source, event_id, type, recorded_by, body, digest, link, place);
    RETURN 'stored';
EXCEPTION WHEN unique_violation THEN
    RETURN 'taken';
END
$$
"""


def upgrade() -> None:
    """Create the function, which the service's role alone may execute."""
    op.execute(FUNCTION)
    op.execute("REVOKE ALL ON FUNCTION events.append_many FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION events.append_many TO {ROLE}")
