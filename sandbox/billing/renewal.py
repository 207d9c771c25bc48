"""What a subscription does by itself as time passes: renew, end, expire, announce (§3.6, §4)."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.rendering import changes
from ..kernel.world import World
from .ending import TERMINAL, end_now, expire_incomplete
from .invoicing import Plan, Previewed, draft_invoice
from .items import cut_period, period_end
from .lines import line_for_period
from .methods import chargeable
from .pending_updates import discard_pending

DAY = 86_400
NOTICE = 3 * DAY  # trial_will_end comes three days before (§4)
RUNNING = ("active", "trialing", "past_due", "unpaid")


class Subscriptions:
    """The agenda of subscriptions."""

    def due(self, world: World, body: Json) -> int | None:
        """The next moment at which this subscription acts, whatever it then does."""
        if body["status"] in TERMINAL or body["_busy"]:
            return None
        moments = [moment for moment, _ in _plans(world, body)]
        return min(moments) if moments else None

    def act(self, world: World, body: Json) -> None:
        """Does the first thing that is due; the rest has its own entry in the agenda."""
        now = world.now(body)
        for moment, name in _plans(world, body):
            if moment <= now:
                ACTIONS[name](world, body)
                return


def _plans(world: World, body: Json) -> list[tuple[int, str]]:
    """What lies ahead, the order of the list deciding between things due at the same moment:
    an end comes before a renewal, a pending update's expiry before both."""
    plans: list[tuple[int, str]] = []
    if body["status"] == "incomplete":
        return [(body["created"] + world.switches.incomplete_seconds, "expire_incomplete")]
    if body["pending_update"]:
        plans.append((body["pending_update"]["expires_at"], "expire_pending"))
    if body["cancel_at"]:
        plans.append((body["cancel_at"], "end"))
    if body["status"] not in RUNNING:
        return plans
    end = period_end(body)
    if body["status"] == "trialing" and body["_noticed"] < body["trial_end"] - NOTICE:
        plans.append((max(body["trial_end"] - NOTICE, body["trial_start"]), "trial_will_end"))
    days = world.switches.upcoming_days
    ends_first = body["cancel_at"] is not None and body["cancel_at"] <= end
    if days is not None and body["collection_method"] == "charge_automatically":
        notice = end - days * DAY
        fresh = body.get("_announced", 0) < end
        if fresh and notice >= body["start_date"] and not ends_first:
            plans.append((notice, "upcoming"))
    plans.append((end, "renew"))
    return plans


def _end(world: World, body: Json) -> None:
    """A scheduled end. What is paid beyond it, by a longer item or in mid-period, is credited
    (§3.8), and all that is pending is billed once more."""
    reason = body["cancellation_details"]["reason"] or "cancellation_requested"
    end_now(world, body, reason=reason, prorate=True, natural=True)


def _trial_will_end(world: World, body: Json) -> None:
    body["_noticed"] = body["trial_end"]
    world.emit("customer.subscription.trial_will_end", body)


def _upcoming(world: World, body: Json) -> None:
    """invoice.upcoming, days ahead; its object has no id (§3.6)."""
    end = period_end(body)
    body["_announced"] = end
    invoice = preview_renewal(world, body, end)
    if invoice is not None:
        shown = {key: value for key, value in invoice.items() if key != "id"}
        world.emit("invoice.upcoming", {**shown, "billing_reason": "upcoming"})


def renew(world: World, body: Json) -> None:
    """The period ends: the new one begins at once, its invoice is a draft for about an hour."""
    now = world.now(body)
    if body["status"] == "trialing" and not _may_leave_trial(world, body):
        end_now(world, body, reason="cancellation_requested")
        return
    customer = world.store.get("customer", body["customer"])
    before = world.render(body)

    def announce() -> None:
        world.emit("customer.subscription.updated", body, changes(before, world.render(body)))

    with world.led_by(announce):
        if body["status"] == "trialing":
            body["status"] = "active"
        due = [item for item in body["items"] if item["current_period_end"] <= now]
        for item in due:
            cut_period(world, body, item, now)
            item["_debits"] = [debit for debit in item["_debits"] if debit["end"] > now]
        charges = [
            lambda invoice, item=item: line_for_period(world, invoice, body, item) for item in due
        ]
        # while unpaid, invoices go on but stay drafts and are not attempted (§3.6)
        collects = body["status"] != "unpaid"
        period = {"period_start": min(b["start"] for b in _periods(before, due)), "period_end": now}
        plan = Plan("subscription_cycle", charges, auto_advance=collects, settings=period)
        invoice = draft_invoice(world, customer, body, plan)
        if collects:
            invoice["automatically_finalizes_at"] = now + world.switches.draft_seconds


def _periods(before: Json, items: list[Json]) -> list[Json]:
    named = {item["id"] for item in items}
    return [
        {"start": item["current_period_start"]}
        for item in before["items"]["data"]
        if item["id"] in named
    ]


def _may_leave_trial(world: World, body: Json) -> bool:
    """Without a payment method a trial may be told to cancel instead (Stripe docs: trials)."""
    rule = body["trial_settings"]["end_behavior"]["missing_payment_method"]
    probe = {
        "customer": body["customer"],
        "default_payment_method": None,
        "_subscription": body["id"],
    }
    return rule == "create_invoice" or chargeable(world, probe) is not None


def preview_renewal(world: World, body: Json, moment: int) -> Json | None:
    """The invoice that renewing at `moment` would draft; nothing of it stays."""
    was = world.rehearsing
    with world.store.rehearsal(), world.at(world.clock_of(body), moment):
        world.rehearsing = True
        try:
            renew(world, body)
        except Previewed as caught:
            return caught.invoice
        finally:
            world.rehearsing = was
    return None


ACTIONS = {
    "expire_incomplete": expire_incomplete,
    "expire_pending": discard_pending,
    "end": _end,
    "trial_will_end": _trial_will_end,
    "upcoming": _upcoming,
    "renew": renew,
}
