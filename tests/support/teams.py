"""An account on the catalogue ``choose-when``, whose team plans are ordered and refused.

Growth 5k is 159.00 a month, Starter 2k 45.00, Scale 10k 449.00.
"""

from __future__ import annotations

from typing import Any

from tests.support.world import World

TEAM, STUDIO = "virtual-team", "content-studio"
GROWTH, STARTER, SCALE = ("growth", "5k"), ("starter", "2k"), ("scale", "10k")


def order(w: World, when: str, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    answer = w.execute("acme", w.quote("acme", plan, tier, family=TEAM, **more), when=when)
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json


def asked(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    """The answer to asking for a quote, whatever it is."""
    body = {"family": TEAM, "plan": plan, "tier": tier, "interval": "month", **more}
    return w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})


def refused(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    answer = asked(w, plan, tier, **more)
    assert answer.status_code in (404, 409, 422), answer.json
    return answer.json


def price_of(w: World, plan: str, tier: str, interval: str = "month") -> str:
    named = {"planshift_family": TEAM, "planshift_plan": plan, "planshift_tier": tier}
    for price in w.box.world.store.scan("price"):
        mine = named.items() <= price["metadata"].items() and price["active"]
        if mine and (price["currency"], price["recurring"]["interval"]) == ("usd", interval):
            return str(price["id"])
    raise AssertionError(f"no price for {plan} {tier}")


def subscribe(w: World, plan: str, tier: str, **more: Any) -> Any:
    """Somebody makes a subscription at Stripe."""
    made = w.stripe(
        "POST",
        "/v1/subscriptions",
        **{
            "customer": w.state("acme")["customer"],
            "items[0][price]": price_of(w, plan, tier),
            **more,
        },
    )
    w.settle()
    return made


def newest(w: World) -> tuple[str, int, int]:
    """Of the newest invoice: status, total, and what the card was charged."""
    found = w.invoices("acme")[0]
    return found["status"], found["total"], found["amount_paid"]
