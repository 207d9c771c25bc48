"""Nothing appears or vanishes: over a year of anything that may happen, per customer and currency,

    paid + balance used + voided + open and uncollectible remainder + credit notes before payment
        = the totals of all finalized invoices.

The customer's balance is, besides, what its transactions come to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import responses
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import Sandbox, Switches, mount

from .conftest import DAY, START, Stage
from .scheduling import next_phase, resent

SOAK = bool(os.environ.get("SOAK"))
YEAR = 365 * DAY
CARDS = ("pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_threeDSecure2Required")

NAMES = (
    *("balance", "cancel", "cancel_later", "card", "discount", "hold", "note", "pause", "pay"),
    *("quantity", "restart", "schedule", "subscribe", "switch", "void"),
)
moves = st.lists(
    # a move; which or how much; days until the next one
    st.tuples(st.sampled_from(NAMES), st.integers(0, 9), st.integers(1, 60)),
    min_size=4,
    max_size=14,
)


class Story:
    """One customer's year, move by move; what Stripe refuses is refused, and nothing moves."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.box = stage.box
        self.prices = [stage.price(amount) for amount in (1000, 2550, 4999)]
        self.prices += [stage.price(amount, "year") for amount in (9600, 31337)]
        self.coupons = [
            stage.api.coupons.create(params).id  # type: ignore[arg-type]
            for params in (
                {"percent_off": 33, "duration": "once"},
                {"percent_off": 12.5, "duration": "repeating", "duration_in_months": 3},
                {"amount_off": 700, "currency": "usd", "duration": "forever"},
            )
        ]
        self.customer = stage.customer()
        self.done: set[str] = set()
        self.subscribe(seed)

    def subscriptions(self) -> list[Any]:
        bodies = self.box.world.store.scan("subscription")
        return [body for body in bodies if body["ended_at"] is None]

    def play(self, name: str, choice: int) -> None:
        move: Callable[..., None] = getattr(self, name)
        try:
            if name in ("subscribe", "card", "pay", "void", "note", "balance"):
                move(choice)
            else:
                for body in self.subscriptions()[-1:]:
                    move(choice, body)
            self.done.add(name)
        except stripe.StripeError:
            return

    def subscribe(self, choice: int) -> None:
        price = self.prices[choice % len(self.prices)]
        self.stage.subscribe(self.customer, price, trial_period_days=7 if choice == 9 else 0)

    def switch(self, choice: int, body: Any) -> None:
        behavior = ("always_invoice", "create_prorations", "none")[choice % 3]
        self._change(body, choice, proration_behavior=behavior)

    def restart(self, choice: int, body: Any) -> None:
        self._change(
            body,
            choice,
            billing_cycle_anchor={"type": "now"},
            payment_behavior="pending_if_incomplete",
        )

    def _change(self, body: Any, choice: int, **more: Any) -> None:
        price = self.prices[choice % len(self.prices)]
        entry = {"id": body["items"][0]["id"], "price": price}
        self.stage.api.subscriptions.update(body["id"], {"items": [entry], **more})  # type: ignore[typeddict-item]

    def quantity(self, choice: int, body: Any) -> None:
        entry: Any = {"id": body["items"][0]["id"], "quantity": choice}
        change: Any = {"items": [entry], "proration_behavior": "always_invoice"}
        self.stage.api.subscriptions.update(body["id"], change)

    def card(self, choice: int) -> None:
        self.stage.swap_card(self.customer, CARDS[choice % len(CARDS)])

    def schedule(self, choice: int, body: Any) -> None:
        if body["schedule"]:
            self.stage.api.subscription_schedules.release(body["schedule"])
            return
        made = self.stage.api.subscription_schedules.create({"from_subscription": body["id"]})
        price = self.prices[choice % len(self.prices)]
        year = choice % len(self.prices) >= 3
        anchor = "phase_start" if year else "automatic"
        behavior = ("none", "create_prorations", "always_invoice")[choice % 3]
        end = "cancel" if choice > 7 else "release"
        phase = next_phase(price, billing_cycle_anchor=anchor, proration_behavior=behavior)
        phases: Any = [resent(made["phases"][0]), phase]
        self.stage.api.subscription_schedules.update(
            made["id"], {"phases": phases, "end_behavior": end}
        )

    def discount(self, choice: int, body: Any) -> None:
        offer = [{"coupon": self.coupons[choice % 3]}] if choice < 9 else ""
        self.stage.api.subscriptions.update(body["id"], {"discounts": offer})  # type: ignore[typeddict-item]

    def cancel(self, choice: int, body: Any) -> None:
        params: Any = {"invoice_now": choice % 2 == 0, "prorate": choice % 3 == 0}
        self.stage.api.subscriptions.cancel(body["id"], params)

    def cancel_later(self, choice: int, body: Any) -> None:
        self.stage.api.subscriptions.update(body["id"], {"cancel_at_period_end": choice < 7})

    def pause(self, choice: int, body: Any) -> None:
        if body["status"] == "paused":
            behavior: Any = {"payment_behavior": "resume_on_payment_success"}
            self.stage.api.subscriptions.resume(body["id"], behavior if choice % 2 else None)
        else:
            self.stage.api.subscriptions.pause(body["id"])

    def hold(self, choice: int, body: Any) -> None:
        ways = ("void", "mark_uncollectible", "keep_as_draft")
        wanted: Any = "" if body["pause_collection"] else {"behavior": ways[choice % 3]}
        self.stage.api.subscriptions.update(body["id"], {"pause_collection": wanted})

    def _open(self, choice: int) -> Any:
        found = [body for body in self.box.world.store.scan("invoice") if body["status"] == "open"]
        return found[choice % len(found)]["id"] if found else "in_none"

    def pay(self, choice: int) -> None:
        self.stage.api.invoices.pay(self._open(choice), {"paid_out_of_band": choice == 5})

    def void(self, choice: int) -> None:
        what = self.stage.api.invoices
        (what.void_invoice if choice % 2 else what.mark_uncollectible)(self._open(choice))

    def note(self, choice: int) -> None:
        note = self.stage.api.credit_notes.create(
            {"invoice": self._open(choice), "amount": 100 * (choice + 1)}
        )
        if choice % 4 == 0:
            self.stage.api.credit_notes.void_credit_note(note.id)

    def balance(self, choice: int) -> None:
        self.stage.api.customers.balance_transactions.create(
            self.customer, {"amount": 250 * (choice - 6), "currency": "usd"}
        )


def left_and_right(box: Sandbox, customer: str) -> tuple[int, int]:
    """Both sides of the law, from the objects as the API shows them."""
    store = box.world.store
    accounted = total = 0
    for body in store.scan("invoice"):
        if body["customer"] != customer or body["status"] == "draft":
            continue
        total += body["total"]
        moved = body["ending_balance"] - body["starting_balance"]
        kept = box.switches.void_returns_balance
        used = 0 if body["status"] == "void" and kept else moved
        notes = body["pre_payment_credit_notes_amount"]
        accounted += used + notes
        if body["status"] == "void":
            # what was used of the balance has gone back: all of the total but its notes is voided
            accounted += body["total"] - notes if kept else body["amount_remaining"]
        else:
            accounted += body["amount_paid"] + body["amount_remaining"]
    return accounted, total


def check(box: Sandbox, customer: str) -> None:
    left, right = left_and_right(box, customer)
    assert left == right
    store = box.world.store
    entries = store.where("customer_balance_transaction", "customer", customer)
    assert store.get("customer", customer)["balance"] == sum(entry["amount"] for entry in entries)
    for body in store.scan("invoice"):
        assert body["amount_due"] == body["amount_paid"] + body["amount_remaining"] or (
            body["status"] == "paid" and body["amount_remaining"] == 0
        )
    charged = sum(
        charge["amount"]
        for charge in store.scan("charge")
        if charge["customer"] == customer and charge["paid"]
    )
    paid = sum(
        body["amount_paid"] - (body["amount_paid_off_stripe"] or 0)
        for body in store.scan("invoice")
        if body["customer"] == customer
    )
    assert charged == paid


# A year with every kind of move in it, each of which takes hold (found by search, kept as it is).
EVENTFUL = (
    "subscribe4 card6 hold2 pause5 schedule1 cancel5 pay6 subscribe2 card5 discount3 void4 pay5 "
    "switch4 restart2 note0 discount7 quantity0 cancel_later2 balance1 subscribe4 pay4"
)


def test_a_year_in_which_everything_happens() -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        story = open_story(mock, Switches(), 0)
        for move in EVENTFUL.split():
            story.play(move[:-1], int(move[-1]))
            check(story.box, story.customer)
            story.box.advance(seconds=18 * DAY)
            check(story.box, story.customer)
        assert story.box.now() - START >= YEAR
        assert story.done == set(NAMES)
        statuses = {body["status"] for body in story.box.world.store.scan("invoice")}
        assert statuses == {"open", "paid", "uncollectible", "void"}


def open_story(mock: responses.RequestsMock, switches: Switches, seed: int) -> Story:
    box = Sandbox(START, switches=switches)
    mount(box, mock)
    return Story(Stage(box, stripe.StripeClient("sk_test_123")), seed)


@pytest.mark.timeout(3_600 if SOAK else 120)
@settings(
    max_examples=2_000 if SOAK else 12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(moves=moves, seed=st.integers(0, 9), unpaid=st.booleans(), returns=st.booleans())
def test_over_any_year(
    moves: list[tuple[str, int, int]], seed: int, unpaid: bool, returns: bool
) -> None:
    switches = Switches(
        when_retries_end="unpaid" if unpaid else "cancel", void_returns_balance=returns
    )
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        story = open_story(mock, switches, seed)
        for name, choice, days in moves:
            story.play(name, choice)
            check(story.box, story.customer)
            if story.box.now() < START + YEAR:
                story.box.advance(seconds=days * DAY)
                check(story.box, story.customer)
        story.box.advance(to=max(story.box.now(), START + YEAR))
        check(story.box, story.customer)
