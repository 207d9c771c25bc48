"""What discounts take off: of invoice lines, and of prorations (stripe-facts §3.1).

Item discounts come before those of the whole invoice (Stripe docs: invoice.discounts); of several,
each counts on what the one before it left. An amount is shared over the lines in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..kernel.errors import Json
from ..kernel.money import round_minor
from ..kernel.world import World
from .coupons import coupon_of, drop_discount, running
from .items import price_of
from .pricing import amount_of


def discount_lines(world: World, invoice: Json) -> None:
    """Fills `discount_amounts` of every line. Prorations hold their discounts already (§3.1)."""
    left: dict[str, int] = {}
    for line in invoice["lines"]:
        line["discount_amounts"] = []
        if line["discountable"] and line["amount"] > 0:
            left[line["id"]] = line["amount"]
    for line in invoice["lines"]:
        for discount in _named(world, line["discounts"]):
            _take_off(world, [line], discount, left)
    shared = _named(world, invoice["discounts"])
    for discount in shared:
        _take_off(world, invoice["lines"], discount, left)
    for line in invoice["lines"]:
        if _is_proration(line):
            # mode `included`: the amount is net, the discount is named with 0
            # (API changelog 2025-09-30.clover)
            line["discount_amounts"] = [{"amount": 0, "discount": entry["id"]} for entry in shared]


def _named(world: World, identifiers: list[str]) -> list[Json]:
    found = [world.store.peek("discount", identifier) for identifier in identifiers]
    return [body for body in found if body is not None]


def _is_proration(line: Json) -> bool:
    details = line["parent"][line["parent"]["type"]]
    return bool(details["proration"]) and not line["discountable"]


def _take_off(world: World, lines: list[Json], discount: Json, left: dict[str, int]) -> None:
    coupon = coupon_of(world, discount)
    eligible = [line for line in lines if line["id"] in left and _applies(coupon, line)]
    half = world.switches.half_cent
    if coupon["percent_off"] is not None:
        share = Fraction(str(coupon["percent_off"])) / 100
        cuts = [round_minor(left[line["id"]] * share, half) for line in eligible]
    else:
        weights = [left[line["id"]] for line in eligible]
        cuts = spread(min(coupon["amount_off"], sum(weights)), weights)
    for line, cut in zip(eligible, cuts, strict=True):
        left[line["id"]] -= cut
        line["discount_amounts"].append({"amount": cut, "discount": discount["id"]})


def _applies(coupon: Json, line: Json) -> bool:
    products = (coupon["_applies_to"] or {}).get("products")
    named = ((line["pricing"] or {}).get("price_details") or {}).get("product")
    return products is None or named in products


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Cuts an amount in proportion to the weights so that the pieces add up to it exactly.

    Running totals are rounded, each piece is the step between two of them; how Stripe gives out
    the odd cent is not documented, this is our belief.
    """
    total = sum(weights)
    pieces, before, seen = [], 0, 0
    for weight in weights:
        seen += weight
        reached = round_minor(Fraction(amount * seen, total), "away_from_zero") if total else 0
        pieces.append(reached - before)
        before = reached
    return pieces


def net_of(line: Json) -> int:
    """A line's amount after its discounts: what was really debited (§3.1)."""
    return int(line["amount"]) - sum(int(cut["amount"]) for cut in line["discount_amounts"])


def total_discounts(invoice: Json) -> list[Json]:
    totals: dict[str, int] = {}
    for line in invoice["lines"]:
        for cut in line["discount_amounts"]:
            totals[cut["discount"]] = totals.get(cut["discount"], 0) + cut["amount"]
    return [{"amount": amount, "discount": key} for key, amount in totals.items()]


def discounted(
    world: World, subscription: Json, item: Json, moment: int
) -> tuple[Fraction, list[str]]:
    """What a full period of the item costs with the discounts of now, and which those are.

    An amount off the subscription: flexible mode shares it over the items, classic mode takes it
    whole off the item that changes. Worked examples: 5.00 off 10 + 20, the 10 removed at half
    time, gives -417 and -250 (§3.1). For debits in flexible mode sharing is our belief, hence a
    named switch.
    """
    price = price_of(world, item)
    amount = amount_of(price, item["quantity"])
    shared = (
        subscription["billing_mode"]["type"] == "flexible"
        and world.switches.proration_amount_off == "shared"
    )
    whole = sum(
        (amount_of(price_of(world, other), other["quantity"]) for other in subscription["items"]),
        Fraction(0),
    )
    share = amount / whole if shared and whole else Fraction(1)
    named: list[str] = []
    for discount in running(world, item["discounts"], moment):
        amount = _lowered(coupon_of(world, discount), amount, Fraction(1))
        named.append(discount["id"])
    for discount in running(world, subscription["discounts"], moment):
        coupon = coupon_of(world, discount)
        products = (coupon["_applies_to"] or {}).get("products")
        if products is None or price["product"] in products:
            amount = _lowered(coupon, amount, share)
            named.append(discount["id"])
    return amount, named


def _lowered(coupon: Json, amount: Fraction, share: Fraction) -> Fraction:
    if coupon["percent_off"] is not None:
        return amount * (1 - Fraction(str(coupon["percent_off"])) / 100)
    return max(Fraction(0), amount - int(coupon["amount_off"]) * share)


def spend_once(world: World, subscription: Json, invoice: Json) -> None:
    """A `once` discount is gone with the first invoice that it lowered (Stripe docs: coupons).

    A trial's invoice of nothing does not use it up; that is our belief.
    """
    used = {cut["discount"] for line in invoice["lines"] for cut in line["discount_amounts"]}
    for holder in (subscription, *subscription["items"]):
        for identifier in list(holder["discounts"]):
            discount = world.store.peek("discount", identifier)
            if discount is None or identifier not in used:
                continue
            if coupon_of(world, discount)["duration"] == "once":
                holder["discounts"].remove(identifier)
                drop_discount(world, identifier)


def end_discounts(world: World, subscription: Json) -> None:
    """Takes away what has run out: repeating ones after their months."""
    now = world.now(subscription)
    for holder in (subscription, *subscription["items"]):
        kept = [body["id"] for body in running(world, holder["discounts"], now)]
        for identifier in holder["discounts"]:
            if identifier not in kept:
                drop_discount(world, identifier)
        holder["discounts"] = kept


def next_end(world: World, subscription: Json) -> int | None:
    """When the next of the subscription's discounts runs out."""
    named = [
        entry for holder in (subscription, *subscription["items"]) for entry in holder["discounts"]
    ]
    bodies = [world.store.peek("discount", entry) for entry in named]
    ends = [body["end"] for body in bodies if body and body["end"] is not None]
    return min(ends) if ends else None
