"""Coupons and promotion codes (stripe-facts §2.2: `promotion.coupon`)."""

from __future__ import annotations

from ..billing.coupons import GONE, find_coupon, is_valid
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, decimal, enum, integer, moment, record, text
from ..kernel.ids import token
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, assign, deleted, fits, fresh_metadata

TIMESTAMP = moment(words=())
CREATE: Fields = {
    **META,
    "amount_off": integer(least=1),
    "applies_to": record({"products": array(text())}),
    "currency": text(),
    "duration": enum("forever", "once", "repeating"),
    "duration_in_months": integer(least=1),
    "id": text(),
    "max_redemptions": integer(least=1),
    "name": text(most=40),
    "percent_off": decimal(),
    "redeem_by": TIMESTAMP,
}
UPDATE: Fields = {**META, "name": text(most=40)}
LIST: Fields = {**PAGE, "created": RANGE}
PROMOTION = record({"coupon": text(required=True), "type": enum("coupon", required=True)})
CREATE_CODE: Fields = {
    **META,
    "active": boolean(),
    "code": text(most=500),
    "customer": text(),
    "expires_at": TIMESTAMP,
    "max_redemptions": integer(least=1),
    "promotion": PROMOTION,
}
UPDATE_CODE: Fields = {**META, "active": boolean()}
LIST_CODES: Fields = {
    **LIST,
    "active": boolean(),
    "code": text(),
    "coupon": text(),
    "customer": text(),
}


def create(world: World, call: Call) -> Json:
    params = call.params
    _check(world, params)
    identifier = params.get("id") or token(world.seed, "coupon", world.store.count("coupon"), 8)
    percent = params.get("percent_off")
    coupon = world.add(
        "coupon",
        {
            "id": identifier,
            "object": "coupon",
            "amount_off": params.get("amount_off"),
            "created": world.now(),
            "currency": (params.get("currency") or "").lower() or None,
            "duration": params.get("duration") or "once",
            "duration_in_months": params.get("duration_in_months"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": fresh_metadata(params),
            "name": params.get("name"),
            "percent_off": None if percent is None else float(percent),
            "redeem_by": params.get("redeem_by"),
            "times_redeemed": 0,
            "_applies_to": params.get("applies_to"),
        },
    )
    world.emit("coupon.created", coupon)
    return world.render(coupon)


def _check(world: World, params: Json) -> None:
    """Percent or amount, months exactly for repeating ones (Stripe docs: create a coupon)."""
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if (percent is None) == (amount is None):
        raise errors.invalid(
            "You must pass exactly one of these parameters: percent_off, amount_off.",
            "percent_off",
        )
    if percent is not None and not 0 < percent <= 100:
        raise errors.invalid("percent_off must be greater than 0 and at most 100.", "percent_off")
    if amount is not None and not params.get("currency"):
        raise errors.missing_parameter("currency")
    repeating = params.get("duration") == "repeating"
    if repeating != (params.get("duration_in_months") is not None):
        raise errors.invalid(
            "`duration_in_months` is required when, and only when, `duration` is `repeating`.",
            "duration_in_months",
        )
    if params.get("id") and world.store.peek("coupon", params["id"]) is not None:
        raise errors.invalid("Coupon already exists.", "id", "resource_already_exists")


def retrieve(world: World, call: Call) -> Json:
    return world.render(find_coupon(world, call.id))


def update(world: World, call: Call) -> Json:
    coupon = find_coupon(world, call.id)
    with world.changing(coupon, "coupon.updated"):
        apply_metadata(coupon, call.params)
        assign(coupon, call.params, "name")
    return world.render(coupon)


def delete(world: World, call: Call) -> Json:
    """No new use; discounts already given go on (Stripe docs: delete a coupon)."""
    coupon = find_coupon(world, call.id)
    world.emit("coupon.deleted", coupon)
    coupon[GONE] = True
    return deleted(coupon)


def index(world: World, call: Call) -> Json:
    def wanted(body: Json) -> bool:
        return not body.get(GONE) and within(call.params, "created", body["created"])

    return page(world, call.params, world.store.scan("coupon"), call.url, wanted)


def create_code(world: World, call: Call) -> Json:
    params = call.params
    promotion = params.get("promotion")
    if not promotion:
        raise errors.missing_parameter("promotion")
    coupon = find_coupon(world, promotion["coupon"], "promotion[coupon]")
    if params.get("customer"):
        world.require("customer", params["customer"], "customer")
    count = world.store.count("promotion_code")
    code = params.get("code") or token(world.seed, "promotion", count, 8).upper()
    for other in world.store.where("promotion_code", "code", code):
        if other["active"] and other["customer"] in (None, params.get("customer")):
            raise errors.invalid(
                f"An active promotion code with `code: {code}` already exists.", "code"
            )
    body = world.add(
        "promotion_code",
        {
            "id": world.identify("promo"),
            "object": "promotion_code",
            "active": params.get("active", True) is not False,
            "code": code,
            "created": world.now(),
            "customer": params.get("customer"),
            "expires_at": params.get("expires_at"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": fresh_metadata(params),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": {
                "first_time_transaction": False,
                "minimum_amount": None,
                "minimum_amount_currency": None,
            },
            "times_redeemed": 0,
        },
    )
    world.emit("promotion_code.created", body)
    return world.render(body)


def retrieve_code(world: World, call: Call) -> Json:
    return world.render(world.require("promotion_code", call.id))


def update_code(world: World, call: Call) -> Json:
    code = world.require("promotion_code", call.id)
    with world.changing(code, "promotion_code.updated"):
        apply_metadata(code, call.params)
        if call.params.get("active") is not None:
            code["active"] = call.params["active"]
    return world.render(code)


def index_codes(world: World, call: Call) -> Json:
    params = call.params

    def wanted(body: Json) -> bool:
        return bool(
            fits(params, body, "active", "code", "customer")
            and params.get("coupon") in (None, body["promotion"]["coupon"])
        )

    return page(world, params, world.store.scan("promotion_code"), call.url, wanted)


def _show(world: World, coupon: Json) -> Json:
    return {**public(coupon), "valid": is_valid(world, coupon)}


def _applies_to(world: World, coupon: Json) -> Json:  # noqa: ARG001 - the protocol's shape
    return dict(coupon["_applies_to"] or {})


def shapes(known: Shapes) -> None:
    known.shapers["coupon"] = _show
    known.computed["coupon", "applies_to"] = _applies_to
    known.refer("promotion_code", customer="customer", promotion__coupon="coupon")
    known.refer(
        "discount", customer="customer", promotion_code="promotion_code", source__coupon="coupon"
    )


ROUTES = [
    Route("POST", "/v1/coupons", create, CREATE),
    Route("GET", "/v1/coupons", index, LIST),
    Route("GET", "/v1/coupons/<id>", retrieve, {}),
    Route("POST", "/v1/coupons/<id>", update, UPDATE),
    Route("DELETE", "/v1/coupons/<id>", delete, {}),
    Route("POST", "/v1/promotion_codes", create_code, CREATE_CODE),
    Route("GET", "/v1/promotion_codes", index_codes, LIST_CODES),
    Route("GET", "/v1/promotion_codes/<id>", retrieve_code, {}),
    Route("POST", "/v1/promotion_codes/<id>", update_code, UPDATE_CODE),
]
