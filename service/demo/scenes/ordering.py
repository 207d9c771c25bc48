"""Orders: two product lines in one payment, and a smaller plan without a card to charge."""

from __future__ import annotations

from typing import Any

from mappings import Money, Offer

from ..stage import Announcement, Scene, Stage, named
from .opening import CARD


def _beside(stage: Stage) -> Offer:
    assert stage.cast.beside is not None, "the programme has these scenes only with another family"
    return stage.cast.beside


def _price(stage: Stage, *offers: Offer) -> Money:
    prices = [stage.cast.catalogue.price_of(offer) for offer in offers]
    return Money(sum(price.amount for price in prices), prices[0].currency)


def _announce_together(stage: Stage) -> Announcement:
    large, beside = stage.cast.name(stage.large), stage.cast.name(_beside(stage))
    total = _price(stage, stage.large, _beside(stage))
    return Announcement(
        f"Acme comes back for {large}, and for {beside} of {stage.cast.family_of(_beside(stage))} "
        "with it: one order.",
        f"{total} in one payment, both active",
    )


def _together(stage: Stage) -> str:
    large, beside = stage.large, _beside(stage)
    total = _price(stage, large, beside)
    quote = stage.quote_for(large, beside)
    due = quote["timings"]["now"]["due_now"]["amount"]
    stage.expect(f"{total} is due now for both", due, total.amount)
    change = stage.order(quote)
    stage.expect("each line has its state", _states(change), ["applied", "applied"])
    stage.held = large
    paid = stage.invoices()[0]
    stage.expect(f"one invoice over {total} is paid", paid["amount_paid"], total.amount)
    stage.letter(says=f"now on {stage.cast.name(large)}")
    stage.letter(says=f"now on {stage.cast.name(beside)}")
    return f"{total} in one payment, both active"


def _announce_at_a_page(stage: Stage) -> Announcement:
    small = stage.cast.small
    return Announcement(
        f"Acme's card is taken off the account, and {stage.cast.name(small)} is enough now. Nobody "
        "could be charged on the day, so it is paid at a page, whole; what is left of the larger "
        "plan becomes balance.",
        f"{_price(stage, small)} paid at a page, the rest on the balance",
    )


def _at_a_page(stage: Stage) -> str:
    small = stage.cast.small
    _take_cards_off(stage)
    quote = stage.quote_for(small)
    told = quote["timings"]["now"]
    price = _price(stage, small)
    stage.expect(f"{price} is due, whole", told["due_now"]["amount"], price.amount)
    line = stage.order(quote)["lines"][0]
    stage.expect("the order waits for the page", line["state"], "awaiting_payment")
    stage.letter(says=stage.cast.name(small))
    stage.screen.deed("The customer", f"follows {line['payment_url']}")
    went = stage.stripe.visit(line["payment_url"], card=CARD)
    stage.expect("the page is completed", went, 303)
    stage.soon(f"{stage.cast.short_name(small)} is in effect", stage.in_effect, named(small))
    stage.held = small
    rest = _rest(stage)
    claim = f"{Money(rest, price.currency)} of the larger plan is on the balance, to a cent"
    stage.expect(claim, abs(rest - told["credited_to_balance"]["amount"]) <= 1, True)
    stage.letter(says=f"now on {stage.cast.name(small)}")
    stage.no_more_letters()
    return f"{price} paid at a page, {Money(rest, price.currency)} on the balance"


def _take_cards_off(stage: Stage) -> None:
    path = f"/v1/customers/{stage.customer}/payment_methods"
    for method in stage.stripe.call("GET", path)["data"]:
        stage.stripe.call("POST", f"/v1/payment_methods/{method['id']}/detach")
    stage.screen.deed("Acme", "takes its card off the account")
    look = "the service heard of it by webhook"
    stage.soon(look, lambda: stage.state()["default_payment_method"], None)


def _rest(stage: Stage) -> int:
    """What is on the balance once the credit has got there."""
    stage.soon("the balance holds credit", lambda: stage.state()["balance"]["amount"] < 0, True)
    return -int(stage.state()["balance"]["amount"])


def _states(change: Any) -> list[str]:
    return [line["state"] for line in change["lines"]]


TOGETHER = Scene("Two product lines, one order", _announce_together, _together)
AT_A_PAGE = Scene("Smaller, and no card", _announce_at_a_page, _at_a_page)
