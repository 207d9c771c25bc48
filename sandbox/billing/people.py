"""Customers as they begin."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.ids import token
from ..kernel.world import World

PLAIN = (
    "address",
    "business_name",
    "description",
    "email",
    "individual_name",
    "name",
    "phone",
    "shipping",
)


def new_customer(world: World, clock: str | None = None) -> Json:
    """A customer without anything; it is announced by who makes it."""
    identifier = world.identify("cus", 14)
    return world.add(
        "customer",
        {
            "id": identifier,
            "object": "customer",
            **dict.fromkeys(PLAIN),
            "balance": 0,
            "created": world.clock_now(clock),
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "discount": None,
            "invoice_prefix": token(world.seed, identifier, 0, 8).upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": {},
            "next_invoice_sequence": 1,
            "preferred_locales": [],
            "tax_exempt": "none",
            "test_clock": clock,
        },
    )
