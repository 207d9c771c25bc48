"""Opening: the catalogue comes to Stripe, an account begins, and buys its first plan."""

from __future__ import annotations

import re
import time

from ..stage import Announcement, Scene, Stage, named

DONE = re.compile(r"\[\s*(\d+)/(\d+)\]")
CARD = "pm_card_visa"


def _announce_sync(stage: Stage) -> Announcement:
    products, prices = _wanted(stage)
    return Announcement(
        "Stripe is empty. Every plan becomes a product there, every offer a price; a second run "
        "finds nothing left to do.",
        f"{products} products and {prices} prices, then nothing",
    )


def _sync(stage: Stage) -> str:
    stage.screen.deed("Planshift", "runs 'planshift catalogue sync'")
    start = time.monotonic()
    with stage.screen.progress("Syncing the catalogue") as progress:

        def told(line: str) -> None:
            if found := DONE.match(line):
                progress.tell(f"{found[1]} of {found[2]}")

        stage.stack.command("catalogue", "sync", "--yes", tell=told)
    took = time.monotonic() - start
    products, prices = _wanted(stage)
    stage.expect(f"{products} products at Stripe", _active(stage, "products"), products)
    stage.expect(f"{prices} prices at Stripe, in {took:.1f} s", _active(stage, "prices"), prices)
    before = stage.stripe.state()["counts"]
    stage.stack.command("catalogue", "sync", "--yes")
    # Every write at Stripe leaves an event, so equal counts mean that nothing was written.
    written = stage.stripe.state()["counts"] == before
    stage.expect("the second run wrote nothing", written, True)
    return f"{products} products, {prices} prices in {took:.1f} s, then nothing"


def _wanted(stage: Stage) -> tuple[int, int]:
    """Products and prices that the catalogue calls for."""
    catalogue = stage.cast.catalogue
    offers = list(catalogue.sold_offers())
    paid_back = sum(family.pays_back for family in catalogue.families.values())
    return len({(offer.family, offer.plan) for offer in offers}) + paid_back, len(offers)


def _active(stage: Stage, kind: str) -> int:
    count = 0
    after: dict[str, str] = {}
    while True:
        page = stage.stripe.call("GET", f"/v1/{kind}", active="true", limit=100, **after)
        count += len(page["data"])
        if not page["has_more"]:
            return count
        after = {"starting_after": page["data"][-1]["id"]}


def _announce_account(stage: Stage) -> Announcement:
    return Announcement(
        "Acme appears with its billing contact, under an id of our own.",
        f"a customer at Stripe, {_home(stage)} here",
    )


def _account(stage: Stage) -> str:
    contact = {"email": stage.email, "name": "Acme", "locale": "en"}
    account = stage.planshift.put(f"/v1/accounts/{stage.ref}", contact)
    stage.customer = account["customer"]
    customer = stage.stripe.call("GET", f"/v1/customers/{stage.customer}")
    claim = f"Stripe has customer {stage.customer} with that address"
    stage.expect(claim, customer["email"], stage.email)
    stage.held = stage.cast.catalogue.free_offer(stage.cast.family.id)
    stage.expect(
        f"the account has {_home(stage)}, for which Stripe knows no price",
        stage.in_effect(),
        named(stage.held),
    )
    return f"{stage.customer}, {_home(stage)}"


def _home(stage: Stage) -> str:
    free = stage.cast.catalogue.free_offer(stage.cast.family.id)
    return f"the {stage.cast.catalogue.plan_of(free).name} plan" if free else "no plan"


def _announce_purchase(stage: Stage) -> Announcement:
    small = stage.cast.small
    return Announcement(
        f"Acme subscribes to {stage.cast.name(small)}, paying by card.",
        f"{stage.cast.catalogue.price_of(small)} paid, {stage.cast.short_name(small)} active",
    )


def _purchase(stage: Stage) -> str:
    small = stage.cast.small
    price = stage.cast.catalogue.price_of(small)
    stage.use_card(CARD)
    quote = stage.quote_for(small)
    due = quote["timings"]["now"]["due_now"]
    stage.expect(f"the quote asks for {due['text']}", due["amount"], price.amount)
    change = stage.order(quote)
    stage.expect("the order is carried out", change["lines"][0]["state"], "applied")
    stage.held = small
    name = stage.cast.short_name(small)
    stage.soon(f"{name} is in effect", stage.in_effect, named(small))
    stage.soon("the subscription is active", stage.status, "active")
    (invoice,) = stage.invoices()
    paid = (invoice["status"], invoice["amount_paid"])
    stage.expect(f"invoice {invoice['number']} is paid: {price}", paid, ("paid", price.amount))
    stage.letter(says=name)
    return f"{price} paid, {name} active"


SYNC = Scene("The catalogue comes to Stripe", _announce_sync, _sync)
ACCOUNT = Scene("An account", _announce_account, _account)
PURCHASE = Scene("The first plan, by card", _announce_purchase, _purchase)
