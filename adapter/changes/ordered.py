"""What a caller hands in with a quote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Order:
    """What a caller hands in with a quote."""

    quote_id: str
    when: str | None = None
    payment_method: str | None = None
    acknowledgements: Sequence[str] = ()
    selections: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    comment: str | None = None
    return_url: str | None = None
