"""An account on the catalogue ``contacts``, and its orders of several lines.

Accounts begin on 10 January 2026 at 09:00; January and the period have 31 days.
"""

from __future__ import annotations

from typing import Any

from tests.support.world import World

EMAIL, BOTS = "email", "chatbots"
END = "2026-02-10T09:00:00+00:00"


def wants(family: str, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    interval = {"interval": "month"} if tier else {}
    return {"family": family, "plan": plan, "tier": tier, **interval, **more}


def quoted(w: World, *changes: Any) -> Any:
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": list(changes)})
    assert answer.status_code == 201, answer.json
    return answer.json


def ordered(w: World, *changes: Any, status: int = 201, **more: Any) -> Any:
    answer = w.execute("acme", quoted(w, *changes), **more)
    assert answer.status_code == status, answer.json
    w.settle()
    return w.get(f"/v1/plan-changes/{answer.json['id']}")


def begins(w: World, *changes: Any) -> str:
    """An account takes up its first plans, all in one order; its customer's id."""
    customer = w.account("acme")
    ordered(w, *changes)
    return customer


def lines_of(w: World, change: Any) -> dict[str, Any]:
    found = w.get(f"/v1/plan-changes/{change['id']}")["lines"]
    return {line["family"]: line for line in found}


def states(w: World, change: Any) -> list[str]:
    return [line["state"] for line in lines_of(w, change).values()]


def plans(w: World) -> list[Any]:
    return [w.plan("acme", EMAIL), w.plan("acme", BOTS)]


def amounts(timing: Any) -> list[int]:
    return [line["amount"] for line in timing["lines"]]


def due(quote: Any, when: str) -> tuple[int, int]:
    """What is due now, and what the customer's balance is credited with."""
    timing = quote["timings"][when]
    return timing["due_now"]["amount"], timing["credited_to_balance"]["amount"]


def letters(w: World, word: str) -> list[str]:
    return [subject for subject in w.mail.subjects() if word in subject]


def declines_on_the_day(w: World, customer: str) -> None:
    """The only card left is one that is refused whenever it is charged."""
    good = w.state("acme")["default_payment_method"]
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.stripe("POST", f"/v1/payment_methods/{good}/detach")
    w.settle()
