"""Invoice items: amounts that wait for an invoice, one-off ones and prorations alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.money import plain, round_minor
from ..kernel.world import World
from .coupons import read_discounts
from .pricing import amount_of, inline_price, pricing_of
from .rates import find_rates


@dataclass
class Extra:
    """A one-off amount asked for beside a subscription's own lines."""

    amount: int
    currency: str
    description: str | None
    quantity: int = 1
    price: Json | None = None
    discountable: bool = True
    metadata: dict[str, str] = field(default_factory=dict)
    period: tuple[int, int] | None = None
    discounts: list[Json] = field(default_factory=list)
    tax_rates: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    """Discounts that are inside the amount already (prorations)."""


def read_extra(world: World, params: Json, currency: str | None, param: str) -> Extra:
    """From an entry of add_invoice_items, of a preview's invoice_items, or of POST invoiceitems."""
    quantity = params.get("quantity")
    pieces = 1 if quantity is None else int(quantity)
    identifier = params.get("price") or (params.get("pricing") or {}).get("price")
    price: Json | None = None
    if params.get("price_data"):
        price = inline_price(world, params["price_data"], f"{param}[price_data]")
    elif identifier:
        price = world.require("price", identifier, f"{param}[price]")
        if price["recurring"] is not None:
            raise errors.invalid(
                "The price specified is set to `type=recurring` but this field only accepts "
                f"prices with `type=one_time`: {identifier}",
                f"{param}[price]",
            )
    amount, money = _amount(world, params, price, pieces, currency, param)
    product = world.store.peek("product", price["product"]) if price else None
    period = params.get("period")
    return Extra(
        amount=amount,
        currency=money,
        description=params.get("description") or (product["name"] if product else None),
        quantity=pieces,
        price=price,
        discountable=params.get("discountable", amount >= 0) is not False,
        metadata=params.get("metadata") or {},
        period=_fixed_period(period) if period else None,
        discounts=params.get("discounts") or [],
        tax_rates=find_rates(world, params.get("tax_rates"), f"{param}[tax_rates]"),
    )


def _amount(
    world: World, params: Json, price: Json | None, pieces: int, currency: str | None, param: str
) -> tuple[int, str]:
    half = world.switches.half_cent
    if price is not None:
        return round_minor(amount_of(price, pieces), half), price["currency"]
    money = (params.get("currency") or currency or "").lower()
    if not money:
        raise errors.missing_parameter(f"{param}[currency]" if param else "currency")
    if params.get("amount") is not None:
        return int(params["amount"]), money
    exact = params.get("unit_amount_decimal", params.get("unit_amount"))
    if exact is None:
        raise errors.missing_parameter(f"{param}[amount]" if param else "amount")
    return round_minor(Fraction(exact) * pieces, half), money


def _fixed_period(period: Json) -> tuple[int, int] | None:
    start, end = period["start"], period["end"]
    return (start, end) if isinstance(start, int) and isinstance(end, int) else None


def new_pending(
    world: World,
    customer: Json,
    extra: Extra,
    *,
    subscription: Json | None = None,
    item: Json | None = None,
    proration: bool = False,
    credited: Json | None = None,
    invoice: str | None = None,
) -> Json:
    """An invoice item, with its event. `proration` ones cannot be discounted again (§3.1)."""
    now = world.now(subscription or customer)
    start, end = extra.period or (now, now)
    identifier = world.identify("ii")
    discounts = read_discounts(
        world,
        extra.discounts,
        customer,
        "discounts",
        currency=extra.currency,
        invoice_item=identifier,
    )
    entry = world.add(
        "invoiceitem",
        {
            **_shape(extra, proration=proration),
            "id": identifier,
            "customer": customer["id"],
            "customer_account": None,
            "date": now,
            "discounts": discounts,
            "invoice": invoice,
            "parent": _parent(subscription, item),
            "period": {"start": start, "end": end},
            "proration_details": _proration_details(extra, credited) if proration else None,
            "test_clock": customer["test_clock"],
            "_subscription": subscription["id"] if subscription else None,
        },
    )
    world.emit("invoiceitem.created", entry)
    return entry


def _shape(extra: Extra, *, proration: bool) -> Json:
    """What of an invoice item follows from what was asked for, in the order Stripe shows it."""
    return {
        "id": "",
        "object": "invoiceitem",
        "amount": extra.amount,
        "currency": extra.currency,
        "customer": "",
        "date": 0,
        "description": extra.description,
        "discountable": extra.discountable and not proration,
        "discounts": [],
        "frozen_fields": [],
        "invoice": None,
        "invoicing_rules": [],
        "livemode": False,
        "metadata": dict(extra.metadata),
        "parent": None,
        "period": None,
        "pricing": _pricing(extra, proration=proration),
        "proration": proration,
        "proration_details": None,
        "quantity": extra.quantity,
        "quantity_decimal": str(extra.quantity),
        "tax_rates": list(extra.tax_rates),
    }


def _proration_details(extra: Extra, credited: Json | None) -> Json:
    # mode `included`: the amount is net and the discounts are named with 0 (§3.1)
    cuts = [{"amount": 0, "discount": identifier} for identifier in extra.applied]
    return {"credited_items": credited, "discount_amounts": cuts}


def _parent(subscription: Json | None, item: Json | None) -> Json | None:
    if subscription is None:
        return None
    return {
        "subscription_details": {
            "subscription": subscription["id"],
            "subscription_item": item["id"] if item else None,
        },
        "type": "subscription_details",
    }


def _pricing(extra: Extra, *, proration: bool) -> Json:
    if extra.price is None:
        per_piece = plain(round(Decimal(extra.amount) / (extra.quantity or 1), 12))
        return {"price_details": None, "type": "price_details", "unit_amount_decimal": per_piece}
    # a proration names its price and no amount per piece (recorded traffic of 2026-09-30.endive)
    return pricing_of(extra.price) | ({"unit_amount_decimal": None} if proration else {})


def waiting(world: World, customer: str, subscription: Json | None) -> list[Json]:
    """Pending items for the next invoice: all of the subscription's, newest first (§3.3, §3.6).

    Items of the customer that belong to no subscription, or to one that has ended, are taken by
    the next invoice, too (Stripe docs: invoice items, cancel a subscription).
    """
    if subscription is not None:
        entries = world.store.where("invoiceitem", "_subscription", subscription["id"])
    else:
        entries = []
    for entry in world.store.where("invoiceitem", "customer", customer):
        if entry["invoice"] is None and _ownerless(world, entry):
            entries.append(entry)
    pending = [entry for entry in entries if entry["invoice"] is None]
    currency = subscription["currency"] if subscription else None
    same = [entry for entry in pending if currency in (None, entry["currency"])]
    distinct = {entry["id"]: entry for entry in same}.values()
    return sorted(distinct, key=lambda entry: (-entry["date"], entry["_seq"]))


def _ownerless(world: World, entry: Json) -> bool:
    owner = world.store.peek("subscription", entry["_subscription"] or "")
    return owner is None or owner["ended_at"] is not None
