"""Scheduling: a smaller plan for the next cycle, another in its place, taken back, and begun."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mappings import Offer

from ..stage import Announcement, Scene, Stage, named
from .living import AFTER


def _other(stage: Stage) -> Offer:
    assert stage.cast.other is not None, "the programme has this scene only with a third plan"
    return stage.cast.other


def _announce_schedule(stage: Stage) -> Announcement:
    small = stage.cast.small
    return Announcement(
        f"Acme wants {stage.cast.name(small)} from the next cycle on. The quote says what that "
        "costs then; until then everything stays as it is paid for.",
        f"{stage.cast.short_name(small)} scheduled, nothing due, e-mail",
    )


def _schedule(stage: Stage) -> str:
    begins = _order(stage, stage.cast.small)
    return f"{stage.cast.short_name(stage.cast.small)} from {begins}, nothing due, e-mail"


def _announce_replace(stage: Stage) -> Announcement:
    other = stage.cast.name(_other(stage))
    return Announcement(
        f"On second thoughts it should be {other}. A scheduled change is replaced by ordering "
        "another.",
        f"{stage.cast.short_name(_other(stage))} in its place, e-mail",
    )


def _replace(stage: Stage) -> str:
    before = stage.scheduled
    begins = _order(stage, _other(stage))
    stage.expect("the change before it is replaced", _state(stage, before), "superseded")
    return f"{stage.cast.short_name(_other(stage))} from {begins} in its place, e-mail"


def _announce_take_back(_stage: Stage) -> Announcement:
    return Announcement(
        "Acme takes the scheduled change back.",
        "nothing scheduled, Stripe's schedule released, e-mail",
    )


def _take_back(stage: Stage) -> str:
    path = f"/v1/plan-changes/{stage.scheduled['id']}/cancel"
    answer = stage.planshift.post(path, {})
    stage.expect("the change is cancelled", answer["lines"][0]["state"], "cancelled")
    stage.expect("no schedule is left at Stripe", _phases(stage), 0)
    stage.letter(says="is cancelled")
    return "nothing scheduled, schedule released, e-mail"


def _announce_begin(stage: Stage) -> Announcement:
    small, price = stage.cast.small, stage.cast.catalogue.price_of(stage.cast.small)
    return Announcement(
        f"In the end it is {stage.cast.name(small)}, and this time the period runs out.",
        f"{price} paid, {stage.cast.short_name(small)} active, e-mail",
    )


def _begin(stage: Stage) -> str:
    small = stage.cast.small
    _order(stage, small)
    stage.sleep_until(stage.period_end() + AFTER)
    stage.expect("the change is carried out", _state(stage, stage.scheduled), "applied")
    stage.held = small
    name, price = stage.cast.short_name(small), stage.cast.catalogue.price_of(small)
    stage.expect(f"{name} is in effect", stage.in_effect(), named(small))
    invoice = stage.invoices()[0]
    paid = (invoice["status"], invoice["amount_paid"])
    stage.expect(f"invoice {invoice['number']} is paid: {price}", paid, ("paid", price.amount))
    stage.soon("the schedule is done with", lambda: _phases(stage), 0)
    stage.letter(says=f"now on {stage.cast.name(small)}")
    stage.no_more_letters()
    return f"{price} paid, {name} active, e-mail"


def _order(stage: Stage, offer: Offer) -> str:
    """Order ``offer`` for the period's end; gives the day on which it begins."""
    quote = stage.quote_for(offer)
    later, price = quote["timings"]["period_end"], stage.cast.catalogue.price_of(offer)
    begins = f"{datetime.fromisoformat(later['effective_at']):%-d %B %Y}"
    stage.expect("nothing is due now", later["due_now"]["amount"], 0)
    first = later["next_invoice"]["total"]["amount"]
    stage.expect(f"the first invoice, on {begins}, is over {price}", first, price.amount)
    stage.scheduled = stage.order(quote, when="period_end")
    stage.expect("the change is scheduled", _state(stage, stage.scheduled), "scheduled")
    stage.expect("Stripe has a schedule with what runs and what follows", _phases(stage), 2)
    stage.expect("the plan in effect has not changed", stage.in_effect(), named(stage.held))
    stage.letter(says=f"change to {stage.cast.name(offer)} is scheduled")
    return begins


def _state(stage: Stage, change: Any) -> str:
    state: str = stage.planshift.get(f"/v1/plan-changes/{change['id']}")["lines"][0]["state"]
    return state


def _phases(stage: Stage) -> int:
    """How many phases the subscription's schedule has at Stripe; 0 without one."""
    (sub,) = stage.stripe.call("GET", "/v1/subscriptions", customer=stage.customer)["data"]
    if sub["schedule"] is None:
        return 0
    found = stage.stripe.call("GET", f"/v1/subscription_schedules/{sub['schedule']}")
    return sum(phase["end_date"] > stage.now_at_stripe().timestamp() for phase in found["phases"])


SCHEDULE = Scene("A change for the next cycle", _announce_schedule, _schedule)
REPLACE = Scene("Another in its place", _announce_replace, _replace)
TAKE_BACK = Scene("Not after all", _announce_take_back, _take_back)
BEGIN = Scene("The next cycle begins", _announce_begin, _begin)
