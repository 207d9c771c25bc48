"""API keys: shown once, kept as a digest, limited by scopes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from .clock import Clock
from .database import Database
from .errors import Invalid, NotFound
from .tables import ApiKeyRow

PREFIX = "psk"
# What a key may do. Reading the catalogue needs a key, but no scope.
SCOPES = (
    "accounts:read",
    "accounts:write",
    "changes:write",
    "changes:sales",
    "usage:write",
    "events:read",
    "events:write",
)

# Who may make changes that are agreed with sales may make all others, too.
IMPLIED: Mapping[str, tuple[str, ...]] = {"changes:sales": ("changes:write",)}


@dataclass(frozen=True)
class Caller:
    """Who is calling: a key's id and what it may do."""

    key_id: str
    scopes: frozenset[str]


class Keys:
    """The API keys of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, name: str, scopes: Sequence[str]) -> str:
        """Make a key and give it in clear, for the only time.

        Raises:
            Invalid: a scope that does not exist.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown:
            raise Invalid(
                "unknown_scope",
                f"Unknown scope {unknown[0]!r}; there are: {', '.join(SCOPES)}.",
                path="scope",
            )
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with self._database.write() as tx:
            tx.add(
                ApiKeyRow(
                    id=key_id,
                    name=name,
                    digest=_digest(secret),
                    scopes=sorted(set(scopes)),
                    created_at=self._clock.now(),
                )
            )
        return f"{PREFIX}_{key_id}_{secret}"

    def caller(self, key: str) -> Caller | None:
        """Who holds ``key``; None for one that is malformed, unknown or revoked."""
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != PREFIX or not secret:
            return None
        with self._database.read() as tx:
            row = tx.get(ApiKeyRow, key_id)
        if row is None or row.revoked_at is not None:
            return None
        # 256 random bits need no slow hash; the comparison must still not leak time.
        if not hmac.compare_digest(row.digest, _digest(secret)):
            return None
        implied = (more for scope in row.scopes for more in IMPLIED.get(scope, ()))
        return Caller(row.id, frozenset((*row.scopes, *implied)))

    def listed(self) -> list[ApiKeyRow]:
        """All keys, revoked ones included, oldest first."""
        with self._database.read() as tx:
            return list(tx.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at)))

    def revoke(self, key_id: str) -> None:
        """End a key at once. Raises NotFound."""
        with self._database.write() as tx:
            row = tx.get(ApiKeyRow, key_id)
            if row is None:
                raise NotFound("unknown_key", f"There is no API key {key_id!r}.")
            row.revoked_at = row.revoked_at or self._clock.now()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
