"""Metering: a plan that is billed by what is used of it, from sign-up to the last bill."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..clients import Unexpected
from ..stack import SALES
from ..stage import Announcement, Differs, Scene, Stage, named
from .opening import CARD

SOON_AFTER = timedelta(hours=1)
# Longer than the hour for which Stripe keeps a period's invoice as a draft.
AFTER = timedelta(hours=2)
BATCHES = (60_000, 25_000, 15_000)
FAR = 4_102_444_800


def _name(stage: Stage) -> str:
    return stage.cast.short_name(stage.cast.small)


def _unit(stage: Stage) -> str:
    return stage.cast.family.unit


def _announce_sign_up(stage: Stage) -> Announcement:
    price = stage.cast.catalogue.unit_price_of(stage.cast.small)
    return Announcement(
        f"Acme asks for {_name(stage)}, at {price}. Nothing is saved to charge, so a page of "
        "Stripe's asks for billing details.",
        f"nothing charged, {_name(stage)} active",
    )


def _sign_up(stage: Stage) -> str:
    small = stage.cast.small
    quote = stage.quote_for(small)
    due = quote["timings"]["now"]["due_now"]
    stage.expect("the quote asks for nothing now", due["amount"], 0)
    line = stage.order(quote)["lines"][0]
    stage.expect("the order waits for the page", line["state"], "awaiting_payment")
    stage.letter(says="Nothing is charged now")
    stage.screen.deed("The customer", f"follows {line['payment_url']}")
    went = stage.stripe.visit(line["payment_url"], card=CARD)
    stage.expect("the page is completed", went, 303)
    stage.soon(f"{_name(stage)} is in effect", stage.in_effect, named(small))
    stage.expect("there is no invoice", stage.invoices(), [])
    stage.letter(says=_name(stage))
    stage.held = small
    return f"nothing charged, {_name(stage)} active"


def _announce_usage(stage: Stage) -> Announcement:
    return Announcement(
        f"An internal service reports {_unit(stage)}, and one of its reports twice.",
        f"Stripe's meter has counted {sum(BATCHES):,}",
    )


def _usage(stage: Stage) -> str:
    _report(stage, *BATCHES)
    _report(stage, *BATCHES[:1])
    claim = f"the meter at Stripe has counted {sum(BATCHES):,} {_unit(stage)}"
    stage.soon(claim, lambda: _counted(stage), sum(BATCHES))
    return f"Stripe's meter has counted {sum(BATCHES):,}"


def _announce_charges(stage: Stage) -> Announcement:
    return Announcement(
        f"{_calculated_on(stage):%-d %B %Y} comes, some days before the bill. Stripe is asked what "
        "the month has come to.",
        "the charges so far, kept and readable",
    )


def _charges(stage: Stage) -> str:
    stage.sleep_until(_calculated_on(stage) + SOON_AFTER)
    # The worker learns what time it is at Stripe from Stripe's answers.
    _report(stage, 1, name="later")
    stage.soon("they are calculated", lambda: _upcoming(stage)["charges"] is not None, True)
    charges = _upcoming(stage)["charges"]
    told = [line["quantity"] for line in charges["lines"]]
    stage.expect(f"Stripe bills {charges['units']:,} so far", told, [charges["units"]])
    stage.soon("the meter has what came later, too", lambda: _counted(stage), sum(BATCHES) + 1)
    return f"{charges['total']['text']} so far for {charges['units']:,} {_unit(stage)}"


def _announce_bill(stage: Stage) -> Announcement:
    return Announcement(
        "The month ends, and Stripe bills what was used in it.",
        f"a paid invoice for {sum(BATCHES) + 1:,} {_unit(stage)}",
    )


def _bill(stage: Stage) -> str:
    stage.sleep_until(stage.period_end() + AFTER)
    invoice = _billed(stage, sum(BATCHES) + 1)
    return f"{_paid(invoice)} paid for {sum(BATCHES) + 1:,} {_unit(stage)}"


def _announce_leaving(stage: Stage) -> Announcement:
    free = stage.cast.catalogue.free_offer(stage.cast.family.id)
    home = stage.cast.catalogue.plan_of(free).name if free else "no plan"
    return Announcement(
        f"Acme uses some more, and then goes to {home}, at once.",
        f"{home} at once, {BATCHES[0]:,} {_unit(stage)} billed, e-mail",
    )


def _leaving(stage: Stage) -> str:
    _report(stage, BATCHES[0], name="last")
    stage.soon("the meter has it", lambda: _counted(stage), sum(BATCHES) + 1 + BATCHES[0])
    quote = stage.quote_for(None)
    now = quote["timings"]["now"]
    stage.expect(f"the quote shows {now['due_now']['text']} so far", now["so_far"], True)
    stage.order(quote)
    stage.held = stage.cast.catalogue.free_offer(stage.cast.family.id)
    stage.expect("the plan is over at once", stage.in_effect(), named(stage.held))
    stage.soon("the last invoice is there", lambda: len(stage.invoices()), 2)
    invoice = _billed(stage, BATCHES[0])
    stage.letter(says="has ended")
    stage.no_more_letters()
    return f"{_paid(invoice)} paid for {BATCHES[0]:,} {_unit(stage)}, e-mail"


def _announce_sales(stage: Stage) -> Announcement:
    return Announcement(
        f"Acme asks for {_for_sales(stage)}, which only people sell.",
        "told to contact sales, and sales is told",
    )


def _sales(stage: Stage) -> str:
    plan = stage.cast.by_sales
    assert plan is not None
    try:
        stage.quote_for(plan)
    except Unexpected as refused:
        stage.expect("the answer is to contact sales", refused.body["code"], "contact_sales")
        stage.screen.quotation(f"{refused.body['detail']} {refused.body['remedy'] or ''}".strip())
    else:
        raise Differs("there is a quote for what only sales can sell")
    fields = {"name": "Ada", "question": "We need single sign-on for 500 people."}
    body = {"family": plan.family, "plan": plan.plan, "fields": fields}
    request = stage.post("/sales-requests", body)
    stage.letter(says=request["id"], to=SALES)
    return "told to contact sales, and sales is told"


def _for_sales(stage: Stage) -> str:
    assert stage.cast.by_sales is not None
    return stage.cast.catalogue.plan_of(stage.cast.by_sales).name


def _report(stage: Stage, *units: int, name: str = "batch") -> None:
    stage.screen.deed("An internal service", f"reports {', '.join(f'{n:,}' for n in units)}")
    family = stage.cast.family.id
    records = [
        {"id": f"{name}-{number}", "family": family, "units": each}
        for number, each in enumerate(units)
    ]
    stage.post("/usage", {"records": records})


def _counted(stage: Stage) -> int:
    """What the meter at Stripe has counted for the customer, ever."""
    usage = stage.cast.catalogue.usage_of(stage.cast.small)
    meters = stage.stripe.call("GET", "/v1/billing/meters", limit=100)["data"]
    (meter,) = (one for one in meters if usage and one["event_name"] == usage.meter)
    path = f"/v1/billing/meters/{meter['id']}/event_summaries"
    window = {"customer": stage.customer, "start_time": 0, "end_time": FAR}
    return sum(
        found["aggregated_value"] for found in stage.stripe.call("GET", path, **window)["data"]
    )


def _upcoming(stage: Stage) -> Any:
    (found,) = stage.state()["upcoming"]
    return found


def _calculated_on(stage: Stage) -> datetime:
    return datetime.fromisoformat(_upcoming(stage)["calculated_on"])


def _billed(stage: Stage, units: int) -> Any:
    """The newest invoice, which has to be for so much, and paid."""
    invoice = stage.invoices()[0]
    told = invoice["status"], [line["quantity"] for line in invoice["lines"]["data"]]
    stage.expect(f"invoice {invoice['number']} is paid: {units:,}", told, ("paid", [units]))
    return invoice


def _paid(invoice: Any) -> str:
    return f"{invoice['amount_paid'] / 100:.2f} {invoice['currency'].upper()}"


SIGN_UP = Scene("A plan billed by usage", _announce_sign_up, _sign_up)
USAGE = Scene("Usage goes to the meter", _announce_usage, _usage)
CHARGES = Scene("What the month has come to", _announce_charges, _charges)
BILL = Scene("The bill", _announce_bill, _bill)
LEAVING = Scene("The plan ends, now", _announce_leaving, _leaving)
SALES_REQUEST = Scene("What only people sell", _announce_sales, _sales)
