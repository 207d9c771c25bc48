"""Edits that somebody makes in Stripe's dashboard, and what is seen of them here."""

from __future__ import annotations

from mappings import Offer
from tests.support.shops import loaded
from tests.support.sold import Offered, Sold
from tests.support.world import World


def price_of(w: World, sold: Sold, offer: Offered) -> str:
    """The id of the monthly price in US dollars at Stripe."""
    key = loaded(sold.catalogue).lookup_key(Offer(sold.family, *offer, "month", "usd"))
    (found,) = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"]
    return str(found["id"])


def unknown_price(w: World) -> str:
    """A price somebody made by hand, of a product that the catalogue does not know."""
    product = w.stripe("POST", "/v1/products", name="By hand")["id"]
    money = {"currency": "usd", "unit_amount": 777, "recurring[interval]": "month"}
    return str(w.stripe("POST", "/v1/prices", product=product, **money)["id"])


def lines(w: World) -> list[tuple[str | None, str | None, int, bool]]:
    """Of each line: plan, tier, quantity, and whether its price is unknown."""
    (sub,) = w.state("acme")["subscriptions"]
    shown = [
        (line["plan"], line["tier"], line["quantity"], line["unknown_price"] is not None)
        for line in sub["lines"]
    ]
    return sorted(shown, key=lambda line: line[3])


def mails(w: World, words: str) -> int:
    return sum(words in subject for subject in w.mail.subjects())


def refusal(w: World, sold: Sold, offer: Offered) -> tuple[int, str]:
    body = {"family": sold.family, "plan": offer[0], "tier": offer[1], "interval": "month"}
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
    return answer.status_code, answer.json.get("code")
