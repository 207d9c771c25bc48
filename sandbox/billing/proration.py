"""Prorations: credits for unused time, debits for remaining time (stripe-facts §3.1).

To the second: f = (period end - t) / (period end - period start). Credit and debit are two lines,
each rounded on its own. Flexible mode credits what was really debited, one line per old debit;
classic mode credits the item's present price.
"""

from __future__ import annotations

from fractions import Fraction

from ..kernel import errors
from ..kernel.calendar import human_date
from ..kernel.errors import Json
from ..kernel.money import round_minor
from ..kernel.world import World
from .discounts import discounted
from .items import price_of
from .pending_items import Extra, new_pending
from .pricing import is_metered

TIMES = "\N{MULTIPLICATION SIGN}"


def check_proration_date(subscription: Json, moment: int) -> None:
    """Refuses dates outside the current period.

    The message for too early is one that users of Stripe quote (api-discuss list, 2016); that for
    too late, and which item decides where periods differ, are our belief.
    """
    starts = [int(item["current_period_start"]) for item in subscription["items"]]
    ends = [int(item["current_period_end"]) for item in subscription["items"]]
    if moment < max(starts):
        raise errors.invalid(
            "Cannot specify proration date before the current subscription started.",
            "proration_date",
        )
    if moment > min(ends):
        raise errors.invalid(
            "Cannot specify proration date outside of current subscription period.",
            "proration_date",
        )


def credit_unused(world: World, subscription: Json, item: Json, moment: int) -> list[Json]:
    """Credits the rest of the item's debits from `moment` on; they are spent by this."""
    customer = world.store.get("customer", subscription["customer"])
    price = price_of(world, item)
    if is_metered(price):
        # never prorated (§3.1): nothing of it was paid ahead
        return []
    if subscription["billing_mode"]["type"] == "classic":
        base = _classic_base(world, subscription, item, moment)
    else:
        base = item["_debits"]
    debits = [debit for debit in base if debit["end"] > moment]
    product = world.store.peek("product", price["product"])
    name = product["name"] if product else price["id"]
    made = []
    for debit in debits:
        start = max(moment, debit["start"])
        share = Fraction(debit["end"] - start, debit["end"] - debit["start"])
        amount = -round_minor(share * debit["amount"], world.switches.half_cent)
        extra = Extra(
            amount=amount,
            currency=subscription["currency"],
            description=f"Unused time on {_pieces(item, name)} after {human_date(moment)}",
            quantity=item["quantity"],
            price=price,
            period=(start, debit["end"]),
            tax_rates=list(item["tax_rates"]),
        )
        credited = _credited_items(debit)
        made.append(
            new_pending(
                world,
                customer,
                extra,
                subscription=subscription,
                item=item,
                proration=True,
                credited=credited,
            )
        )
    item["_debits"] = []
    return made


def debit_remaining(world: World, subscription: Json, item: Json, moment: int) -> Json | None:
    """Debits the item's present price for what is left of its period, and remembers that. Metered
    items owe nothing ahead (§3.1)."""
    customer = world.store.get("customer", subscription["customer"])
    price = price_of(world, item)
    if is_metered(price):
        return None
    start, end = item["current_period_start"], item["current_period_end"]
    whole, discounts = discounted(world, subscription, item, moment)
    exact = whole * Fraction(end - moment, end - start)
    product = world.store.peek("product", price["product"])
    name = product["name"] if product else price["id"]
    extra = Extra(
        amount=round_minor(exact, world.switches.half_cent),
        currency=subscription["currency"],
        description=f"Remaining time on {_pieces(item, name)} after {human_date(moment)}",
        quantity=item["quantity"],
        price=price,
        period=(moment, end),
        tax_rates=list(item["tax_rates"]),
        applied=discounts,
    )
    entry = new_pending(
        world, customer, extra, subscription=subscription, item=item, proration=True
    )
    remember_debit(item, entry["amount"], moment, end, invoice_item=entry["id"])
    return entry


def remember_debit(
    item: Json,
    amount: int,
    start: int,
    end: int,
    *,
    invoice_item: str | None = None,
    invoice: str | None = None,
    line: str | None = None,
) -> None:
    """Keeps a debit as base for later credits."""
    item["_debits"].append(
        {
            "amount": amount,
            "start": start,
            "end": end,
            "invoice_item": invoice_item,
            "invoice": invoice,
            "line": line,
        }
    )


def _classic_base(world: World, subscription: Json, item: Json, moment: int) -> list[Json]:
    """Classic mode credits the present price, quantity and discount (§3.1)."""
    whole, _ = discounted(world, subscription, item, moment)
    amount = round_minor(whole, "away_from_zero")
    start, end = item["current_period_start"], item["current_period_end"]
    return [{"amount": amount, "start": start, "end": end, "invoice": None, "invoice_item": None}]


def _credited_items(debit: Json) -> Json | None:
    """Names the debit: invoice lines once invoiced, else the pending invoice item (§3.1)."""
    if debit.get("invoice"):
        lines = {"invoice": debit["invoice"], "invoice_line_items": [debit["line"]]}
        return {
            "type": "invoice_line_items",
            "invoice_line_item_details": lines,
        }
    if debit.get("invoice_item"):
        return {
            "type": "invoice_item",
            "invoice_item": debit["invoice_item"],
        }
    return None


def _pieces(item: Json, name: str) -> str:
    quantity = item["quantity"]
    return name if quantity == 1 else f"{quantity} {TIMES} {name}"
