"""Create the roles of the services, the authorities and their API keys."""

from __future__ import annotations

from alembic import op

revision = "identity_0001"
down_revision = None
branch_labels = ("identity",)
depends_on = None

ROLES = ("homeward_events", "homeward_scheduler", "homeward_reporting")

# Roles belong to the whole server, so another database's migration may be creating the same ones.
CREATE_ROLE = """
DO $$
BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$
"""

TABLES = """
CREATE TABLE identity.authority (
    authority_id text PRIMARY KEY CHECK (authority_id ~ '^[a-z][a-z0-9-]{1,39}$'),
    name text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE identity.api_key (
    authority_id text NOT NULL REFERENCES identity.authority,
    key_id text NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    scopes text[] NOT NULL,
    note text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (authority_id, key_id)
);
"""


def upgrade() -> None:
    """Create roles, schema and tables; the services may read them and no more."""
    op.execute("CREATE SCHEMA identity")
    for statement in filter(str.strip, TABLES.split(";\n")):
        op.execute(statement)
    for role in ROLES:
        op.execute(CREATE_ROLE.format(role=role))
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA identity TO {role}")
        op.execute(f"GRANT SELECT ON identity.authority, identity.api_key, public.alembic_version TO {role}")
