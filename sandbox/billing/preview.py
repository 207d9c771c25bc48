"""Previews: the operation itself, rehearsed and rolled back, so that both agree line by line."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.store import copy_json
from ..kernel.world import World
from .changing import change_subscription
from .ending import end_now
from .invoicing import Plan, Previewed, draft_invoice
from .lines import show_lines
from .lookahead import play_on
from .pending_items import Extra, new_pending, read_extra
from .rescheduling import create_schedule, update_schedule
from .schedules import new_schedule
from .starting import start_subscription

# Parameters of `subscription_details` that are an update's own.
UPDATES = (
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "default_tax_rates",
    "items",
    "metadata",
    "proration_behavior",
    "proration_date",
    "trial_end",
)


def preview_invoice(world: World, params: Json) -> Json:
    """POST /v1/invoices/create_preview, in Stripe's shape for an invoice that does not exist."""
    with world.store.rehearsal():
        world.rehearsing = True
        try:
            _rehearse(world, params)
        except Previewed as caught:
            shown = _show(world, caught.invoice, params)
        else:
            raise errors.StripeError(
                404, "No upcoming invoices for this subscription.", code="invoice_upcoming_none"
            )
        finally:
            world.rehearsing = False
    return shown


def _rehearse(world: World, params: Json) -> None:
    details = params.get("subscription_details") or {}
    if params.get("schedule") or params.get("schedule_details"):
        _rehearse_schedule(world, params)
        return
    if params.get("subscription"):
        subscription = world.require("subscription", params["subscription"], "subscription")
        if params.get("customer") not in (None, subscription["customer"]):
            raise errors.no_such("subscription", subscription["id"], "subscription")
        if subscription["status"] in ("canceled", "incomplete_expired"):
            return
        _rehearse_change(world, subscription, params, details)
        return
    if not params.get("customer"):
        raise errors.invalid(
            "You must pass a `customer`, `subscription`, or `schedule` to preview an invoice.",
            "customer",
        )
    customer = world.require("customer", params["customer"], "customer")
    extras = _extras(world, params, None)
    if details.get("items"):
        start = {name: details[name] for name in UPDATES if name in details}
        start["billing_mode"] = details.get("billing_mode")
        start["discounts"] = params.get("discounts")
        anchor = details.get("billing_cycle_anchor") or {}
        start["billing_cycle_anchor"] = anchor.get("timestamp")
        start["payment_behavior"] = "default_incomplete"
        start_subscription(world, customer, start, extras)
    elif extras:
        for extra in extras:
            new_pending(world, customer, extra)
        draft_invoice(world, customer, None, Plan("manual"))


def _rehearse_change(world: World, subscription: Json, params: Json, details: Json) -> None:
    extras = _extras(world, params, subscription["currency"])
    if details.get("cancel_now"):
        _add(world, subscription, extras)
        prorate = details.get("proration_behavior") != "none"
        end_now(
            world,
            subscription,
            reason="cancellation_requested",
            prorate=prorate,
            invoice_now=True,
        )
        return
    change = {name: details[name] for name in UPDATES if name in details}
    if "discounts" in params:
        # named for the preview: as if they were the subscription's (Stripe docs: create_preview)
        change["discounts"] = params["discounts"]
    if change or extras:
        _known_anchor(details)
        change_subscription(world, subscription, change, extras)
    # nothing was invoiced at once: what comes is the renewal, with what is pending by then, or
    # the next phase of its schedule
    play_on(world, subscription)


def _rehearse_schedule(world: World, params: Json) -> None:
    """What a schedule would invoice next: as it is, changed, or made anew (§3.7)."""
    details = params.get("schedule_details") or {}
    if params.get("subscription") or params.get("subscription_details"):
        raise errors.invalid(
            "You cannot pass `schedule` or `schedule_details` together with `subscription` or "
            "`subscription_details`.",
            "schedule",
        )
    if params.get("schedule"):
        schedule = world.require("subscription_schedule", params["schedule"], "schedule")
        if details:
            update_schedule(world, schedule, details)
    else:
        customer = world.require("customer", params.get("customer") or "", "customer")
        schedule = new_schedule(world, customer)
        entries = details.get("phases") or []
        if not entries:
            raise errors.missing_parameter("schedule_details[phases]")
        start = entries[0].get("start_date") or "now"
        begins = world.now(customer) if start == "now" else int(start)
        create_schedule(world, schedule, entries, begins)
    managed = world.store.find("subscription", schedule["subscription"] or "")
    play_on(world, managed or schedule)


def _known_anchor(details: Json) -> None:
    anchor = details.get("billing_cycle_anchor") or {}
    if anchor.get("type") == "timestamp":
        raise errors.invalid(
            "An anchor of type `timestamp` can only be previewed for a new subscription.",
            "subscription_details[billing_cycle_anchor][type]",
        )


def _extras(world: World, params: Json, currency: str | None) -> list[Extra]:
    wanted = params.get("invoice_items") or []
    known = currency or params.get("currency")
    return [
        read_extra(world, entry, known, f"invoice_items[{index}]")
        for index, entry in enumerate(wanted)
    ]


def _add(world: World, subscription: Json, extras: list[Extra]) -> None:
    customer = world.store.get("customer", subscription["customer"])
    for extra in extras:
        new_pending(world, customer, extra, subscription=subscription)


def _show(world: World, invoice: Json, params: Json) -> Json:
    """A draft without a life of its own: its id says so, and the balance is worked in."""
    details = params.get("subscription_details") or {}
    shown = world.render(invoice)
    shown["lines"] = show_lines(invoice, most=len(invoice["lines"]))
    shown["id"] = f"upcoming_{invoice['id']}"
    shown["billing_reason"] = "upcoming" if invoice["_subscription"] else "manual"
    shown["ending_balance"] = invoice["_ending"]
    shown["automatically_finalizes_at"] = None
    for line in shown["lines"]["data"]:
        line["invoice"] = shown["id"]
        line["id"] = line["id"].replace("il_", "il_tmp_", 1)
    if details.get("proration_date") and shown["parent"]:
        moment = details["proration_date"]
        shown["parent"]["subscription_details"]["subscription_proration_date"] = moment
    return dict(copy_json(shown))
