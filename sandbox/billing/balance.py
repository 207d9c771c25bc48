"""The customer balance: negative is credit; every move is a transaction (stripe-facts §3.6)."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World


def move_balance(
    world: World,
    customer: Json,
    amount: int,
    kind: str,
    *,
    invoice: str | None = None,
    currency: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Json:
    """Adds `amount` (minor units; negative gives credit) to the balance and records it."""
    customer["balance"] += amount
    customer["currency"] = customer["currency"] or currency
    return world.add(
        "customer_balance_transaction",
        {
            "id": world.identify("cbtxn"),
            "object": "customer_balance_transaction",
            "amount": amount,
            "checkout_session": None,
            "created": world.now(customer),
            "credit_note": None,
            "currency": currency or customer["currency"] or "usd",
            "customer": customer["id"],
            "description": description,
            "ending_balance": customer["balance"],
            "invoice": invoice,
            "livemode": False,
            "metadata": metadata or {},
            "type": kind,
        },
    )
