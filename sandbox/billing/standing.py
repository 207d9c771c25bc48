"""What an invoice's fate means to its subscription: its status follows its invoices (§3.6)."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.rendering import changes
from ..kernel.world import World
from .documents import mark_uncollectible, void_document
from .pending_updates import apply_pending, awaits, drop_pending

UPDATED = "customer.subscription.updated"


def subscription_of(world: World, invoice: Json) -> Json | None:
    owner = invoice["_subscription"]
    return world.store.find("subscription", owner) if owner else None


def invoice_paid(world: World, invoice: Json) -> None:
    """Starts an incomplete subscription, applies a pending update, or brings it back to active."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["_busy"]:
        # the call that creates or changes the subscription decides by itself
        return
    if awaits(subscription, invoice):
        apply_pending(world, subscription)
        return
    if _resumes(subscription, invoice):
        _wake_up(world, subscription, "active")
        return
    status = subscription["status"]
    recovered = (
        (status == "incomplete" and invoice["billing_reason"] == "subscription_create")
        or (status == "past_due" and _settled(world, subscription))
        # unpaid: newer drafts stand between an old invoice and recovery
        or (status == "unpaid" and subscription["latest_invoice"] == invoice["id"])
    )
    if recovered:
        with world.changing(subscription, UPDATED):
            subscription["status"] = _running_status(world, subscription)


def invoice_failed(world: World, invoice: Json) -> None:
    """A try to pay failed, or none was made: a running subscription is past due."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["_busy"] or awaits(subscription, invoice):
        return
    if _resumes(subscription, invoice):
        # `resume_on_payment_success` stays paused until a try succeeds
        if not subscription["_resuming"]["paid"]:
            _wake_up(world, subscription, "past_due")
    elif subscription["status"] in ("active", "trialing"):
        with world.changing(subscription, UPDATED):
            subscription["status"] = "past_due"


def void_invoice(world: World, invoice: Json) -> None:
    """Voids, and lets the subscription feel it: a pending update is dropped, a first invoice
    takes its subscription along, a past due one may be active again (named switch)."""
    void_document(world, invoice)
    subscription = subscription_of(world, invoice)
    if subscription is None:
        return
    if not world.switches.void_keeps_credit_base:
        _forget_debits(subscription, invoice)
    if awaits(subscription, invoice):
        drop_pending(world, subscription)
    elif _resumes(subscription, invoice):
        subscription["_resuming"] = None
    elif subscription["status"] == "incomplete":
        with world.changing(subscription, UPDATED):
            subscription["status"] = "incomplete_expired"
            subscription["ended_at"] = world.now(subscription)
    else:
        _restore(world, subscription)


def write_off(world: World, invoice: Json, reason: str) -> None:
    """Marks uncollectible; for the subscription's status this counts as voiding does."""
    mark_uncollectible(world, invoice, reason)
    subscription = subscription_of(world, invoice)
    if subscription is None:
        return
    if awaits(subscription, invoice):
        drop_pending(world, subscription)
    elif _resumes(subscription, invoice):
        _wake_up(world, subscription, "active")
    else:
        _restore(world, subscription)


def _restore(world: World, subscription: Json) -> None:
    if subscription["status"] != "past_due" or world.switches.void_restores != "active":
        return
    if _settled(world, subscription):
        with world.changing(subscription, UPDATED):
            subscription["status"] = _running_status(world, subscription)


def _settled(world: World, subscription: Json) -> bool:
    """Whether the latest finalized invoice that still counts is paid (Stripe docs: statuses)."""
    entries = world.store.where("invoice", "_subscription", subscription["id"])
    for invoice in sorted(entries, key=lambda entry: -int(entry["_seq"])):
        if invoice["status"] == "open" and not awaits(subscription, invoice):
            return False
        if invoice["status"] == "paid":
            return True
    return True


def _running_status(world: World, subscription: Json) -> str:
    trial = subscription["trial_end"]
    return "trialing" if trial and trial > world.now(subscription) else "active"


def _forget_debits(subscription: Json, invoice: Json) -> None:
    """What was voided was never debited: nothing of it is credited later (named switch)."""
    for item in subscription["items"]:
        item["_debits"] = [
            debit for debit in item["_debits"] if debit.get("invoice") != invoice["id"]
        ]


def _resumes(subscription: Json, invoice: Json) -> bool:
    """Whether this is the resumption invoice of a paused subscription."""
    waiting = subscription.get("_resuming")
    return bool(waiting and waiting["invoice"] == invoice["id"])


def _wake_up(world: World, subscription: Json, status: str) -> None:
    before = world.render(subscription)
    wake(world, subscription, status)
    world.emit(UPDATED, subscription, changes(before, world.render(subscription)))


def wake(world: World, subscription: Json, status: str) -> None:
    """Out of `paused`, with the event that says so."""
    subscription |= {"status": status, "_resuming": None}
    subscription.pop("status_details", None)
    world.emit("customer.subscription.resumed", subscription)
