"""Webhook endpoints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fields import field, metadata_of, required_moment


@dataclass(frozen=True)
class EndpointSnapshot:
    """Where Stripe sends events; ``api_version`` None means the account's default.

    ``secret`` signs what is sent there; Stripe tells it once, in answer to the creation. It is in
    no repr.
    """

    id: str
    url: str
    status: str
    api_version: str | None
    events: tuple[str, ...]
    created_at: datetime
    metadata: Mapping[str, str]
    secret: str | None = dataclasses.field(default=None, repr=False)

    @classmethod
    def of(cls, endpoint: Any) -> EndpointSnapshot:
        return cls(
            id=endpoint["id"],
            url=endpoint["url"],
            status=endpoint["status"],
            api_version=field(endpoint, "api_version"),
            events=tuple(endpoint["enabled_events"]),
            created_at=required_moment(endpoint["created"]),
            metadata=metadata_of(endpoint),
            secret=field(endpoint, "secret"),
        )
