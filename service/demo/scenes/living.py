"""Living: a renewal that is paid, one that is not, and how that ends well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mappings import Money, Offer

from ..clients import Unexpected
from ..mailbox import text_of
from ..stage import Announcement, Differs, Scene, Stage, named
from .opening import CARD

FAILING_CARD = "pm_card_chargeCustomerFail"
# Longer than the hour for which Stripe keeps a renewal's invoice as a draft.
AFTER = timedelta(hours=2)


def _held(stage: Stage) -> Offer:
    assert stage.held is not None, "these scenes come after a purchase"
    return stage.held


def _price(stage: Stage) -> Money:
    return stage.cast.catalogue.price_of(_held(stage))


def _announce_month(stage: Stage) -> Announcement:
    return Announcement(
        f"The period ends, and Stripe renews {stage.cast.name(_held(stage))}.",
        f"{_price(stage)} paid, {stage.cast.short_name(_held(stage))} active",
    )


def _month(stage: Stage) -> str:
    end, price = stage.period_end(), _price(stage)
    stage.sleep_until(end + AFTER)
    renewal = _latest(stage)
    told = (renewal["status"], renewal["billing_reason"], renewal["amount_paid"])
    wanted = ("paid", "subscription_cycle", price.amount)
    stage.expect(f"renewal {renewal['number']} is paid: {price}", told, wanted)
    mirrored = {one["id"]: one["status"] for one in _known_invoices(stage)}
    stage.expect("the service knows it", mirrored.get(renewal["id"]), "paid")
    after = stage.period_end()
    stage.expect(f"the new period runs until {after:%-d %B %Y}", after > end, True)
    stage.expect("the subscription is active", stage.status(), "active")
    return f"{price} paid, active until {after:%-d %b %Y}"


def _announce_failure(stage: Stage) -> Announcement:
    return Announcement(
        "Acme's card is replaced by one that will be declined, and the next month passes.",
        f"past due, {stage.cast.short_name(_held(stage))} kept, e-mail with a link to pay",
    )


def _failure(stage: Stage) -> str:
    stage.use_card(FAILING_CARD, "The customer")
    stage.sleep_until(stage.period_end() + AFTER)
    stage.soon("the subscription is past due", stage.status, "past_due")
    stage.expect("the plan stays in effect meanwhile", stage.in_effect(), named(stage.held))
    letter = stage.letter(says="did not go through")
    link = _open_invoice(stage)["pay_url"]
    stage.expect("it has the link to pay", link is not None and link in text_of(letter), True)
    stage.screen.letter(letter, lines=7)
    stage.no_more_letters()
    return f"past due, {stage.cast.short_name(_held(stage))} kept, e-mail with the link"


def _announce_recovery(stage: Stage) -> Announcement:
    return Announcement(
        "The link in that e-mail is followed, and the invoice paid with a good card.",
        f"{_price(stage)} paid, active again, e-mail",
    )


def _recovery(stage: Stage) -> str:
    invoice, price = _open_invoice(stage), _price(stage)
    method = stage.use_card(CARD, "The customer")
    stage.screen.deed("The customer", f"follows {invoice['pay_url']}")
    stage.screen.quotation("That page is Stripe's; what it does is done here: pay that invoice.")
    paid = _pay(stage, invoice["id"], method)
    told = (paid["status"], paid["amount_paid"])
    stage.expect(f"invoice {paid['number']} is paid: {price}", told, ("paid", price.amount))
    stage.soon("the subscription is active again", stage.status, "active")
    stage.letter(says="open payment is settled")
    return f"{price} paid, active, e-mail"


def _pay(stage: Stage, invoice: str, method: str) -> Any:
    """Pay an invoice; the worker, which hears of the new card too, may have been quicker."""
    path = f"/v1/invoices/{invoice}"
    try:
        return stage.stripe.call("POST", f"{path}/pay", payment_method=method)
    except Unexpected as answered:
        if "already paid" not in str(answered):
            raise
        return stage.stripe.call("GET", path)


def _latest(stage: Stage) -> Any:
    return stage.invoices()[0]


def _known_invoices(stage: Stage) -> Any:
    """The invoices as the service mirrors them, newest first."""
    return stage.planshift.get(f"/v1/accounts/{stage.ref}/invoices")["data"]


def _open_invoice(stage: Stage) -> Any:
    found = next((one for one in _known_invoices(stage) if one["status"] == "open"), None)
    if found is None:
        raise Differs("there is no open invoice to pay")
    return found


MONTH = Scene("A month passes", _announce_month, _month)
FAILURE = Scene("A card fails", _announce_failure, _failure)
RECOVERY = Scene("The customer pays", _announce_recovery, _recovery)
