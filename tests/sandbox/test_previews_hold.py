"""What a preview says is what is charged, line by line, over random changes.

Each case is a number: it seeds a subscription (prices, several items, discount, tax, balance,
billing mode), a moment in its period, and a change of it. 100 run always, 2,000 with SOAK=1.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
import responses
import stripe

from sandbox import Sandbox, Switches, mount

from .conftest import DAY, START, Stage

SOAK = bool(os.environ.get("SOAK"))
CASES = 2_000 if SOAK else 100
IN_EACH = 20  # cases to one test, so that they spread over processes


class Case:
    """One subscription, one change of it, both drawn from a number."""

    def __init__(self, number: int, mock: responses.RequestsMock) -> None:
        self.draw = random.Random(number)
        half = self.draw.choice(("away_from_zero", "to_even"))
        rounding = self.draw.choice(("line", "invoice"))
        box = Sandbox(START, switches=Switches(half_cent=half, tax_rounding=rounding))  # type: ignore[arg-type]
        mount(box, mock)
        self.stage = Stage(box, stripe.StripeClient("sk_test_123"))
        self.customer = self.stage.customer()
        self.reductions = self._reductions()
        self.prices = [
            self.stage.price(self.draw.randrange(0, 9_000), self.draw.choice(("month", "year")))
            for _ in range(4)
        ]
        self.sub = self._start()
        self.stage.box.advance(seconds=self.draw.randrange(0, 28 * DAY))
        if self.draw.random() < 0.4:
            self._balance()

    def _reductions(self) -> Any:
        api, found = self.stage.api, {}
        if self.draw.random() < 0.5:
            shape: Any = self.draw.choice(
                (
                    {"percent_off": self.draw.choice((10, 33, 12.5))},
                    {"amount_off": self.draw.randrange(1, 3_000), "currency": "usd"},
                )
            )
            duration = self.draw.choice(("forever", "once"))
            coupon = api.coupons.create({**shape, "duration": duration}).id
            found["discounts"] = [{"coupon": coupon}]
        if self.draw.random() < 0.5:
            percentage = self.draw.choice((7, 19, 8.875))
            inclusive = self.draw.random() < 0.5
            rate: Any = {"display_name": "VAT", "percentage": percentage, "inclusive": inclusive}
            found["default_tax_rates"] = [api.tax_rates.create(rate).id]
        return found

    def _start(self) -> Any:
        chosen = self.draw.sample(self.prices[:3], self.draw.choice((1, 1, 2)))
        mode: Any = {"type": self.draw.choice(("flexible", "flexible", "classic"))}
        items = [{"price": price, "quantity": self.draw.randrange(1, 5)} for price in chosen]
        wanted: Any = {"customer": self.customer, "items": items, "billing_mode": mode}
        return self.stage.api.subscriptions.create({**wanted, **self.reductions})

    def _balance(self) -> None:
        amount = self.draw.randrange(-4_000, 2_000)
        self.stage.api.customers.balance_transactions.create(
            self.customer, {"amount": amount, "currency": "usd"}
        )

    def change(self) -> Any:
        """Price, quantity, an item more or less, the cycle restarted or not."""
        items = self.sub["items"]["data"]
        entry: Any = {"id": self.draw.choice(items)["id"]}
        kind = self.draw.choice(("price", "price", "quantity", "add", "remove"))
        taken = {item["price"]["id"] for item in items}
        free = [price for price in self.prices if price not in taken]
        if kind == "price":
            entry["price"] = self.draw.choice(free)
        elif kind == "quantity":
            entry["quantity"] = self.draw.randrange(0, 9)
        elif kind == "remove" and len(items) > 1:
            entry["deleted"] = True
        else:
            entry = {"price": self.draw.choice(free), "quantity": self.draw.randrange(1, 4)}
        wanted: Any = {
            "items": [entry],
            "proration_behavior": self.draw.choice(
                ("always_invoice", "always_invoice", "create_prorations", "none")
            ),
        }
        if self.draw.random() < 0.3:
            wanted["billing_cycle_anchor"] = {"type": "now"}
        if self.draw.random() < 0.5:
            wanted["proration_date"] = self.stage.box.now()
        return wanted


SUMS = (
    "amount_due",
    "ending_balance",
    "starting_balance",
    "subtotal",
    "subtotal_excluding_tax",
    "total",
    "total_discount_amounts",
    "total_excluding_tax",
    "total_taxes",
)


def lines_of(invoice: Any) -> list[Any]:
    """What a person compares: everything but the ids that exist only once something happened."""
    shown = []
    for line in invoice.to_dict()["lines"]["data"]:
        details = line["parent"][line["parent"]["type"]]
        names = ("amount", "description", "period", "pricing", "quantity", "discountable")
        same = {name: line[name] for name in names}
        cuts = [cut["amount"] for cut in line["discount_amounts"]]
        taxes = [(tax["amount"], tax["taxable_amount"]) for tax in line["taxes"]]
        shown.append((same, cuts, taxes, details["proration"]))
    return shown


def check(number: int, mock: responses.RequestsMock) -> bool:
    """Previews and carries out one change; whether it was invoiced at once."""
    case = Case(number, mock)
    stage, sub = case.stage, case.sub
    change = case.change()
    before = len(stage.events())
    preview = stage.api.invoices.create_preview(
        {"subscription": sub["id"], "subscription_details": change}
    )
    assert len(stage.events()) == before, "a preview leaves nothing behind"
    changed = stage.api.subscriptions.update(sub["id"], change)
    at_once = changed["latest_invoice"] != sub["latest_invoice"]
    if not at_once:
        # what was shown is the next invoice then: the renewal, with what is pending by then
        ends = [item["current_period_end"] for item in changed["items"]["data"]]
        stage.box.advance(to=min(ends) + 3_600)
    charged = stage.latest(sub["id"])
    assert lines_of(charged) == lines_of(preview)
    for name in SUMS:
        assert charged.to_dict()[name] == preview.to_dict()[name], name
    assert charged["status"] == "paid"
    return at_once


@pytest.mark.parametrize("first", range(0, CASES, IN_EACH))
def test_what_is_shown_is_what_is_charged(first: int) -> None:
    kinds = set()
    for number in range(first, first + IN_EACH):
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            try:
                kinds.add(check(number, mock))
            except Exception as error:
                error.add_note(f"case {number}")
                raise
    assert kinds == {True, False}
