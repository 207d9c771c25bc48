"""Starting a subscription: items, anchor, first invoice, first payment."""

from __future__ import annotations

from fractions import Fraction

from ..kernel import errors
from ..kernel.calendar import boundary, period_at
from ..kernel.errors import Json
from ..kernel.fields import merge_metadata
from ..kernel.world import World
from .collection import attempt, finalize, no_method_error, payment_error
from .course import set_course
from .ending import set_cancellation
from .invoicing import Plan, draft_invoice
from .items import check_items, choose_price, new_item, pieces, price_of
from .lines import line_for_period
from .metering import bills_ahead
from .methods import chargeable
from .pending_items import Extra, new_pending, read_extra, waiting
from .pricing import interval_of
from .settings import apply_item_settings, apply_settings, trial_settings
from .templates import SUBSCRIPTION, fresh

DAY = 86_400
LATE = ("default_payment_method", "default_tax_rates", "discounts")


def start_subscription(
    world: World,
    customer: Json,
    params: Json,
    extras: list[Extra] | None = None,
    *,
    schedule: str | None = None,
) -> Json:
    """Creates the subscription and settles its first invoice inside the call; where a schedule
    starts it, that invoice is a draft for about an hour and it is active meanwhile (§3.6)."""
    subscription = _blank(world, customer, params)
    world.add("subscription", subscription)
    for index, entry in enumerate(params["items"] or []):
        price = choose_price(world, entry, f"items[{index}]")
        if price is None:
            raise errors.missing_parameter(f"items[{index}][price]")
        subscription["currency"] = subscription["currency"] or price["currency"]
        count = pieces(price, entry.get("quantity"), f"items[{index}]")
        item = new_item(world, subscription, price, count)
        apply_item_settings(world, subscription, item, entry, f"items[{index}]")
        subscription["items"].append(item)
    check_items(world, subscription)
    if customer["currency"] not in (None, subscription["currency"]):
        raise errors.invalid(
            "You cannot combine currencies on a single customer. This customer has an active "
            "subscription, subscription schedule, discount, quote, or invoice item with currency "
            f"{customer['currency']}.",
        )
    subscription["schedule"] = schedule
    shares = _set_anchor(world, subscription, params)
    subscription["_busy"] = True
    with world.led_by(lambda: world.emit("customer.subscription.created", subscription)):
        apply_settings(world, subscription, {name: params[name] for name in LATE if name in params})
        _first_invoice(world, subscription, params, shares, extras or [])
        subscription["_busy"] = False
        _first_cancellation(subscription, params)
    return subscription


def _set_anchor(world: World, subscription: Json, params: Json) -> dict[str, Fraction | None]:
    """Anchor and periods; returns what share of a full period each item's first one is."""
    now = world.now(subscription)
    trial_end = _trial_end(params, now)
    wanted = params.get("billing_cycle_anchor")
    rule = subscription["trial_settings"]["end_behavior"].get("billing_cycle_anchor")
    after_trial = None if rule == "unchanged" else trial_end
    subscription["billing_cycle_anchor"] = after_trial or wanted or now
    shares: dict[str, Fraction | None] = {}
    for item in subscription["items"]:
        interval, count = interval_of(price_of(world, item))
        item["current_period_start"] = now
        shares[item["id"]] = None
        if trial_end:
            item["current_period_end"] = trial_end
            continue
        anchor = subscription["billing_cycle_anchor"]
        start, end = period_at(anchor, interval, count, now)
        item["current_period_end"] = end
        if wanted and wanted > boundary(now, interval, count, 1):
            raise errors.invalid(
                "billing_cycle_anchor cannot be later than next natural billing date "
                f"({boundary(now, interval, count, 1)}) for plan",
                "billing_cycle_anchor",
            )
        if start != now:
            # a shorter first period, charged in proportion unless prorations are off
            free = params.get("proration_behavior") == "none"
            shares[item["id"]] = Fraction(0) if free else Fraction(end - now, end - start)
    if trial_end:
        subscription["trial_start"], subscription["trial_end"] = now, trial_end
    return shares


def _trial_end(params: Json, now: int) -> int | None:
    if params.get("trial_end") is not None and params.get("trial_period_days"):
        raise errors.invalid(
            "You may only specify one of these parameters: trial_end, trial_period_days.",
            "trial_period_days",
        )
    if params.get("trial_period_days"):
        return now + int(params["trial_period_days"]) * DAY
    end = params.get("trial_end")
    if end in (None, "now"):
        return None
    if int(end) <= now:
        raise errors.invalid("Invalid timestamp: must be in the future", "trial_end")
    return int(end)


def _first_invoice(
    world: World,
    subscription: Json,
    params: Json,
    shares: dict[str, Fraction | None],
    extras: list[Extra],
) -> None:
    customer = world.store.get("customer", subscription["customer"])
    for index, entry in enumerate(params.get("add_invoice_items") or []):
        param = f"add_invoice_items[{index}]"
        extras = [*extras, read_extra(world, entry, subscription["currency"], param)]
    for extra in extras:
        new_pending(world, customer, extra, subscription=subscription)
    trial = subscription["trial_end"] is not None
    charges = [
        lambda invoice, item=item: line_for_period(
            world, invoice, subscription, item, trial=trial, share=shares[item["id"]]
        )
        for item in subscription["items"]
        if bills_ahead(world, subscription, item)
    ]
    running = "trialing" if trial else "active"
    if not charges and not waiting(world, customer["id"], subscription):
        # with usage alone there is nothing to invoice yet (Stripe docs: billing mode, compare)
        subscription["status"] = running
        return
    plan = Plan("subscription_create", charges, settings={"_ready": params.get("_ready")})
    invoice = draft_invoice(world, customer, subscription, plan)
    if subscription["collection_method"] == "send_invoice" or subscription["schedule"]:
        subscription["status"] = running
        set_course(world, subscription, invoice)
        return
    finalize(world, invoice)
    if invoice["status"] == "paid" or _pay_first(world, invoice, params):
        subscription["status"] = running
    else:
        subscription["status"] = "incomplete"


def _pay_first(world: World, invoice: Json, params: Json) -> bool:
    behaviour = params.get("payment_behavior") or "allow_incomplete"
    if behaviour == "default_incomplete":
        return False
    if chargeable(world, invoice) is None:
        raise no_method_error()
    off_session = bool(params.get("off_session"))
    result = attempt(world, invoice, automatic=False, off_session=off_session)
    if result == "processing":
        # a debit takes days; meanwhile the subscription runs (Stripe docs: bank debits)
        return world.switches.processing_starts == "active"
    if result != "paid" and behaviour == "error_if_incomplete":
        raise payment_error(world, invoice, result, keep_effects=False, noun="subscription")
    return result == "paid"


def _first_cancellation(subscription: Json, params: Json) -> None:
    names = ("cancel_at", "cancel_at_period_end")
    wanted: Json = {name: params[name] for name in names if name in params}
    if wanted:
        set_cancellation(subscription, wanted, subscription["created"])


def _blank(world: World, customer: Json, params: Json) -> Json:
    now = world.now(customer)
    subscription = fresh(
        SUBSCRIPTION,
        id=world.identify("sub"),
        billing_cycle_anchor=now,
        collection_method=params.get("collection_method") or "charge_automatically",
        created=now,
        currency=(params.get("currency") or "").lower() or None,
        customer=customer["id"],
        days_until_due=params.get("days_until_due"),
        description=params.get("description"),
        metadata=merge_metadata({}, params.get("metadata")),
        start_date=now,
        test_clock=customer["test_clock"],
    )
    if (params.get("billing_mode") or {}).get("type") == "classic":
        # flexible is the default since clover (§2.2)
        subscription["billing_mode"] = {"flexible": None, "type": "classic"}
    else:
        subscription["billing_mode"]["updated_at"] = subscription["created"]
    subscription["payment_settings"] |= params.get("payment_settings") or {}
    if params.get("trial_settings"):
        subscription["trial_settings"] = trial_settings(params["trial_settings"])
    return subscription
