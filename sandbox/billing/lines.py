"""Invoice lines, in the shape they have since basil (stripe-facts §2.2)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from ..kernel.errors import Json
from ..kernel.money import plain, round_minor
from ..kernel.rendering import public
from ..kernel.world import World
from .discounts import net_of
from .items import price_of
from .pricing import amount_of, pricing_of
from .proration import TIMES, remember_debit
from .rates import show_rates

SHOWN_LINES = 10  # embedded lists carry the first ten; the rest is read from /lines


def new_line(world: World, invoice: Json, **fields: object) -> Json:
    amount = fields["amount"]
    return {
        "id": world.identify("il"),
        "object": "line_item",
        "amount": amount,
        "currency": invoice["currency"],
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": None,
        "pretax_credit_amounts": [],
        "pricing": None,
        "quantity": 1,
        "quantity_decimal": str(fields["quantity"]),
        "subtotal": amount,
        "taxes": [],
        **fields,
    }


def line_from_pending(world: World, invoice: Json, entry: Json) -> Json:
    """A pending invoice item becomes a line; the item remembers its invoice."""
    entry["invoice"] = invoice["id"]
    item_id = ((entry["parent"] or {}).get("subscription_details") or {}).get("subscription_item")
    details: Json = {
        "invoice_item": entry["id"],
        "proration": entry["proration"],
        "proration_details": {"credited_items": None},
        "subscription": entry["_subscription"],
    }
    kind = "subscription_item_details" if item_id else "invoice_item_details"
    if item_id:
        details["subscription_item"] = item_id
    line = new_line(
        world,
        invoice,
        amount=entry["amount"],
        description=entry["description"],
        discountable=entry["discountable"],
        discounts=list(entry["discounts"]),
        metadata=dict(entry["metadata"]),
        parent={
            "invoice_item_details": None,
            "subscription_item_details": None,
            "type": kind,
            kind: details,
        },
        period=dict(entry["period"]),
        pricing=public(entry["pricing"]),
        quantity=entry["quantity"],
        _tax_rates=list(entry["tax_rates"]),
    )
    line["_credits"] = (entry["proration_details"] or {}).get("credited_items")
    return line


def name_credited_lines(world: World, invoice: Json) -> None:
    """Credits name the invoice and lines they take back, also when those stand beside them."""
    by_item = {}
    for line in invoice["lines"]:
        details = line["parent"][line["parent"]["type"]]
        if details.get("invoice_item"):
            by_item[details["invoice_item"]] = line["id"]
    for line in invoice["lines"]:
        credited = line.pop("_credits", None)
        if not credited:
            continue
        place = credited.get("invoice_line_item_details")
        if place is None:
            place = _place_of(world, invoice, by_item, credited["invoice_item"])
        details = line["parent"][line["parent"]["type"]]
        details["proration_details"]["credited_items"] = place


def _place_of(world: World, invoice: Json, by_item: dict[str, str], entry: str) -> Json | None:
    if entry in by_item:
        return {"invoice": invoice["id"], "invoice_line_items": [by_item[entry]]}
    pending = world.store.peek("invoiceitem", entry)
    if pending is None or pending["invoice"] is None:
        return None
    return {"invoice": pending["invoice"], "invoice_line_items": [pending.get("_line")]}


def period_parent(subscription: Json, item: Json, *, proration: bool) -> Json:
    """The `parent` of a line for an item's own charge (stripe-facts §2.2)."""
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
            "subscription_item": item["id"],
        },
        "type": "subscription_item_details",
    }


def line_for_period(
    world: World,
    invoice: Json,
    subscription: Json,
    item: Json,
    *,
    trial: bool = False,
    start: int | None = None,
    share: Fraction | None = None,
) -> Json:
    """An item's charge for its current period, remembered as a debit.

    `share` and `start` cut a first period that is shorter than a full one; a trial costs nothing.
    """
    price = price_of(world, item)
    whole = amount_of(price, item["quantity"])
    exact = Fraction(0) if trial else whole * (1 if share is None else share)
    amount = round_minor(exact, world.switches.half_cent)
    begin = item["current_period_start"] if start is None else start
    end = item["current_period_end"]
    line = new_line(
        world,
        invoice,
        amount=amount,
        description=describe(world, price, item["quantity"], trial=trial),
        discounts=list(item["discounts"]),
        metadata=dict(subscription["metadata"]),
        parent=period_parent(subscription, item, proration=share is not None),
        period={"start": begin, "end": end},
        pricing=pricing_of(price),
        quantity=item["quantity"],
        _tax_rates=list(item["tax_rates"]),
    )
    if not trial:
        remember_debit(item, amount, begin, end, invoice=invoice["id"], line=line["id"])
    return line


def note_invoiced(world: World, subscription: Json, invoice: Json) -> None:
    """Debits that were pending now stand on an invoice: later credits name its lines. What counts
    as debited is what the line's discounts left of it (§3.1)."""
    placed = {}
    net = {line["id"]: net_of(line) for line in invoice["lines"]}
    for line in invoice["lines"]:
        details = line["parent"][line["parent"]["type"]]
        if details.get("invoice_item"):
            placed[details["invoice_item"]] = line["id"]
            entry = world.store.find("invoiceitem", details["invoice_item"])
            if entry is not None:
                entry["_line"] = line["id"]
    for item in subscription["items"]:
        for debit in item["_debits"]:
            if debit["invoice"] is None and debit["invoice_item"] in placed:
                debit["invoice"] = invoice["id"]
                debit["line"] = placed[debit["invoice_item"]]
            if debit["line"] in net and debit["invoice"] == invoice["id"]:
                debit["amount"] = net[debit["line"]]


def describe(world: World, price: Json, quantity: int | str, *, trial: bool = False) -> str:
    """What a line says: so many times a product, at its price for an interval."""
    product = world.store.peek("product", price["product"])
    name = product["name"] if product else price["id"]
    if trial:
        return f"Free trial for {quantity} {TIMES} {name}"
    interval = price["recurring"]["interval"]
    count = price["recurring"]["interval_count"]
    every = interval if count == 1 else f"{count} {interval}s"
    if price["unit_amount_decimal"] is None:
        return f"{quantity} {TIMES} {name} (per {every}, in tiers)"
    amount = Decimal(price["unit_amount_decimal"]) / 100
    shown = f"{amount:.2f}" if amount == round(amount, 2) else plain(amount)
    return f"{quantity} {TIMES} {name} (at ${shown} / {every})"


def show_lines(invoice: Json, most: int = SHOWN_LINES) -> Json:
    """The embedded list of an invoice; a preview shows all, since nothing can be paged there."""
    lines = invoice["lines"]
    return {
        "object": "list",
        "data": [public(line) for line in lines[:most]],
        "has_more": len(lines) > most,
        "total_count": len(lines),
        "url": f"/v1/invoices/{invoice.get('id', 'upcoming')}/lines",
    }


def show_invoice(world: World, invoice: Json) -> Json:
    """The stored invoice with its lines as a list object (§2.3) and its tax rates in full."""
    shown: Json = public({key: val for key, val in invoice.items() if key != "lines"})
    shown["default_tax_rates"] = show_rates(world, invoice["default_tax_rates"])
    shown["lines"] = show_lines(invoice)
    return shown
