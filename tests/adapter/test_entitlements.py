"""What counts, at every instant of a change's life."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapter.changes.states import State
from adapter.entitlements import in_effect
from adapter.holdings import Holding
from adapter.prices import offer_from_dict
from adapter.tables import ChangeLineRow, LineRow, SubscriptionRow
from mappings import load_catalogue

CATALOGUE = load_catalogue("choose-when")
FAMILY = "virtual-team"
END = datetime(2026, 2, 10, 9, tzinfo=UTC)
CURRENCY = {"currency": "usd", "family": FAMILY}
GROWTH = {"plan": "growth", "tier": "5k", "interval": "month", **CURRENCY}
STARTER = {"plan": "starter", "tier": "2k", "interval": "month", **CURRENCY}


def held(offer: dict[str, Any] | None, status: str = "active", **sub: Any) -> Holding:
    row = SubscriptionRow(id="sub_1", status=status, **sub)
    return Holding(row, LineRow(id="si_1"), offer_from_dict(offer) if offer else None)


def line(state: State, old: Any = GROWTH, new: Any = STARTER, **more: Any) -> ChangeLineRow:
    decision = more.pop("decision", {"on_failed_payment": "keep_current"})
    return ChangeLineRow(
        state=state.value,
        subscription_id="sub_1",
        family=FAMILY,
        from_offer=old,
        to_offer=new,
        effective_at=END,
        decision=decision,
        **more,
    )


def plan(holdings: list[Holding], lines: list[ChangeLineRow]) -> str | None:
    offer = in_effect(CATALOGUE, FAMILY, holdings, lines).offer
    return offer.plan if offer else None


@pytest.mark.parametrize(
    ("happening", "holdings", "lines", "counts"),
    [
        ("nothing is held", [], [], "free"),
        ("a first purchase is under way", [], [line(State.EXECUTING, None)], "free"),
        ("it waits for 3-D Secure", [held(STARTER, "incomplete")], [], "free"),
        ("it is paid", [held(STARTER)], [], "starter"),
        ("on trial", [held(STARTER, "trialing")], [], "starter"),
        ("an upgrade waits for its payment", [held(STARTER)], [line(State.EXECUTING)], "starter"),
        ("it waits for the customer", [held(STARTER)], [line(State.AWAITING_PAYMENT)], "starter"),
        ("it is paid", [held(GROWTH)], [], "growth"),
        ("a downgrade is scheduled", [held(GROWTH)], [line(State.SCHEDULED)], "growth"),
        ("Stripe entered it unpaid", [held(STARTER)], [line(State.ACTIVATING)], "growth"),
        (
            "its payment failed, in the grace",
            [held(STARTER, "past_due")],
            [line(State.ACTIVATING, payment_url="https://pay", grace_until=END)],
            "growth",
        ),
        (
            "its payment failed and the rule says free",
            [held(STARTER, "past_due")],
            [
                line(
                    State.ACTIVATING,
                    payment_url="https://pay",
                    decision={"on_failed_payment": "free"},
                )
            ],
            "free",
        ),
        ("a renewal failed", [held(GROWTH, "past_due")], [], "growth"),
        ("Stripe gave a renewal up", [held(GROWTH, "unpaid")], [], "free"),
        ("it is paused", [held(GROWTH, "paused")], [], "free"),
        ("its price is unknown", [held(None)], [], "free"),
        ("two of a family: the better", [held(STARTER), held(GROWTH)], [], "growth"),
    ],
)
def test_what_counts(happening: str, holdings: Any, lines: Any, counts: str):
    assert plan(holdings, lines) == counts, happening


def test_until_when_it_counts():
    ending = in_effect(CATALOGUE, FAMILY, [held(GROWTH, cancel_at=END)], [])
    assert ending.until == END
    scheduled = in_effect(CATALOGUE, FAMILY, [held(GROWTH)], [line(State.SCHEDULED)])
    assert (scheduled.until, scheduled.waits_for) == (END, None)
    entered = line(State.ACTIVATING)
    assert in_effect(CATALOGUE, FAMILY, [held(STARTER)], [entered]).waits_for is entered


def test_a_family_without_a_free_plan_may_have_nothing_in_effect():
    assert in_effect(CATALOGUE, "content-studio", [], []).offer is None
