"""The discount of a customer as a whole, as API versions before basil could give it (§2.2).

The present version has no parameter for it; the official CLI, which names no version, uses it.
"""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.rendering import changes, public
from ..kernel.world import World
from .coupons import read_discounts, running

REMOVED = "2025-03-31"


def check_coupon(world: World, params: Json) -> None:
    """`coupon` on customers is unknown since basil (§2.2)."""
    version = world.version
    if "coupon" in params and version is not None and version[:10] >= REMOVED:
        raise errors.unknown_parameter("coupon")


def set_coupon(world: World, customer: Json, coupon: str | None) -> None:
    """Gives the customer a discount, another one, or none."""
    old = world.store.peek("discount", customer["discount"] or "")
    if not coupon:
        customer["discount"] = None
        if old is not None:
            world.emit("customer.discount.deleted", old)
        return
    made = read_discounts(world, [{"coupon": coupon}], customer, "coupon")[0]
    customer["discount"] = made
    discount = world.store.get("discount", made)
    if old is None:
        world.emit("customer.discount.created", discount)
    else:
        before, after = world.render(old), world.render(discount)
        world.emit("customer.discount.updated", discount, changes(before, after))


def customer_discounts(world: World, customer: Json, moment: int) -> list[str]:
    """Ids of what counts for the customer's invoices that have no discounts of their own."""
    wanted = [customer["discount"]] if customer["discount"] else []
    return [discount["id"] for discount in running(world, wanted, moment)]


def show_customer(world: World, customer: Json) -> Json:
    """The stored customer with its discount in full."""
    shown: Json = public(customer)
    discount = world.store.peek("discount", customer["discount"] or "")
    shown["discount"] = world.render(discount) if discount else None
    return shown
