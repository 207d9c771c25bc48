"""Metered items on invoices: nothing ahead, usage afterwards, each amount rounded once.

Usage is billed for the period that has ended, when the subscription renews or ends with an
invoice, or when its item goes (Stripe docs: usage-based billing; billing mode, compare).
"""

from __future__ import annotations

from fractions import Fraction

from ..kernel.calendar import human_date
from ..kernel.errors import Json
from ..kernel.money import plain_fraction, round_minor
from ..kernel.world import World
from .items import price_of
from .lines import describe, new_line, period_parent
from .pending_items import Extra, new_pending
from .pricing import amount_of, is_metered, pricing_of
from .usage import used


def bills_ahead(world: World, subscription: Json, item: Json) -> bool:
    """Whether a period's start brings a line. For metered items only in classic mode, with 0."""
    classic = bool(subscription["billing_mode"]["type"] == "classic")
    return classic or not is_metered(price_of(world, item))


def usage_of(world: World, subscription: Json, item: Json, start: int, end: int) -> Fraction:
    """What the item has used between two moments, not counting what came before its time."""
    recurring = price_of(world, item)["recurring"]
    meter = world.store.get("billing.meter", recurring["meter"])
    begin = max(start, item["_since"], subscription["trial_end"] or 0)
    return used(world, meter, subscription["customer"], begin, end)


def line_for_usage(
    world: World, invoice: Json, subscription: Json, item: Json, period: tuple[int, int]
) -> Json:
    """The charge for what was used in a period; counted again when the invoice is finalized."""
    price = price_of(world, item)
    line = new_line(
        world,
        invoice,
        amount=0,
        discounts=list(item["discounts"]),
        metadata=dict(subscription["metadata"]),
        parent=period_parent(subscription, item, proration=False),
        period={"start": period[0], "end": period[1]},
        pricing=pricing_of(price),
        quantity=0,
        _tax_rates=list(item["tax_rates"]),
        _usage={"item": dict(item), "subscription": subscription["id"]},
    )
    _count(world, line)
    return line


def _count(world: World, line: Json) -> None:
    item = line["_usage"]["item"]
    subscription = world.store.get("subscription", line["_usage"]["subscription"])
    price = price_of(world, item)
    period = line["period"]
    quantity = usage_of(world, subscription, item, period["start"], period["end"])
    amount = round_minor(amount_of(price, quantity), world.switches.half_cent)
    line |= {
        "amount": amount,
        "subtotal": amount,
        "quantity": int(quantity),
        "quantity_decimal": plain_fraction(quantity),
        "description": describe(world, price, plain_fraction(quantity)),
    }


def count_again(world: World, invoice: Json) -> None:
    """While an invoice is a draft, usage of its period still comes in; finalizing counts it once
    more (Stripe docs: invoice finalization grace period)."""
    for line in invoice["lines"]:
        if line.get("_usage"):
            _count(world, line)


def close_usage(world: World, subscription: Json, item: Json, moment: int) -> bool:
    """Bills what was used so far of an item that goes or changes, as an invoice item; flexible
    mode only, in classic mode it is not billed (Stripe docs: manage billing setup). Whether there
    was anything to bill."""
    price = price_of(world, item)
    if not is_metered(price) or subscription["billing_mode"]["type"] == "classic":
        return False
    start = item["current_period_start"]
    end = min(moment, item["current_period_end"])
    quantity = usage_of(world, subscription, item, start, end)
    amount = round_minor(amount_of(price, quantity), world.switches.half_cent)
    item["_since"] = moment
    if not quantity:
        return False
    product = world.store.peek("product", price["product"]) or {}
    customer = world.store.get("customer", subscription["customer"])
    extra = Extra(
        amount=amount,
        currency=subscription["currency"],
        description=f"Usage of {product.get('name')} until {human_date(end)}",
        quantity=int(quantity),
        price=price,
        period=(start, end),
        tax_rates=list(item["tax_rates"]),
    )
    new_pending(world, customer, extra, subscription=subscription, item=item)
    return True


def usage_left(world: World, subscription: Json, moment: int) -> list[tuple[Json, tuple[int, int]]]:
    """Metered items with usage that nothing has billed yet, and the period of it."""
    left = []
    for item in subscription["items"]:
        start, end = item["current_period_start"], min(moment, item["current_period_end"])
        if is_metered(price_of(world, item)) and usage_of(world, subscription, item, start, end):
            left.append((item, (start, end)))
    return left
