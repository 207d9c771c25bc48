"""Coupons and the discounts made of them (stripe-facts §2.2: `source.coupon`, `discounts=[...]`).

A coupon is the offer, a discount its use by one subscription, item or invoice. A deleted coupon
gives no new discounts; those that exist go on.
"""

from __future__ import annotations

from ..kernel import errors
from ..kernel.calendar import boundary
from ..kernel.errors import Json
from ..kernel.world import World

GONE = "_gone"  # a deleted coupon is still what its discounts were made of


def find_coupon(world: World, identifier: str, param: str | None = None) -> Json:
    """The coupon for new use; a deleted one is as good as none."""
    coupon = world.store.find("coupon", identifier)
    if coupon is None or coupon.get(GONE):
        raise errors.no_such("coupon", identifier, param)
    return coupon


def coupon_of(world: World, discount: Json) -> Json:
    coupon = world.store.peek("coupon", discount["source"]["coupon"])
    assert coupon is not None, "deleted coupons stay for their discounts"
    return coupon


def is_valid(world: World, coupon: Json) -> bool:
    """Not past redeem_by, not redeemed as often as it may be, not deleted."""
    late = coupon["redeem_by"] is not None and world.now() > coupon["redeem_by"]
    most = coupon["max_redemptions"]
    spent = most is not None and coupon["times_redeemed"] >= most
    return not (late or spent or coupon.get(GONE))


def find_code(world: World, identifier: str, customer: Json, param: str) -> Json:
    """An active promotion code that this customer may use."""
    code = world.require("promotion_code", identifier, param)
    coupon = find_coupon(world, code["promotion"]["coupon"], param)
    late = code["expires_at"] is not None and world.now(customer) > code["expires_at"]
    most = code["max_redemptions"]
    spent = most is not None and code["times_redeemed"] >= most
    if not code["active"] or late or spent or not is_valid(world, coupon):
        raise errors.invalid(
            "This promotion code cannot be redeemed because it is not active or has expired.",
            param,
            "promotion_code_expired" if late else None,
        )
    if code["customer"] not in (None, customer["id"]):
        raise errors.invalid(
            "This promotion code cannot be redeemed because it belongs to another customer.", param
        )
    return code


def read_discounts(
    world: World,
    entries: list[Json] | None,
    customer: Json,
    param: str,
    *,
    currency: str | None = None,
    **owner: str,
) -> list[str]:
    """Ids of the discounts that `discounts=[{coupon|promotion_code|discount}]` comes to.

    A `discount` is kept as it is, with the months it has left; a coupon starts anew (§3.7).
    `owner` names what a new one belongs to: subscription=, subscription_item=, invoice=.
    """
    found: list[str] = []
    for index, entry in enumerate(entries or []):
        label = f"{param}[{index}]"
        named = [name for name in ("coupon", "promotion_code", "discount") if entry.get(name)]
        if len(named) != 1:
            raise errors.invalid(
                "You must specify exactly one of these parameters: coupon, promotion_code, "
                "discount.",
                label,
            )
        if entry.get("discount"):
            kept = world.require("discount", entry["discount"], f"{label}[discount]")
            if kept["customer"] != customer["id"]:
                raise errors.no_such("discount", entry["discount"], f"{label}[discount]")
            found.append(kept["id"])
            continue
        coupon, code = _offer(world, entry, customer, label)
        _check_currency(coupon, currency, label)
        found.append(_redeem(world, coupon, code, customer, owner)["id"])
    return list(dict.fromkeys(found))


def _offer(world: World, entry: Json, customer: Json, label: str) -> tuple[Json, Json | None]:
    if entry.get("promotion_code"):
        code = find_code(world, entry["promotion_code"], customer, f"{label}[promotion_code]")
        return find_coupon(world, code["promotion"]["coupon"]), code
    coupon = find_coupon(world, entry["coupon"], f"{label}[coupon]")
    if not is_valid(world, coupon):
        raise errors.invalid(
            f"Coupon expired: {coupon['id']}", f"{label}[coupon]", "coupon_expired"
        )
    return coupon, None


def _check_currency(coupon: Json, currency: str | None, label: str) -> None:
    if coupon["amount_off"] is None or currency in (None, coupon["currency"]):
        return
    raise errors.invalid(
        f"The coupon `{coupon['id']}` is in {coupon['currency']} and cannot be applied to "
        f"something in {currency}.",
        label,
    )


def _redeem(
    world: World, coupon: Json, code: Json | None, customer: Json, owner: dict[str, str]
) -> Json:
    now = world.now(customer)
    months = coupon["duration_in_months"]
    discount = world.add(
        "discount",
        {
            "id": world.identify("di"),
            "object": "discount",
            "checkout_session": None,
            "customer": customer["id"],
            "end": boundary(now, "month", 1, months) if months else None,
            "invoice": owner.get("invoice"),
            "invoice_item": owner.get("invoice_item"),
            "promotion_code": code["id"] if code else None,
            "source": {"coupon": coupon["id"], "type": "coupon"},
            "start": now,
            "subscription": owner.get("subscription"),
            "subscription_item": owner.get("subscription_item"),
        },
    )
    coupon["times_redeemed"] += 1
    if code is not None:
        code["times_redeemed"] += 1
    if discount["subscription"] and not discount["subscription_item"]:
        world.emit("customer.discount.created", discount)
    return discount


def drop_discount(world: World, identifier: str) -> None:
    """Says that a subscription's discount is over."""
    discount = world.store.get("discount", identifier)
    if discount["subscription"] and not discount["subscription_item"]:
        world.emit("customer.discount.deleted", discount)


def running(world: World, identifiers: list[str], moment: int) -> list[Json]:
    """The discounts that still count at a moment."""
    found = [world.store.peek("discount", identifier) for identifier in identifiers]
    return [body for body in found if body and (body["end"] is None or body["end"] > moment)]
