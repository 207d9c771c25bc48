"""What an invoice does by itself as time passes: finalize, be charged, be retried, be given up."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World
from .collection import attempt, finalize
from .ending import TERMINAL, end_now
from .standing import invoice_failed, subscription_of

DAY = 86_400


class Invoices:
    """The agenda of invoices."""

    def due(self, world: World, body: Json) -> int | None:  # noqa: ARG002 - the protocol's shape
        """When the draft finalizes, when the next try is, when a sent invoice is overdue."""
        moment: int | None = None
        if body["status"] == "draft" and body["auto_advance"]:
            moment = body["automatically_finalizes_at"]
        elif body["status"] == "open" and body["collection_method"] == "charge_automatically":
            moment = body["next_payment_attempt"]
        elif body["status"] == "open" and not body.get("_overdue"):
            moment = body["due_date"]
        return moment

    def act(self, world: World, body: Json) -> None:
        if body["status"] == "draft":
            finalize(world, body)
            if body["status"] == "open" and body["collection_method"] == "send_invoice":
                world.emit("invoice.sent", body)
            elif body["status"] == "open":
                try_automatically(world, body)
        elif body["collection_method"] == "send_invoice":
            body["_overdue"] = True
            world.emit("invoice.overdue", body)
            invoice_failed(world, body)
        else:
            try_automatically(world, body)


def try_automatically(world: World, invoice: Json) -> None:
    """One try by the schedule; after a failure the next one is set, or the account's setting for
    the end of retries takes effect (§3.6)."""
    subscription = subscription_of(world, invoice)
    ended = subscription is not None and subscription["status"] in TERMINAL
    tries = invoice["attempt_count"]
    ladder = world.switches.retry_days
    upcoming = None if ended or tries >= len(ladder) else world.now(invoice) + ladder[tries] * DAY
    invoice["next_payment_attempt"] = upcoming
    result = attempt(world, invoice, automatic=True)
    if result == "processing":
        invoice["next_payment_attempt"] = None
    elif result == "no_method" and not world.switches.retries_without_method:
        # it waits for somebody to pay it
        invoice["next_payment_attempt"] = None
    elif result != "paid" and upcoming is None and subscription is not None and not ended:
        invoice["auto_advance"] = False
        give_up(world, subscription)


def give_up(world: World, subscription: Json) -> None:
    """The last try failed: cancel, unpaid, or past_due for good (Dashboard setting)."""
    setting = world.switches.when_retries_end
    if setting == "cancel":
        end_now(world, subscription, reason="payment_failed")
    elif setting == "unpaid":
        with world.changing(subscription, "customer.subscription.updated"):
            subscription["status"] = "unpaid"
