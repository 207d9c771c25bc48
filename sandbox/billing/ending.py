"""Ending a subscription: now, at a moment, at the period's end; and taking that back (§3.8)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.rendering import changes
from ..kernel.world import World
from .collection import finalize
from .documents import stop_collection, void_document
from .invoicing import Plan, draft_invoice
from .items import period_end
from .metering import line_for_usage, usage_left
from .pending_items import waiting
from .pending_updates import drop_pending
from .phases import abort_schedule
from .proration import credit_unused

TERMINAL = ("canceled", "incomplete_expired")


def set_cancellation(
    subscription: Json, params: Json, now: int, *, clears_timestamp: bool = False
) -> None:
    """`cancel_at_period_end` and `cancel_at`, set or cleared (recorded traffic, flexible mode).

    Setting writes cancel_at, canceled_at and the reason; clearing takes all three back. Whether
    `cancel_at_period_end=false` clears a timestamp set by `cancel_at` is a named switch (§7).
    """
    if params.get("cancel_at") and params.get("cancel_at_period_end"):
        raise errors.invalid(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.",
            "cancel_at",
        )
    if "cancel_at_period_end" in params:
        if params["cancel_at_period_end"]:
            _will_end(subscription, period_end(subscription), now)
            subscription["cancel_at_period_end"] = True
        elif subscription["cancel_at_period_end"] or clears_timestamp:
            _will_go_on(subscription)
    if "cancel_at" in params:
        wanted = params["cancel_at"]
        if wanted is None:
            _will_go_on(subscription)
            return
        ends = [int(item["current_period_end"]) for item in subscription["items"]]
        # resolved once, they do not move with later changes (§3.8)
        words = {
            "min_period_end": min(ends),
            "max_period_end": max(ends),
            "max_billed_until": max(map(_billed_until, subscription["items"])),
        }
        moment = words[wanted] if wanted in words else int(wanted)
        if moment <= now:
            raise errors.invalid("The cancel_at timestamp must be in the future.", "cancel_at")
        _will_end(subscription, moment, now)
        subscription["cancel_at_period_end"] = False


def _billed_until(item: Json) -> int:
    """Until when an item stands on invoices; without any its period's end is our belief."""
    billed = [int(debit["end"]) for debit in item["_debits"] if debit["invoice"]]
    return max(billed, default=int(item["current_period_end"]))


def _will_end(subscription: Json, moment: int, now: int) -> None:
    subscription["cancel_at"] = moment
    subscription["canceled_at"] = subscription["canceled_at"] or now
    subscription["cancellation_details"]["reason"] = "cancellation_requested"


def _will_go_on(subscription: Json) -> None:
    subscription["cancel_at"] = None
    subscription["cancel_at_period_end"] = False
    subscription["canceled_at"] = None
    subscription["cancellation_details"]["reason"] = None


def _is_over(subscription: Json, status: str, reason: str, now: int) -> None:
    # canceled_at keeps the first request's time; cancel_at is cleared (recorded traffic)
    subscription |= {
        "status": status,
        "canceled_at": subscription["canceled_at"] or now,
        "ended_at": now,
        "cancel_at": None,
        "cancel_at_period_end": False,
    }
    subscription["cancellation_details"]["reason"] = reason
    subscription["_resuming"] = None


def end_now(
    world: World,
    subscription: Json,
    *,
    reason: str,
    prorate: bool = False,
    invoice_now: bool = False,
    natural: bool = False,
) -> None:
    """Cancels at once. `natural` is the end of a period that was scheduled to be the last.

    Defaults: no credit, pending prorations dropped, open invoices no longer collected; with
    prorate and invoice_now a final invoice whose credit goes to the balance (§3.8).
    """
    now = world.now(subscription)
    unpaid_start = subscription["status"] == "incomplete"
    expires = unpaid_start and world.switches.cancel_incomplete == "incomplete_expired"
    shown = world.render(subscription)

    def announce() -> None:
        if expires:
            # one that never started expires, by an update: an event published in
            # pay-rails/pay#91 looks so; not proven, hence the switch
            previous = changes(shown, world.render(subscription))
            world.emit("customer.subscription.updated", subscription, previous)
        else:
            world.emit("customer.subscription.deleted", subscription)

    with world.led_by(announce):
        if prorate and not unpaid_start:
            for item in subscription["items"]:
                credit_unused(world, subscription, item, now)
        if invoice_now or natural:
            # usage is billed with it; without an invoice it is not (Stripe docs: usage-based)
            _final_invoice(world, subscription, collected=invoice_now)
        elif not prorate:
            _drop_prorations(world, subscription)
        if subscription.get("_pending"):
            drop_pending(world, subscription)
        _close_invoices(world, subscription, void=unpaid_start)
        _is_over(subscription, "incomplete_expired" if expires else "canceled", reason, now)
    abort_schedule(world, subscription)


def _final_invoice(world: World, subscription: Json, *, collected: bool) -> None:
    """What is still pending, billed once more; state of the invoice by named switch."""
    customer = world.store.get("customer", subscription["customer"])
    pending = waiting(world, customer["id"], subscription)
    left = usage_left(world, subscription, world.now(subscription))
    if not pending and not left and not (collected and world.rehearsing):
        return
    reason = "subscription_update" if collected else "subscription_cycle"
    charges = [
        lambda invoice, item=item, period=period: line_for_usage(
            world, invoice, subscription, item, period
        )
        for item, period in left
    ]
    invoice = draft_invoice(world, customer, subscription, Plan(reason, charges))
    if collected and world.switches.cancel_final_invoice == "finalized":
        finalize(world, invoice)
    else:
        invoice["automatically_finalizes_at"] = invoice["created"] + world.switches.draft_seconds


def _drop_prorations(world: World, subscription: Json) -> None:
    for entry in world.store.where("invoiceitem", "_subscription", subscription["id"]):
        if entry["invoice"] is None and entry["proration"]:
            world.emit("invoiceitem.deleted", entry)
            world.store.remove("invoiceitem", entry["id"])


def _close_invoices(world: World, subscription: Json, *, void: bool) -> None:
    """Finalized open invoices stop collecting; drafts go their way (Stripe docs: cancel)."""
    for invoice in world.store.where("invoice", "_subscription", subscription["id"]):
        if invoice["status"] == "open":
            if void:
                void_document(world, invoice)
            else:
                stop_collection(world, invoice)


def expire_incomplete(world: World, subscription: Json) -> None:
    """23 hours without the first payment: expired, its invoice voided (§3.5)."""
    with world.changing(subscription, "customer.subscription.updated"):
        subscription["status"] = "incomplete_expired"
        subscription["ended_at"] = world.now(subscription)
    _close_invoices(world, subscription, void=True)
    abort_schedule(world, subscription)
