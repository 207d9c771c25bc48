"""Status `paused`: no invoices, no new periods, until it is resumed (Stripe docs: pause
subscriptions; API changelog 2026-09-30.endive)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.rendering import changes
from ..kernel.world import World
from .collection import attempt, finalize
from .documents import void_document
from .invoicing import Plan, draft_invoice
from .items import cut_period
from .lines import line_for_period
from .metering import bills_ahead
from .methods import chargeable
from .pending_items import waiting
from .pending_updates import discard_pending
from .proration import check_proration_date, credit_unused, debit_remaining
from .standing import wake

UPDATED = "customer.subscription.updated"


def pause(world: World, subscription: Json, params: Json) -> None:
    """Credits unused time, as a pending item or invoiced at once, and stands still."""
    _check_pausable(subscription)
    discard_pending(world, subscription)
    now = world.now(subscription)
    bill_for = (params.get("bill_for") or {}).get("unused_time_from") or {"type": "now"}
    with world.led_by(lambda: None):
        before = world.render(subscription)
        credits = 0
        if bill_for["type"] != "none":
            for item in subscription["items"]:
                whole = bill_for["type"] == "item_current_period_start"
                moment = item["current_period_start"] if whole else now
                credits += len(credit_unused(world, subscription, item, moment))
        _stand_still(world, subscription, "pause_requested")
        if params.get("invoicing_behavior") == "invoice" and credits:
            customer = world.store.get("customer", subscription["customer"])
            plan = Plan("subscription_update")
            finalize(world, draft_invoice(world, customer, subscription, plan))
        world.emit(UPDATED, subscription, changes(before, world.render(subscription)))
        world.emit("customer.subscription.paused", subscription)


def _check_pausable(subscription: Json) -> None:
    """Refused with a schedule (§3.7), in classic mode (API changelog 2026-09-30.endive), and in
    other statuses than active ones."""
    if subscription["schedule"]:
        raise errors.invalid(
            "The subscription is managed by the subscription schedule "
            f"`{subscription['schedule']}`, and cannot be paused."
        )
    if subscription["billing_mode"]["type"] != "flexible":
        raise errors.invalid("Only subscriptions with flexible billing mode can be paused.")
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise errors.invalid(
            f"A subscription in the `{subscription['status']}` status cannot be paused."
        )


def pause_after_trial(world: World, subscription: Json) -> None:
    """The trial ended without a payment method and was told to pause."""
    before = world.render(subscription)
    _stand_still(world, subscription, "trial_end_without_payment_method")
    world.emit(UPDATED, subscription, changes(before, world.render(subscription)))
    world.emit("customer.subscription.paused", subscription)


def pauses_now(world: World, subscription: Json) -> bool:
    """Whether a trial that is ended by hand pauses: told so, and nothing to charge (§6.2)."""
    rule = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    probe = {
        "customer": subscription["customer"],
        "default_payment_method": None,
        "_subscription": subscription["id"],
    }
    return rule == "pause" and chargeable(world, probe) is None


def stand_still_after_trial(world: World, subscription: Json) -> None:
    """The same inside an update, whose own event says what changed."""
    _stand_still(world, subscription, "trial_end_without_payment_method")
    world.emit("customer.subscription.paused", subscription)


def _stand_still(world: World, subscription: Json, reason: str) -> None:
    subscription["status"] = "paused"
    subscription["status_details"] = {
        "paused": {
            "subscription": {"type": reason},
            "transitioned_at": world.now(subscription),
            "type": "subscription",
        }
    }


def resume(world: World, subscription: Json, params: Json) -> None:
    """Runs again: at once if nothing is to be paid, else with the resumption invoice.

    `resume_on_payment_attempt` (default) makes no try in the request; the first one decides:
    active if paid, past_due if not. `resume_on_payment_success` tries at once and stays paused
    until a try succeeds (API changelog 2026-05-27.dahlia). 23 hours without a try, or voiding,
    leave it paused (SDK docstring of resume).
    """
    if subscription["status"] != "paused":
        raise errors.invalid("Only subscriptions in the `paused` status can be resumed.")
    if subscription["collection_method"] != "charge_automatically":
        raise errors.invalid(
            "Resume is only available for subscriptions that use `charge_automatically`."
        )
    if subscription.get("_resuming"):
        raise errors.invalid("The subscription already waits for its resumption invoice.")
    before = world.render(subscription)

    def announce() -> None:
        world.emit(UPDATED, subscription, changes(before, world.render(subscription)))

    with world.led_by(announce):
        invoice = _resumption(world, subscription, params)
        if invoice is None or invoice["status"] == "paid":
            wake(world, subscription, "active")
        else:
            waits = params.get("payment_behavior") == "resume_on_payment_success"
            until = world.now(subscription) + world.switches.incomplete_seconds
            subscription["_resuming"] = {"invoice": invoice["id"], "until": until, "paid": waits}
            if waits and chargeable(world, invoice) is not None:
                attempt(world, invoice, automatic=False)


def _resumption(world: World, subscription: Json, params: Json) -> Json | None:
    """The resumption invoice, finalized; None where nothing is invoiced now."""
    now = world.now(subscription)
    moment = params.get("proration_date") or now
    anchor = params.get("billing_cycle_anchor") or {}
    if isinstance(anchor, str):
        raise errors.invalid("Invalid object", "billing_cycle_anchor")
    unchanged = anchor.get("type") == "unchanged"
    behavior = params.get("proration_behavior") or "create_prorations"
    if params.get("proration_date") is not None:
        check_proration_date(subscription, moment)
    subscription["trial_end"] = subscription["trial_end"] and min(subscription["trial_end"], now)
    charges = []
    if not unchanged:
        subscription["billing_cycle_anchor"] = now
    for item in subscription["items"]:
        running = item["current_period_end"] > now and bool(item["_debits"])
        if unchanged and running:
            continue  # paused without a credit: the period that is paid goes on
        item["_debits"] = []
        cut_period(world, subscription, item, now)
        if not bills_ahead(world, subscription, item):
            continue
        if not unchanged:
            charges.append(
                lambda invoice, item=item: line_for_period(world, invoice, subscription, item)
            )
        elif behavior != "none":
            debit_remaining(world, subscription, item, moment)
    customer = world.store.get("customer", subscription["customer"])
    pending = waiting(world, customer["id"], subscription)
    if not charges and not (behavior == "always_invoice" and pending):
        return None
    plan = Plan("subscription_update", charges=charges, auto_advance=False)
    invoice = draft_invoice(world, customer, subscription, plan)
    subscription["_busy"] = True
    finalize(world, invoice)
    subscription["_busy"] = False
    return invoice


def lapse_resumption(world: World, subscription: Json) -> None:
    """23 hours without a payment: the invoice is void, the subscription stays paused."""
    invoice = world.store.get("invoice", subscription["_resuming"]["invoice"])
    subscription["_resuming"] = None
    if invoice["status"] == "open":
        void_document(world, invoice)
