"""A reference to an object at Stripe: what an event is reduced to."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.gateway.gone import Kind


@dataclass(frozen=True)
class Ref:
    """One object that may have moved."""

    kind: Kind
    id: str
