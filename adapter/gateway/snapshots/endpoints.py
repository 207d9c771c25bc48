"""Webhook endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .fields import field


@dataclass(frozen=True)
class EndpointSnapshot:
    """Where Stripe sends events; ``api_version`` None means the account's default."""

    id: str
    url: str
    status: str
    api_version: str | None

    @classmethod
    def of(cls, endpoint: Any) -> EndpointSnapshot:
        return cls(
            id=endpoint["id"],
            url=endpoint["url"],
            status=endpoint["status"],
            api_version=field(endpoint, "api_version"),
        )
