"""Every SQL statement on authorities and their keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.identity.keys import ApiKey, Scope
from shared.identity.labels import check_name, check_note
from shared.identity.tables import api_key, authority


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of a key."""

    digest: bytes
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None

    def usable(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired at ``now``."""
        return _usable(self, now)


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority (a council)."""

    authority_id: str
    name: str
    created_at: datetime


async def add_authority(connection: AsyncConnection, authority_id: str, name: str, now: datetime) -> bool:
    """Make sure the authority is there, and return whether it is new; an existing one keeps its name.

    Raises ValueError for a name that cannot be one.
    """
    row = {"authority_id": authority_id, "name": check_name(name), "created_at": now}
    added = await connection.execute(insert(authority).values(row).on_conflict_do_nothing())
    return added.rowcount > 0


async def find_authority(connection: AsyncConnection, authority_id: str) -> Authority | None:
    """Return what is kept of an authority, or None if there is none of this id."""
    found = await connection.execute(select(authority).where(authority.c.authority_id == authority_id))
    row = found.one_or_none()
    return None if row is None else Authority(row.authority_id, row.name, row.created_at)


async def authorities(connection: AsyncConnection) -> list[str]:
    """List the ids of all authorities.

    The one statement of the product that is not bound to an authority: each worker asks
    it to know on whose behalf to work next.
    """
    return list(await connection.scalars(_AUTHORITIES))


_AUTHORITIES = select(authority.c.authority_id).order_by(authority.c.authority_id)


async def add_key(
    connection: AsyncConnection,
    key: ApiKey,
    *,
    scopes: Iterable[Scope],
    note: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Store a key; storing the same key id again replaces its secret and scopes.

    Raises ValueError for a note that cannot be one.
    """
    row = {
        "digest": key.digest,
        "scopes": sorted(scopes),
        "note": check_note(note),
        "created_at": now,
        "expires_at": expires_at,
        "revoked_at": None,
    }
    statement = insert(api_key).values(authority_id=key.authority_id, key_id=key.key_id, **row)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[api_key.c.authority_id, api_key.c.key_id], set_=row)
    )


async def find_key(connection: AsyncConnection, authority_id: str, key_id: str) -> StoredKey | None:
    """Return what is kept of a key of this authority, or None."""
    columns = (api_key.c.digest, api_key.c.scopes, api_key.c.expires_at, api_key.c.revoked_at)
    row = (
        await connection.execute(
            select(*columns).where(api_key.c.authority_id == authority_id, api_key.c.key_id == key_id)
        )
    ).one_or_none()
    return None if row is None else StoredKey(row.digest, frozenset(row.scopes), row.expires_at, row.revoked_at)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as an operator sees it in a list: everything but its secret."""

    key_id: str
    scopes: frozenset[str]
    note: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def usable(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired at ``now``."""
        return _usable(self, now)


def _usable(key: StoredKey | ListedKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


async def keys_of(connection: AsyncConnection, authority_id: str) -> list[ListedKey]:
    """List the keys of an authority, oldest first, revoked ones included."""
    columns = [api_key.c[each.name] for each in fields(ListedKey)]
    rows = await connection.execute(
        select(*columns).where(api_key.c.authority_id == authority_id).order_by(api_key.c.created_at, api_key.c.key_id)
    )
    return [
        ListedKey(row.key_id, frozenset(row.scopes), row.note, row.created_at, row.expires_at, row.revoked_at)
        for row in rows
    ]


async def revoke_key(connection: AsyncConnection, authority_id: str, key_id: str, now: datetime) -> bool:
    """Revoke a key from ``now`` on; return False if this authority has no such key.

    A key that was revoked before keeps the instant of its first revocation.
    """
    revoked = await connection.execute(
        update(api_key)
        .where(api_key.c.authority_id == authority_id, api_key.c.key_id == key_id)
        .values(revoked_at=func.coalesce(api_key.c.revoked_at, now))
    )
    return revoked.rowcount > 0
