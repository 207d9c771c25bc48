"""What a subscription does by itself as time passes: renew, end, expire, announce (§3.6, §4)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import chain

from ..kernel.errors import Json
from ..kernel.rendering import changes
from ..kernel.world import World
from .course import set_course
from .discounts import end_discounts, next_end
from .ending import TERMINAL, end_now, expire_incomplete
from .invoicing import Plan, draft_invoice
from .items import cut_period, period_end, price_of
from .lines import line_for_period
from .lookahead import next_invoice
from .metering import bills_ahead, line_for_usage
from .methods import chargeable
from .pausing import lapse_resumption, pause_after_trial
from .pending_updates import discard_pending
from .phases import boundary_of
from .pricing import is_metered

DAY = 86_400
NOTICE = 3 * DAY  # trial_will_end comes three days before (§4)
RUNNING = ("active", "trialing", "past_due", "unpaid")
UPDATED = "customer.subscription.updated"


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
    an end comes before a renewal, a pending update's expiry before both. Where a schedule's phase
    ends, the schedule acts instead (§3.7)."""
    plans: list[tuple[int, str]] = []
    if body["status"] == "incomplete":
        return [(body["created"] + world.switches.incomplete_seconds, "expire_incomplete")]
    if body["pending_update"]:
        plans.append((body["pending_update"]["expires_at"], "expire_pending"))
    edge = boundary_of(world, body)
    if body["cancel_at"] and (edge is None or body["cancel_at"] < edge):
        plans.append((body["cancel_at"], "end"))
    if body.get("_resuming"):
        plans.append((body["_resuming"]["until"], "lapse"))
    if body["status"] not in RUNNING:
        return plans
    pause = body["pause_collection"]
    if pause and pause["resumes_at"]:
        plans.append((pause["resumes_at"], "collect_again"))
    ends = next_end(world, body)
    if ends is not None:
        plans.append((ends, "end_discounts"))
    plans += _notices(world, body)
    if edge is None or period_end(body) < edge:
        plans.append((period_end(body), "renew"))
    return plans


def _notices(world: World, body: Json) -> list[tuple[int, str]]:
    plans = []
    end = period_end(body)
    if body["status"] == "trialing" and body["_noticed"] < body["trial_end"] - NOTICE:
        plans.append((max(body["trial_end"] - NOTICE, body["trial_start"]), "trial_will_end"))
    days = world.switches.upcoming_days
    ends_first = body["cancel_at"] is not None and body["cancel_at"] <= end
    collects = body["collection_method"] == "charge_automatically" and not body["pause_collection"]
    if days is not None and collects:
        notice = end - days * DAY
        fresh = body.get("_announced", 0) < end
        if fresh and notice >= body["start_date"] and not ends_first:
            plans.append((notice, "upcoming"))
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
    body["_announced"] = period_end(body)
    if world.rehearsing:
        return
    invoice = next_invoice(world, body)
    if invoice is not None:
        shown = {key: value for key, value in invoice.items() if key != "id"}
        world.emit("invoice.upcoming", {**shown, "billing_reason": "upcoming"})


def _collect_again(world: World, body: Json) -> None:
    """`resumes_at` has come: collection goes on by itself (Stripe docs: pause payment)."""
    with world.changing(body, UPDATED):
        body["pause_collection"] = None


def _end_discounts(world: World, body: Json) -> None:
    with world.changing(body, UPDATED):
        end_discounts(world, body)


def renew(world: World, body: Json) -> None:
    """The period ends: the new one begins at once, its invoice is a draft for about an hour."""
    now = world.now(body)
    if body["status"] == "trialing" and not _may_leave_trial(world, body):
        if _trial_rule(body)["missing_payment_method"] == "pause":
            pause_after_trial(world, body)
        else:
            end_now(world, body, reason="cancellation_requested")
        return
    customer = world.store.get("customer", body["customer"])
    before = world.render(body)

    def announce() -> None:
        world.emit(UPDATED, body, changes(before, world.render(body)))

    with world.led_by(announce):
        kept_anchor = body["status"] == "trialing" and (
            _trial_rule(body).get("billing_cycle_anchor") == "unchanged"
        )
        if body["status"] == "trialing":
            body["status"] = "active"
        due = [item for item in body["items"] if item["current_period_end"] <= now]
        shares: dict[str, Fraction | None] = {}
        ended = _usage_of_old_periods(world, body, due, now)
        for item in due:
            cut_period(world, body, item, now)
            shares[item["id"]] = _shortened(item, now) if kept_anchor else None
            item["_debits"] = [debit for debit in item["_debits"] if debit["end"] > now]
        charges = [
            lambda invoice, item=item: line_for_period(
                world, invoice, body, item, share=shares[item["id"]]
            )
            for item in due
            if bills_ahead(world, body, item)
        ]
        period = {"period_start": min(b["start"] for b in _periods(before, due)), "period_end": now}
        plan = Plan("subscription_cycle", chain(ended, charges), settings=period)
        set_course(world, body, draft_invoice(world, customer, body, plan))


def _usage_of_old_periods(
    world: World, body: Json, due: list[Json], now: int
) -> list[Callable[[Json], Json]]:
    """Lines for what metered items have used in the period that ends; usage of a trial is free."""
    charges: list[Callable[[Json], Json]] = []
    for item in due:
        if is_metered(price_of(world, item)) and (body["trial_end"] or 0) < now:
            period = (int(item["current_period_start"]), int(item["current_period_end"]))
            charges.append(partial(_line_for_usage, world, body, dict(item), period))
    return charges


def _line_for_usage(
    world: World, body: Json, item: Json, period: tuple[int, int], invoice: Json
) -> Json:
    return line_for_usage(world, invoice, body, item, period)


def _shortened(item: Json, now: int) -> Fraction | None:
    """After a trial on an old anchor the first paid period is shorter (API 2026-09-30.endive)."""
    start, end = item["current_period_start"], item["current_period_end"]
    if start == now:
        return None
    item["current_period_start"] = now
    return Fraction(end - now, end - start)


def _periods(before: Json, items: list[Json]) -> list[Json]:
    named = {item["id"] for item in items}
    return [
        {"start": item["current_period_start"]}
        for item in before["items"]["data"]
        if item["id"] in named
    ]


def _trial_rule(body: Json) -> Json:
    return dict(body["trial_settings"]["end_behavior"])


def _may_leave_trial(world: World, body: Json) -> bool:
    """Without a payment method a trial may be told to cancel or pause (Stripe docs: trials)."""
    probe = {
        "customer": body["customer"],
        "default_payment_method": None,
        "_subscription": body["id"],
    }
    rule = _trial_rule(body)["missing_payment_method"]
    return rule == "create_invoice" or chargeable(world, probe) is not None


ACTIONS = {
    "expire_incomplete": expire_incomplete,
    "expire_pending": discard_pending,
    "end": _end,
    "lapse": lapse_resumption,
    "collect_again": _collect_again,
    "end_discounts": _end_discounts,
    "trial_will_end": _trial_will_end,
    "upcoming": _upcoming,
    "renew": renew,
}
