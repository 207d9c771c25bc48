"""Refunds and disputes: money that goes back, or is claimed back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .fields import field, moment, object_id, required_moment

ReversalKind = Literal["refund", "dispute"]
# Evidence is waited for: one that is not answered by its date is lost.
NEEDS_RESPONSE = frozenset({"needs_response", "warning_needs_response"})


@dataclass(frozen=True)
class ReversalSnapshot:
    """A refund or a dispute. ``amount`` is positive, in minor units of ``currency``; ``invoice`` is
    None for a payment without one, ``customer`` "" for a payment of nobody known.
    """

    kind: ReversalKind
    id: str
    customer: str
    invoice: str | None
    amount: int
    currency: str
    status: str
    reason: str | None
    respond_by: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, kind: ReversalKind, found: Any, invoice: str | None) -> ReversalSnapshot:
        """From an object with its payment expanded; it names no customer by itself."""
        evidence = field(found, "evidence_details")
        return cls(
            kind=kind,
            id=found["id"],
            customer=_customer(found) or "",
            invoice=invoice,
            amount=found["amount"],
            currency=found["currency"],
            # A refund of long ago may have none; it was made, then.
            status=field(found, "status") or "succeeded",
            reason=field(found, "reason"),
            respond_by=moment(field(evidence, "due_by")) if evidence else None,
            created_at=required_moment(found["created"]),
        )


def _customer(found: Any) -> str | None:
    paid = (field(found, "payment_intent"), field(found, "charge"))
    named = (field(one, "customer") for one in paid if one is not None)
    return next((object_id(customer) for customer in named if customer), None)
