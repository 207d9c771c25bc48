"""A reference to an object at Stripe: what an event is reduced to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapter.gateway.gone import Kind


@dataclass(frozen=True)
class Ref:
    """One object that may have moved; or a report, which is no object: it has its event's id."""

    kind: Kind | Literal["meter_report"]
    id: str
