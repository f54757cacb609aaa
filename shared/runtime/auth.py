"""Who asks: an API key of one authority, or a sister service on behalf of one authority."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from hmac import compare_digest
from time import monotonic
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.domain.clock import Clock
from shared.domain.errors import NotAuthenticated, NotPermitted
from shared.identity import store
from shared.identity.keys import ApiKey, Scope, parse_key
from shared.wire.feed import AUTHORITY_HEADER

#: A revoked key stops working within this time; without it each request would cost a query more.
CACHE_SECONDS = 5.0
_CACHE_ENTRIES = 10_000

_SISTER = "service"
# It says in the API document how to ask; the header is read by admit().
_bearer = HTTPBearer(auto_error=False, scheme_name="api_key", description="`Authorization: Bearer hw1...`")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, for which authority, and what they may do."""

    authority_id: str
    key_id: str
    scopes: frozenset[str]

    @property
    def is_sister(self) -> bool:
        """Whether a service of this product asks; no key has such an id."""
        return self.key_id == _SISTER


class Authenticator:
    """Turns an Authorization header into a principal."""

    def __init__(self, engine: AsyncEngine, clock: Clock, service_token: str | None) -> None:
        """Check keys against the database, and sister services against ``service_token``."""
        self._engine = engine
        self._clock = clock
        self._service_token = service_token
        self._cache: dict[tuple[str, str, bytes], tuple[float, Principal]] = {}

    async def principal(self, token: str, on_behalf_of: str | None) -> Principal:
        """Return whose token this is; raises NotAuthenticated."""
        if self._service_token is not None and compare_digest(token.encode(), self._service_token.encode()):
            return self._sister(on_behalf_of)
        key = parse_key(token)
        if key is None:
            raise NotAuthenticated("The Authorization header holds no Homeward API key; send 'Bearer hw1...'.")
        return self._cached(key) or await self._looked_up(key)

    def _sister(self, on_behalf_of: str | None) -> Principal:
        if not on_behalf_of:
            raise NotAuthenticated("A service names the authority for which it reads.")
        return Principal(on_behalf_of, _SISTER, frozenset({Scope.EVENTS_READ}))

    def _cached(self, key: ApiKey) -> Principal | None:
        expires, principal = self._cache.get((key.authority_id, key.key_id, key.digest), (0.0, None))
        return principal if monotonic() < expires else None

    async def _looked_up(self, key: ApiKey) -> Principal:
        async with self._engine.connect() as connection:
            stored = await store.find_key(connection, key.authority_id, key.key_id)
        if stored is None or not key.matches(stored.digest) or not stored.usable(self._clock.now()):
            raise NotAuthenticated("The API key is unknown, revoked or expired.")
        principal = Principal(key.authority_id, key.key_id, stored.scopes)
        if len(self._cache) > _CACHE_ENTRIES:
            self._cache.clear()
        self._cache[key.authority_id, key.key_id, key.digest] = (monotonic() + CACHE_SECONDS, principal)
        return principal


def require(scope: Scope) -> Callable[..., Coroutine[Any, Any, Principal]]:
    """Return a dependency that admits callers with this scope and yields their principal.

    Every operation of every service carries one, except the probes and the documents; a
    test enumerates them.
    """

    async def admitted(request: Request, _: Annotated[object, Depends(_bearer)]) -> Principal:
        return await admit(request, scope)

    return admitted


async def admit(request: Request, scope: Scope) -> Principal:
    """Return who asks if they have this scope; raises NotAuthenticated or NotPermitted."""
    kind, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if kind.lower() != "bearer" or not token:
        raise NotAuthenticated("Send an API key in the Authorization header: 'Bearer hw1...'.")
    authenticator: Authenticator = request.app.state.authenticator
    principal = await authenticator.principal(token, request.headers.get(AUTHORITY_HEADER))
    if scope not in principal.scopes:
        raise NotPermitted(f"This operation needs a key with the scope '{scope.value}'.")
    return principal
