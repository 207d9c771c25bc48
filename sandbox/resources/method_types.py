"""Which payment method types an intent or a Checkout session allows, under its two names."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, enum
from ..kernel.world import World

TYPE = enum("card", "sepa_debit", "customer_balance")
ALLOWED: Fields = {
    "allowed_payment_method_types": array(TYPE),
    "payment_method_types": array(TYPE),
}
RENAMED = "2026-09-30"


def check_types(world: World, params: Json) -> None:
    """`payment_method_types` is unknown since endive (§2.2); the official CLI, which names no
    version, still sends it (§6.1)."""
    version = world.version
    if "payment_method_types" in params and version is not None and version[:10] >= RENAMED:
        raise errors.unknown_parameter("payment_method_types")
